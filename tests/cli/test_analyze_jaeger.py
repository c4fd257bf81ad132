"""`analyze jaeger://…` against a local server that answers as Jaeger does."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from otel_sessionopt.ingest.jaeger_api import parse_address, parse_since
from tests.cli.run import Outcome, run_command

TRACE = "0af7651916cd43dd8448eb211c80319c"
ROOT = {"traceID": TRACE, "spanID": "1", "operationName": "run", "startTime": 1_760_000_000_000_000, "duration": 9000}
CALL_TAGS = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 10,
}


class FakeJaeger(ThreadingHTTPServer):
    """Answers for one trace of the service `agent`, in the API v3 or only in the older one."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.has_v3 = True
        self.asked: list[str] = []
        self.token: str | None = None
        self.failing = 0


class _Handler(BaseHTTPRequestHandler):
    server: FakeJaeger

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.server.asked.append(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        if self.server.failing:
            self._answer(self.server.failing, {})
        elif self.server.token and self.headers.get("Authorization") != f"Bearer {self.server.token}":
            self._answer(401, {})
        elif url.path.startswith("/api/v3/") and not self.server.has_v3:
            self._answer(200, None)  # the page itself
        elif url.path == f"/api/v3/traces/{TRACE}" or (
            url.path == "/api/v3/traces" and query.get("query.service_name") == "agent"
        ):
            self._answer(200, {"result": v3_document()})
        elif url.path == f"/api/traces/{TRACE}" or (url.path == "/api/traces" and query.get("service") == "agent"):
            self._answer(200, older_document())
        else:
            self._answer(404, {"errors": [{"code": 404, "msg": "trace not found"}]})

    def _answer(self, status: int, document: object) -> None:
        body = b"<html>" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if document is None else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


def v3_document() -> dict[str, Any]:
    attributes = [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for key, value in CALL_TAGS.items()
    ]
    times = {"startTimeUnixNano": "1760000000000000000", "endTimeUnixNano": "1760000000009000000"}
    spans = [
        {"traceId": TRACE, "spanId": "0000000000000001", "name": "run", **times},
        {"traceId": TRACE, "spanId": "0000000000000002", "parentSpanId": "0000000000000001", "name": "chat",
         "attributes": attributes, **times},
    ]  # fmt: skip
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": spans}]}]}


def older_document() -> dict[str, Any]:
    tags = [
        {"key": key, "type": "int64" if isinstance(value, int) else "string", "value": value}
        for key, value in CALL_TAGS.items()
    ]
    reference = [{"refType": "CHILD_OF", "traceID": TRACE, "spanID": "1"}]
    call = {**ROOT, "spanID": "2", "operationName": "chat", "tags": tags, "references": reference}
    return {"data": [{"traceID": TRACE, "spans": [ROOT, call], "processes": {}}]}


@pytest.fixture
def jaeger() -> Iterator[FakeJaeger]:
    with FakeJaeger() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


Run = Callable[..., Outcome]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """`analyze` with an empty home, a folder for temporary files and perhaps a token."""
    (tmp_path / "tmp").mkdir()

    def analyze(*arguments: str, token: str = "") -> Outcome:
        environ = {"TMPDIR": str(tmp_path / "tmp"), "JAEGER_BEARER_TOKEN": token, "NO_PROXY": "*"}
        return run_command("analyze", *arguments, home=tmp_path, environ=environ)

    return analyze


def address(server: FakeJaeger) -> str:
    return f"jaeger://127.0.0.1:{server.server_address[1]}"


@pytest.mark.parametrize("has_v3", [True, False])
@pytest.mark.parametrize("by_id", [True, False])
def test_one_trace_and_the_traces_of_a_service_come_from_either_api(
    jaeger: FakeJaeger, run: Run, has_v3: bool, by_id: bool
) -> None:
    jaeger.has_v3 = has_v3
    arguments = [f"{address(jaeger)}/{TRACE}"] if by_id else [address(jaeger), "--service", "agent", "--since", "7d"]
    result = run(*arguments, "--json")
    assert result.status == 0, result.err
    (report,) = json.loads(result.out)["reports"]
    assert report["session_id"] == TRACE
    assert report["bill"]["total"]["tokens"] == 1010
    assert len(jaeger.asked) == (1 if has_v3 else 2)


def test_leading_zeros_of_a_trace_id_may_be_left_away(jaeger: FakeJaeger, run: Run) -> None:
    run(f"{address(jaeger)}/{TRACE.lstrip('0').upper()}", "--json")
    assert jaeger.asked == [f"/api/v3/traces/{TRACE}"]


def test_what_is_not_there_is_one_clear_error(jaeger: FakeJaeger, run: Run) -> None:
    result = run(f"{address(jaeger)}/123")
    assert (result.status, result.out) == (2, "")
    assert "this Jaeger has no trace 00000000000000000000000000000123" in result.err
    result = run(address(jaeger), "--service", "nobody")
    assert result.status == 2
    assert "no trace of the service 'nobody' since " in result.err


def test_a_token_is_sent_and_asked_for(jaeger: FakeJaeger, run: Run) -> None:
    jaeger.token = "s3cret-token"
    result = run(f"{address(jaeger)}/{TRACE}")
    assert (result.status, "401" in result.err, "JAEGER_BEARER_TOKEN" in result.err) == (2, True, True)
    assert run(f"{address(jaeger)}/{TRACE}", token="s3cret-token").status == 0


def test_a_server_in_trouble_and_none_at_all_are_told_apart(jaeger: FakeJaeger, run: Run) -> None:
    jaeger.failing = 503
    assert "Jaeger answers 503" in run(f"{address(jaeger)}/{TRACE}").err
    jaeger.server_close()
    jaeger.shutdown()
    assert "no Jaeger answers at http://127.0.0.1:" in run(f"{address(jaeger)}/{TRACE}").err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["jaeger://"], "no address of a Jaeger"),
        (["jaeger://host:99999/1"], "no address of a Jaeger (Port out of range 0-65535)"),
        (["jaeger://host/not-an-id"], "'not-an-id' is no trace id"),
        (["jaeger://host"], "a trace id or --service is missing"),
        (["jaeger://host", "--service", "x", "--since", "soon"], "'soon' is no duration"),
        (["some.json", "--service", "x"], "give its address too"),
    ],
)
def test_wrong_arguments_say_what_is_wanted(run: Run, arguments: list[str], reason: str) -> None:
    result = run(*arguments)
    assert result.status == 2
    assert reason in result.err


def test_addresses() -> None:
    assert parse_address("jaeger://host/abc").base == "http://host:16686"
    assert parse_address("jaeger+https://host:443/jaeger/ui/").base == "https://host:443/jaeger/ui"
    assert parse_address("jaeger://[::1]:80/1").base == "http://[::1]:80"
    assert (parse_since("90m").total_seconds(), parse_since("7D").days) == (5400, 7)


def test_nothing_is_left_behind(jaeger: FakeJaeger, run: Run, tmp_path: Path) -> None:
    assert run(f"{address(jaeger)}/{TRACE}").status == 0
    assert list((tmp_path / "tmp").iterdir()) == []
