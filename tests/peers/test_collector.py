"""The files of collector_config/ in a real OpenTelemetry Collector: valid, and doing what they say.

Needs a Collector with the components of the files (the contrib distribution has them), named by COLLECTOR_BINARY; its
makers publish it as container image and archive only.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.cli.run import run_command
from tests.peers.test_jaeger import wait_for
from tests.support.otlp_sink import http_sink
from tests.support.ports import free_port
from tests.support.service_process import agent_request, post, running_service

pytestmark = pytest.mark.peers
FOLDER = Path(__file__).resolve().parents[2] / "collector_config"
TRACE = 0xABC


def collector() -> str:
    binary = os.environ.get("COLLECTOR_BINARY", "")
    if not Path(binary).is_file():
        pytest.skip("COLLECTOR_BINARY names no OpenTelemetry Collector")
    return binary


@contextmanager
def running_collector(folder: Path, file: str, environ: dict[str, str]) -> Iterator[str]:
    """The Collector with a file of ours; only its own ports are others. Gives its OTLP/HTTP address."""
    binary, http, health = collector(), free_port(), free_port()
    text = (FOLDER / file).read_text(encoding="utf-8")
    for known, own in ((4317, free_port()), (4318, http), (13133, health)):
        text = re.sub(rf"(endpoint: \S*?):{known}\b(?=\n)", rf"endpoint: 127.0.0.1:{own}", text)
    path = folder / file
    path.write_text(text, encoding="utf-8")
    with (folder / "collector.log").open("w") as log:
        process = subprocess.Popen([binary, f"--config={path}"], stdout=log, stderr=log, env={**os.environ, **environ})
    try:
        wait_for(lambda: post(f"http://127.0.0.1:{http}/v1/traces", b"", PROTOBUF_HEADERS).status == 200)
        yield f"http://127.0.0.1:{http}"
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()


PROTOBUF_HEADERS = {"Content-Type": "application/x-protobuf"}


@pytest.mark.parametrize("file", sorted(path.name for path in FOLDER.glob("*.yaml")))
def test_the_collector_holds_every_file_to_be_valid(file: str) -> None:
    done = subprocess.run(
        [collector(), "validate", f"--config={FOLDER / file}"],
        env={**os.environ, "SESSIONOPT_TOKEN": "a-token-of-many-characters"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_gateway_spans_go_to_jaeger_and_to_the_service_whose_findings_follow(tmp_path: Path) -> None:
    with http_sink() as jaeger, running_service(tmp_path, f"--findings-to={jaeger.url}") as service:
        environ = {"JAEGER_ENDPOINT": jaeger.url.removesuffix("/v1/traces"), "SESSIONOPT_ENDPOINT": service.http}
        with running_collector(tmp_path, "gateway.yaml", environ) as address:
            assert post(f"{address}/v1/traces", agent_request(TRACE, [1, 2, 3]), PROTOBUF_HEADERS).status == 200
            wait_for(lambda: "sessionopt.report" in jaeger.names)
        assert sorted(jaeger.names) == ["chat gpt-4o", "chat gpt-4o", "invoke_agent shop", "sessionopt.report"]
        assert service.reports[f"{TRACE:032x}"]["bill"]["calls"] == 2


def test_files_are_what_analyze_reads(tmp_path: Path) -> None:
    with http_sink() as jaeger:
        environ = {"JAEGER_ENDPOINT": jaeger.url.removesuffix("/v1/traces"), "TRACES_FOLDER": str(tmp_path)}
        with running_collector(tmp_path, "files.yaml", environ) as address:
            for span in (2, 3, 1):
                assert post(f"{address}/v1/traces", agent_request(TRACE, [span]), PROTOBUF_HEADERS).status == 200
            wait_for(lambda: len(jaeger.spans) == 3)
    found = run_command("analyze", tmp_path / "traces.jsonl", home=tmp_path)
    assert found.status == 0, found.err
    assert "2 model calls" in found.out


def test_scale_out_keeps_a_trace_on_one_replica_and_loses_none(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("a-token-of-many-characters")
    arguments = f"--token-file={token}"
    (tmp_path / "1").mkdir()
    with running_service(tmp_path / "1", arguments) as one, running_service(tmp_path / "2", arguments) as two:
        environ = {
            "SESSIONOPT_REPLICA_1": one.grpc,
            "SESSIONOPT_REPLICA_2": two.grpc,
            "SESSIONOPT_TOKEN": token.read_text(),
        }
        traces = range(1, 41)
        with running_collector(tmp_path, "scale-out.yaml", environ) as address:
            for span in (3, 2, 1):  # every trace in three requests, its root last
                for trace in traces:
                    assert post(f"{address}/v1/traces", agent_request(trace, [span]), PROTOBUF_HEADERS).status == 200
            wait_for(lambda: len(one.reports) + len(two.reports) == len(traces))
        assert set(one.reports).isdisjoint(two.reports)
        assert one.reports
        assert two.reports
        for report in [*one.reports.values(), *two.reports.values()]:
            assert (report["bill"]["calls"], report["release"]["span_count"]) == (2, 3)


def test_in_kubernetes_what_was_accepted_survives_a_restart(tmp_path: Path) -> None:
    with http_sink() as jaeger:
        gone = f"http://127.0.0.1:{free_port()}"
        environ = {
            "JAEGER_ENDPOINT": jaeger.url.removesuffix("/v1/traces"),
            "SESSIONOPT_ENDPOINT": gone,
            "SESSIONOPT_TOKEN": "a-token-of-many-characters",
            "QUEUE_FOLDER": str(tmp_path / "queue"),
        }
        with running_collector(tmp_path, "kubernetes.yaml", environ) as address:
            assert post(f"{address}/v1/traces", agent_request(TRACE, [1, 2, 3]), PROTOBUF_HEADERS).status == 200
            wait_for(lambda: len(jaeger.spans) == 3)
        with http_sink(port=int(gone.rpartition(":")[2])) as back:
            with running_collector(tmp_path, "kubernetes.yaml", environ):
                wait_for(lambda: len(back.spans) == 3)
            assert len(jaeger.spans) == 3
