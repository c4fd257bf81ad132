"""What waits for an endpoint that is gone, and how much of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from otel_sessionopt.errors import ConfigError
from otel_sessionopt.service.forwarding import Endpoint, Forwarder, endpoints_of
from otel_sessionopt.service.request_log import Form, Request, RequestLog, Signal
from otel_sessionopt.service.session_end import NextStep, Step
from otel_sessionopt.service.trace_store import Arrived, DueTrace, Outcome, TraceStore
from otel_sessionopt.service_settings import MIB, ServiceSettings
from tests.support.otlp_sink import http_sink
from tests.support.ports import free_port
from tests.support.service_process import agent_request, running_service

SIZE = 100_000
REQUEST = Request(Signal.TRACES, Form.PROTOBUF, False, 1, bytes(SIZE))


@contextmanager
def forwarder(folder: Path, log: RequestLog) -> Iterator[Forwarder]:
    settings = ServiceSettings(forward_queue_bytes=MIB)
    endpoint = Endpoint(f"http://127.0.0.1:{free_port()}")
    made = Forwarder(endpoint, folder, TraceStore(folder, settings), settings, lambda: log.end)
    made.start()
    try:
        yield made
    finally:
        made.stop()
        log.close()


def wait_until(found: Forwarder, name: str, least: int) -> None:
    for _ in range(1000):
        if found.counts[name] >= least:
            return
        found._sleep(0.01)
    raise AssertionError(found.counts)


def test_what_is_too_much_for_an_endpoint_that_is_gone_is_let_go_at_once(tmp_path: Path) -> None:
    log = RequestLog(tmp_path / "requests", segment_bytes=MIB)
    log.append([REQUEST] * 5)
    with forwarder(tmp_path, log) as found:
        wait_until(found, "retries", 1)
        log.append([REQUEST] * 15)  # 2 MB in all, and they are read together
        wait_until(found, "dropped", 9)
        assert log.end - found.position <= MIB + SIZE


def test_requests_of_our_own_are_bounded_too(tmp_path: Path) -> None:
    settings = ServiceSettings(hold=True)
    store = TraceStore(tmp_path, settings)
    store.keep({1: Arrived(digests=[b"digest"], last_s=1.0, has_root=True)}, 0)
    due = DueTrace(1, 1, 1, NextStep(Step.REPORT, 0.0), 0, 0, b"")
    store.finish([Outcome(due, True, 1, 0.0, (bytes(400_000),) * 5)])
    assert store.outgoing_beyond(0, 10 * MIB) is None
    assert store.outgoing_beyond(0, MIB) == 3
    assert store.outgoing_beyond(3, MIB) is None
    log = RequestLog(tmp_path / "requests", segment_bytes=MIB)
    with forwarder(tmp_path, log) as found:
        wait_until(found, "dropped", 3)
        assert found.outgoing_id == 3
    store.close()


def test_an_endpoint_that_was_not_among_the_settings_begins_with_what_is_there(tmp_path: Path) -> None:
    log = RequestLog(tmp_path / "requests", segment_bytes=MIB, start=50 * MIB)
    with forwarder(tmp_path, log) as found:
        for _ in range(1000):
            if found.position == 50 * MIB:
                break
            found._sleep(0.01)
        assert (found.position, found.counts["dropped"]) == (50 * MIB, 0)


def test_no_password_of_an_address_is_told(tmp_path: Path) -> None:
    with http_sink() as sink:
        url = sink.url.removesuffix("/v1/traces").replace("//", "//name:secret@")
        with running_service(tmp_path, f"--forward={url}") as service:
            service.post(agent_request(1, [1]))
            service.wait_for(lambda: service.status()["forwarded"][0].get("sent", 0) > 0)
            assert "secret" not in json.dumps(service.status())


@pytest.mark.parametrize("url", ["http://localhost:4318", "http://127.0.0.1:4318/v1/traces", "http://[::1]:4318"])
def test_a_service_does_not_forward_to_itself(url: str) -> None:
    for settings in (ServiceSettings(forward=(url,)), ServiceSettings(findings_to=(url,))):
        with pytest.raises(ConfigError, match="this service itself"):
            endpoints_of(settings)
