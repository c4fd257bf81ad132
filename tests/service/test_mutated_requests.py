from __future__ import annotations

import random
from collections import Counter
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from tests.support.mutated_requests import mutated_request
from tests.support.otlp_sink import http_sink
from tests.support.service_process import RunningService, agent_request, running_service

_TIMEOUT = 1.0  # some headers make the server wait for a body that does not come
ALLOWED = {200, 400, 401, 403, 404, 405, 413, 415, 429, 503}


def send_mutated(service: RunningService, count: int, seed: int) -> Counter[int]:
    """Answers by status; 0 where the connection was closed, which some headers ask for."""
    chance = random.Random(seed)
    statuses: Counter[int] = Counter()
    host = service.http.removeprefix("http://")
    connection = HTTPConnection(host, timeout=_TIMEOUT)
    for _ in range(count):
        mutated = mutated_request(chance)
        try:
            connection.request(mutated.method, mutated.path, mutated.body, mutated.headers)
            response = connection.getresponse()
            response.read()
            statuses[response.status] += 1
        except (HTTPException, OSError):
            statuses[0] += 1
            connection.close()
            connection = HTTPConnection(host, timeout=_TIMEOUT)
    connection.close()
    return statuses


def memory_kib(service: RunningService) -> int:
    pids = [service.process.pid, service.status()["reader_pid"]]
    rows = [row for pid in pids for row in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return sum(int(row.split()[1]) for row in rows if row.startswith("VmRSS:"))


def fuzz(folder: Path, count: int, capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
    """Send mutated requests; print what they were answered with; what is well comes through afterwards."""
    with running_service(folder, *arguments) as service:
        service.wait_for(lambda: service.status().get("reader_pid", 0) > 0)
        statuses = send_mutated(service, count // 5, seed=1)
        service.wait_for(lambda: service.status()["unread_bytes"] == 0, 120)
        before = memory_kib(service)
        statuses += send_mutated(service, count - count // 5, seed=2)
        service.wait_for(lambda: service.status()["unread_bytes"] == 0, 300)
        after = memory_kib(service)
        assert service.post(agent_request(0xF0, [1, 2])).status == 200
        service.wait_for(lambda: f"{0xF0:032x}" in service.reports, 120)
        restarts, failed = service.status()["reader_restarts"], service.status().get("analyses_failed", 0)
    with capsys.disabled():
        told = ", ".join(f"{number} x {status or 'closed'}" for status, number in sorted(statuses.items()))
        print(  # noqa: T201 - the counts are what this is for
            f"\n{count} mutated requests: {told}; {restarts} crashes, {failed} failed analyses; "
            f"memory {before // 1024} MiB after a fifth of them, {after // 1024} MiB at the end"
        )
    assert set(statuses) <= ALLOWED | {0}
    assert (restarts, failed) == (0, 0)
    # What grows with each request would be a hundred bytes at least.
    assert after - before < max(count // 10, 8_192)


def test_mutated_requests_crash_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fuzz(tmp_path, 1_000, capsys)


def test_mutated_requests_crash_nothing_where_traces_are_held(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with http_sink() as sink:
        fuzz(tmp_path, 1_000, capsys, f"--forward={sink.url.removesuffix('/v1/traces')}", "--hold")
