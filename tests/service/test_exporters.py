from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.service_process import running_service

PROGRAM = Path(__file__).parents[1] / "support" / "send_spans.py"


def test_what_the_python_sdk_sends_is_reported(tmp_path: Path) -> None:
    cases = [("http", "none"), ("http", "gzip"), ("grpc", "none"), ("grpc", "gzip")]
    with running_service(tmp_path) as service:
        for exporter, compression in cases:
            endpoint = service.http if exporter == "http" else service.grpc
            trace_id = subprocess.run(
                [sys.executable, PROGRAM, exporter, endpoint, compression], check=True, capture_output=True, text=True
            ).stdout.strip()
            service.wait_for(lambda wanted=trace_id: wanted in service.reports)  # type: ignore[misc]
            assert service.reports[trace_id]["bill"]["calls"] == 3
            assert service.reports[trace_id]["session"]["agent"] == f"python-{exporter}"


@pytest.mark.parametrize("arguments", [["--host=0.0.0.0"], ["--hold"], ["--forward=ftp://x"], ["--token-file=/none"]])
def test_what_is_not_safe_or_not_possible_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    command = [sys.executable, "-m", "otel_sessionopt", "serve", f"--data={tmp_path}", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: service.")
    assert len(done.stderr.splitlines()) == 1
