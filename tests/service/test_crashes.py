from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.support.otlp_sink import http_sink
from tests.support.service_process import running_service
from tests.support.service_senders import Senders, missing_and_doubled


def crash_test(folder: Path, kills: int, clients: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Kill the service at random moments under load; print and check what became of what it had acknowledged."""
    chance = random.Random(7)
    with running_service(folder) as service:
        port = int(service.http.rpartition(":")[2])
        senders = Senders(service.http, clients, seed=7)
        time.sleep(chance.uniform(0.0, 1.0))
        service.kill()
    for _ in range(kills - 1):
        with running_service(folder, f"--http-port={port}") as service:
            time.sleep(chance.uniform(0.0, 1.0))
            service.kill()
    with running_service(folder, f"--http-port={port}") as service:
        senders.stop()
        service.wait_for(service.is_idle, 120)
        missing, doubled = missing_and_doubled(senders.acknowledged, service.reports)
    with capsys.disabled():
        print(  # noqa: T201 - the counts are what this is for
            f"\n{kills} kills, {clients} clients: {len(senders.acknowledged)} sessions, "
            f"{sum(senders.acknowledged.values())} spans acknowledged, {senders.retries} requests sent again; "
            f"{missing} spans missing, {doubled} counted twice"
        )
    assert senders.acknowledged
    assert (missing, doubled) == (0, 0)


def test_what_was_acknowledged_is_in_a_report_after_every_kill_and_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crash_test(tmp_path, kills=3, clients=2, capsys=capsys)


def test_a_reader_that_dies_is_started_again_and_goes_on(tmp_path: Path) -> None:
    with running_service(tmp_path) as service:
        senders = Senders(service.http, clients=1, seed=3, pause_seconds=0.01)
        killed: set[int] = set()
        for _ in range(2):
            service.wait_for(lambda: service.status().get("reader_pid", 0) not in {0, *killed})
            killed.add(service.status()["reader_pid"])
            os.kill(service.status()["reader_pid"], signal.SIGKILL)
        senders.stop()
        service.wait_for(service.is_idle, 60)
        assert service.status()["reader_restarts"] == 2
        assert missing_and_doubled(senders.acknowledged, service.reports) == (0, 0)


def test_everything_reaches_an_endpoint_that_was_gone_for_a_while(tmp_path: Path) -> None:
    with http_sink() as sink:
        url = sink.url.removesuffix("/v1/traces")
        with running_service(tmp_path, f"--forward={url}") as service:
            senders = Senders(service.http, clients=2, seed=5, pause_seconds=0.01)
            time.sleep(0.5)
            service.kill()
        port = int(service.http.rpartition(":")[2])
    with running_service(tmp_path, f"--forward={url}", f"--http-port={port}") as service:
        time.sleep(1.0)
        senders.stop()
        with http_sink(port=int(url.rpartition(":")[2])) as later:
            service.wait_for(lambda: service.status()["forwarded"][0]["waiting_bytes"] == 0, 60)
    sent = {(span.trace_id, span.span_id) for span in [*sink.spans, *later.spans]}
    wanted = {
        (trace_id.to_bytes(16, "big"), span_id.to_bytes(8, "big"))
        for trace_id, calls in senders.acknowledged.items()
        for span_id in range(1, calls + 2)
    }
    assert wanted <= sent
