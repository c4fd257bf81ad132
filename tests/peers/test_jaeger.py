"""A real Jaeger: our UI settings, traces sent to it, and what `analyze jaeger://…` gets back from both of its APIs.

Needs a Jaeger v2 program, named by JAEGER_BINARY; its makers publish it as container image and archive only.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.cli.run import run_command
from tests.support.ports import free_port
from tests.support.service_process import running_service

pytestmark = pytest.mark.peers
ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "claude-code-session.jsonl.xz"


class Jaeger(NamedTuple):
    pages: str
    otlp: str


@contextmanager
def running_jaeger(folder: Path) -> Iterator[Jaeger]:
    binary = os.environ.get("JAEGER_BINARY", "")
    if not Path(binary).is_file():
        pytest.skip("JAEGER_BINARY names no Jaeger v2 program")
    query, http, health = free_port(), free_port(), free_port()
    chosen = {
        "extensions.jaeger_query.ui.config_file": ROOT / "collector_config" / "jaeger-ui.json",
        "extensions.jaeger_query.http.endpoint": f"127.0.0.1:{query}",
        "extensions.jaeger_query.grpc.endpoint": f"127.0.0.1:{free_port()}",
        "extensions.healthcheckv2.http.endpoint": f"127.0.0.1:{health}",
        "receivers.otlp.protocols.http.endpoint": f"127.0.0.1:{http}",
        "receivers.otlp.protocols.grpc.endpoint": f"127.0.0.1:{free_port()}",
    }
    with (folder / "jaeger.log").open("w") as log:
        command = [binary, *(f"--set={key}={value}" for key, value in chosen.items())]
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env={**os.environ, "JAEGER_LISTEN_HOST": "127.0.0.1"}
        )
    try:
        wait_for(lambda: get_json(f"http://127.0.0.1:{health}/status")["healthy"])
        yield Jaeger(f"127.0.0.1:{query}", f"http://127.0.0.1:{http}")
    finally:
        process.terminate()
        process.wait(20)


def get_json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def wait_for(condition: Any, seconds: float = 30.0) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if found := condition():
                return found
        except (OSError, KeyError, IndexError, ValueError):
            pass
        assert time.monotonic() < deadline, "still waiting"
        time.sleep(0.2)


def bill(output: str) -> Any:
    (report,) = json.loads(output)["reports"]
    return report["bill"]["total"], report["waste"]["avoidable"], len(report["issues"])


def test_what_is_sent_to_jaeger_comes_back_as_the_same_session(tmp_path: Path) -> None:
    with running_jaeger(tmp_path) as jaeger:
        sent = run_command("export", "--otlp", jaeger.otlp, EXAMPLE, home=tmp_path)
        assert sent.status == 0, sent.err
        search = f"http://{jaeger.pages}/api/traces?service=claude-code&start=1500000000000000&end=1900000000000000"
        older = wait_for(lambda: get_json(search)["data"] and get_json(search))
        trace_id = older["data"][0]["traceID"]
        saved = tmp_path / "saved.json"
        saved.write_text(json.dumps(older))
        expected = bill(run_command("analyze", EXAMPLE, "--json", home=tmp_path).out)
        for arguments in (
            [f"jaeger://{jaeger.pages}/{trace_id}"],
            [f"jaeger://{jaeger.pages}", "--service", "claude-code", "--since", "3650d"],
            [saved],
        ):
            found = run_command("analyze", *arguments, "--json", home=tmp_path)
            assert found.status == 0, found.err
            assert bill(found.out) == expected
        # The second export is the same trace: Jaeger has one, with as many different spans.
        assert run_command("export", "--otlp", jaeger.otlp, EXAMPLE, home=tmp_path).status == 0
        time.sleep(2)
        again = get_json(search)["data"]
        assert [trace["traceID"] for trace in again] == [trace_id]
        ids = {span["spanID"] for span in older["data"][0]["spans"]}
        assert {span["spanID"] for span in again[0]["spans"]} == ids
        missing = run_command("analyze", f"jaeger://{jaeger.pages}/abc", home=tmp_path)
        assert (missing.status, "has no trace" in missing.err) == (2, True)


def test_findings_of_the_service_stand_in_the_trace_and_the_page_has_our_settings(tmp_path: Path) -> None:
    with running_jaeger(tmp_path) as jaeger, running_service(tmp_path, f"--findings-to={jaeger.otlp}") as service:
        for endpoint in (jaeger.otlp, service.http):  # as a Collector with two exporters does
            assert run_command("export", "--otlp", endpoint, EXAMPLE, home=tmp_path).status == 0
        wait_for(lambda: service.status()["reports"])
        (trace_id,) = service.reports
        spans = wait_for(
            lambda: [
                span
                for span in get_json(f"http://{jaeger.pages}/api/traces/{trace_id}")["data"][0]["spans"]
                if span["operationName"] == "sessionopt.report"
            ]
        )
        tags = {tag["key"]: tag["value"] for tag in spans[0]["tags"]}
        assert tags["sessionopt.analyzed"] is True
        assert tags["sessionopt.grade"] == service.reports[trace_id]["grade"]
        with urllib.request.urlopen(f"http://{jaeger.pages}/", timeout=10) as answer:
            page = answer.read().decode()
        assert "/api/v1/jaeger/quality-metrics" in page
        assert "http://localhost:8425/sessions/#{traceID}" in page
