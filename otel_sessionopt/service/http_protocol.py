"""HTTP connections that end when their sender is too slow, or says too much before its request begins."""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES: Final = 512 * 1024
"""Request line and headers. httptools itself has no bound: a header without end would fill the memory. One read of a
socket has up to 256 KiB, with the end of another request in it perhaps."""
REQUEST_SECONDS: Final = 60.0
"""For one request to arrive, and for every further `LEAST_BYTES` of it: a sender that hangs holds room in memory.
Exporters themselves give up after 10 s by default."""
LEAST_BYTES: Final = 1024 * 1024
_MOST_CONNECTIONS: Final = 4096
_OTHER_FILES: Final = 256  # the log, databases, pipes, gRPC


def max_connections() -> int:
    """Connections that one server keeps open; further senders are answered with 503.

    Raises the soft limit of open files as far as is needed and allowed: at that limit the log could not go on either.
    """
    try:
        import resource
    except ImportError:
        return _MOST_CONNECTIONS // 8  # Windows
    wanted = 2 * _MOST_CONNECTIONS + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    allowed = wanted if soft == resource.RLIM_INFINITY else min(soft, wanted)
    return max((allowed - _OTHER_FILES) // 2, 16)


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with bounds. The time between two requests is uvicorn's own `timeout_keep_alive`."""

    request_seconds = REQUEST_SECONDS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._is_in_head = True
        self._head_bytes = 0
        self._heard_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._end_wait()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, up to the bound of a head."""
        self._heard_bytes += len(data)
        super().data_received(data)
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The headers are too long.")

    def on_message_begin(self) -> None:
        """A request begins."""
        self._is_in_head = True
        self._head_bytes = self._heard_bytes = 0
        self._wait()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its body begins."""
        self._is_in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """It is there."""
        self._end_wait()
        super().on_message_complete()

    def _wait(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self.request_seconds, self._look)

    def _end_wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if self._heard_bytes < LEAST_BYTES:
            self.transport.close()
            return
        self._heard_bytes = 0
        self._wait()
