"""Clients that send spans until they are acknowledged, through every death of the service, and know what they sent."""

from __future__ import annotations

import random
import threading
import time
import urllib.error
from collections.abc import Mapping
from http.client import HTTPException

from tests.support.service_process import PROTOBUF, agent_request, post

SPANS_PER_REQUEST = 5
FIRST_CALL = 2  # 1 is the root
TOKENS_PER_CALL = 1010  # of `agent_request`


class Senders:
    """Threads that send sessions of a few requests each to `url`, which may change.

    Attributes:
        acknowledged: by trace id, how many model calls were acknowledged.
        retries: requests that were sent again, because no answer came or it said so.
    """

    def __init__(self, url: str, clients: int, seed: int, pause_seconds: float = 0.0) -> None:
        self.url = url
        self.acknowledged: dict[int, int] = {}
        self.retries = 0
        self._pause_seconds = pause_seconds
        self._is_stopping = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=(number, random.Random(seed + number))) for number in range(clients)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish the sessions that were begun: every root is acknowledged then."""
        self._is_stopping.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int, chance: random.Random) -> None:
        session = 0
        while not self._is_stopping.is_set():
            session += 1
            trace_id = (number + 1) << 64 | session
            spans = FIRST_CALL
            for _ in range(chance.randint(1, 6)):
                self._send(agent_request(trace_id, range(spans, spans + SPANS_PER_REQUEST)))
                spans += SPANS_PER_REQUEST
                time.sleep(self._pause_seconds)
            self._send(agent_request(trace_id, [1]))
            with self._lock:
                self.acknowledged[trace_id] = spans - FIRST_CALL

    def _send(self, body: bytes) -> None:
        while True:
            try:
                answer = post(f"{self.url}/v1/traces", body, {"Content-Type": PROTOBUF})
            except (urllib.error.URLError, HTTPException, OSError):
                status = 0
            else:
                status = answer.status
            if status == 200:
                return
            assert status in (0, 429, 503), status
            with self._lock:
                self.retries += 1
            time.sleep(0.02)


def missing_and_doubled(
    acknowledged: Mapping[int, int], reports: Mapping[str, Mapping[str, object]]
) -> tuple[int, int]:
    """Model calls that were acknowledged and are in no report, and those that count more than once."""
    missing = doubled = 0
    for trace_id, calls in acknowledged.items():
        report = reports.get(f"{trace_id:032x}")
        tokens = 0
        if report is not None:
            breakdown = report["token_breakdown"]
            assert isinstance(breakdown, dict)
            tokens = breakdown["TOTAL_INPUT"] + breakdown["TOTAL_OUTPUT"]
        assert tokens % TOKENS_PER_CALL == 0
        reported = tokens // TOKENS_PER_CALL
        missing += max(calls - reported, 0)
        doubled += max(reported - calls, 0)
    return missing, doubled
