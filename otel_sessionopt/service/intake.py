"""`Intake`: the one way into the log for both receivers: bounds, check, durable write."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from otel_sessionopt.service.otlp_request import RESOURCE_EXHAUSTED, Accepted, Refusal, check_request, too_large

if TYPE_CHECKING:
    from otel_sessionopt.service.durable_writer import DurableWriter
    from otel_sessionopt.service.request_log import Request
    from otel_sessionopt.service_settings import ServiceSettings


class Taken(NamedTuple):
    """A request on its way to the disk: what it holds, and when it is there (or `StoreRefused`)."""

    accepted: Accepted
    durable: Future[int] | None


class Intake:
    """Checks requests and hands them to the writer. Safe to use from any thread.

    Attributes:
        counts: requests, spans and log records taken, refusals by status, for the metrics.
    """

    def __init__(self, writer: DurableWriter, settings: ServiceSettings) -> None:
        self._writer = writer
        self.max_request_bytes = settings.max_request_bytes
        self._max_in_flight = settings.max_in_flight_bytes
        self._in_flight = 0
        self._lock = threading.Lock()
        self._large = threading.Lock()
        self.counts: Counter[str] = Counter()

    @contextmanager
    def room_for(self, size: int) -> Iterator[Callable[[int], None]]:
        """Hold room in memory for a request of `size` bytes; what it gives takes further room for the same request.

        Both raise `Refusal` where there is none now, or never.
        """
        held = 0

        def take(further: int) -> None:
            nonlocal held
            if held + further > self.max_request_bytes:
                raise too_large(self.max_request_bytes)
            with self._lock:
                # One request is always taken, however small the room is.
                if self._in_flight > held and self._in_flight + further > self._max_in_flight:
                    raise Refusal(
                        HTTPStatus.TOO_MANY_REQUESTS,
                        RESOURCE_EXHAUSTED,
                        "too many requests are being received; try later",
                    )
                self._in_flight += further
                held += further

        take(size)
        try:
            yield take
        finally:
            with self._lock:
                self._in_flight -= held

    def take(self, request: Request) -> Taken:
        """Check a request and have it written. Raises `Refusal`."""
        accepted = check_request(request, self.max_request_bytes, self._large)
        # A request without spans has nothing to keep.
        return Taken(accepted, self._writer.submit(request) if accepted.items else None)

    def count(self, request: Request, accepted: Accepted) -> None:
        """Remember that a request was acknowledged."""
        with self._lock:
            self.counts["requests"] += 1
            self.counts[request.signal.name.lower()] += accepted.items
            self.counts["rejected"] += accepted.rejected

    def count_refusal(self, refusal: Refusal) -> None:
        """Remember that one was not."""
        with self._lock:
            self.counts[f"refused_{refusal.status.value}"] += 1
