"""Callbacks, and messages that go out when a session falls below a score."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from otel_sessionopt import OptimizationReport
from otel_sessionopt.errors import ConfigError
from tests.support.recordings import optimizer_in_memory, reads


class Webhook:
    """A receiver of messages on loopback. `gate` holds its answers back."""

    def __init__(self) -> None:
        self.url = ""
        self.messages: list[dict[str, Any]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.status = 200


@contextmanager
def webhook() -> Iterator[Webhook]:
    hook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.gate.wait(10)
            hook.messages.append({"type": self.headers["Content-Type"], **json.loads(body)})
            self.send_response(hook.status)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    hook.url = f"http://127.0.0.1:{server.server_address[1]}/hook?token=hunter2"
    try:
        yield hook
    finally:
        hook.gate.set()
        server.shutdown()
        server.server_close()
        thread.join()


def test_every_new_report_goes_to_every_callback() -> None:
    first: list[OptimizationReport] = []
    second: list[OptimizationReport] = []
    optimizer = optimizer_in_memory(on_report=[first.append, second.append])
    session = reads(optimizer, 2)
    optimizer.end_session(session.id)
    optimizer.analyze(session.id)

    assert [report.session_id for report in first] == [session.id] * 2
    assert first == second


def test_one_callback_needs_no_list() -> None:
    reports: list[OptimizationReport] = []
    optimizer = optimizer_in_memory(on_report=reports.append)
    optimizer.end_session(reads(optimizer, 1).id)

    assert len(reports) == 1


def test_looking_back_calls_nobody() -> None:
    reports: list[OptimizationReport] = []
    optimizer = optimizer_in_memory(on_report=reports.append, alert_below=100, on_alert=reports.append)
    ids = [reads(optimizer, 3).id, reads(optimizer, 3).id]
    optimizer.agent_statistics("FORGE")
    optimizer.compare_sessions(ids)
    optimizer.export_report(ids[0])

    assert reports == []


def test_a_callback_that_raises_is_logged_and_the_others_run(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: OptimizationReport) -> None:
        raise RuntimeError("no idea")

    reports: list[OptimizationReport] = []
    optimizer = optimizer_in_memory(on_report=[broken, reports.append], alert_below=70, on_alert=broken)
    session = reads(optimizer, 3)
    ended = optimizer.end_session(session.id)

    assert ended is not None
    assert len(reports) == 1
    assert [f"raised for session {session.id}" in message for message in caplog.messages] == [True, True]


@pytest.mark.parametrize(("count", "expected"), [(1, 0), (2, 1), (3, 1)])  # scores 100, 50, 33.3
def test_an_alert_goes_out_below_the_threshold_and_not_at_it(count: int, expected: int) -> None:
    alerts: list[OptimizationReport] = []
    optimizer = optimizer_in_memory(alert_below=50.1, on_alert=alerts.append)
    at_it: list[OptimizationReport] = []
    exactly = optimizer_in_memory(alert_below=50, on_alert=at_it.append)
    optimizer.end_session(reads(optimizer, count).id)
    exactly.end_session(reads(exactly, 2).id)

    assert len(alerts) == expected
    assert at_it == []


def test_a_session_alerts_once_and_again_after_it_recovered() -> None:
    alerts: list[OptimizationReport] = []
    optimizer = optimizer_in_memory(alert_below=70, on_alert=alerts.append)
    session = reads(optimizer, 2)
    for tokens in (0, 0, 9_000, 0, 0):  # a large answer makes the repeated read a small share
        if tokens:
            optimizer.log_event(session.id, "AI_RESPONSE", tokens_input=tokens)
        optimizer.analyze(session.id)
    before = len(alerts)
    for _ in range(9):
        optimizer.log_event(session.id, "FILE_READ", {"file_path": "/a.py"}, tokens_input=9_000)
    optimizer.analyze(session.id)

    assert (before, len(alerts)) == (1, 2)


def test_a_webhook_gets_a_message_that_chat_services_understand() -> None:
    with webhook() as hook:
        optimizer = optimizer_in_memory(alert_below=70, alert_webhook=hook.url)
        session = reads(optimizer, 3)
        optimizer.end_session(session.id)

        assert optimizer.flush()
    (message,) = hook.messages
    assert message["type"] == "application/json"
    assert message["text"] == (f"Session {session.id} scores 33.3 (F), below 70: 1,000 tokens wasted, 1 issue.")
    assert (message["session_id"], message["agent"], message["task"]) == (session.id, "FORGE", "read")
    assert (message["efficiency_score"], message["alert_below"]) == (33.3, 70)
    assert (message["total_waste_tokens"], message["total_waste_cost"]) == (1_000, pytest.approx(0.015))
    assert [issue["issue_type"] for issue in message["issues"]] == ["REPEATED_FILE_READ"]


def test_a_webhook_that_hangs_keeps_nobody_waiting() -> None:
    with webhook() as hook:
        hook.gate.clear()
        optimizer = optimizer_in_memory(alert_below=70, alert_webhook=hook.url)
        session = reads(optimizer, 3)
        started = time.monotonic()
        optimizer.end_session(session.id)
        optimizer.log_event(session.id, "CUSTOM")
        waited = time.monotonic() - started
        is_done = optimizer.flush(0.01)
        hook.gate.set()

        assert waited < 2
        assert not is_done
        assert optimizer.flush()


@pytest.mark.parametrize("is_listening", [True, False])
def test_a_webhook_that_fails_is_a_warning_without_its_address(
    is_listening: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with webhook() as hook:
        hook.status = 500
        url = hook.url if is_listening else "http://127.0.0.1:9/hook?token=hunter2"
        optimizer = optimizer_in_memory(alert_below=70, alert_webhook=url)
        with caplog.at_level(logging.WARNING):
            optimizer.end_session(reads(optimizer, 3).id)
            assert optimizer.flush()

    (message,) = caplog.messages
    assert message.startswith("an alert could not be sent: ")
    assert "hunter2" not in caplog.text


def test_without_callback_and_webhook_an_alert_goes_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    optimizer = optimizer_in_memory(alert_below=70)
    optimizer.end_session(reads(optimizer, 3).id)

    assert "scores 33.3 (F), below 70" in caplog.text


@pytest.mark.parametrize(
    "options",
    [
        {"alert_below": -1},
        {"alert_below": 100.1},
        {"alert_below": True},
        {"alert_below": float("nan")},
        {"alert_below": 70, "alert_webhook": "file:///etc/passwd"},
        {"alert_below": 70, "alert_webhook": "localhost:80"},
        {"on_alert": print},
        {"alert_webhook": "http://localhost/"},
    ],
)
def test_settings_that_make_no_sense_are_errors(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="alert_"):
        optimizer_in_memory(**options)
