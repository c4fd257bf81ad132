"""`Forwarder`: sends what was received on to one endpoint, byte for byte, then what we say ourselves.

The request log is the queue: an endpoint has a position in it, which survives restarts. An endpoint that is gone for
long loses the oldest requests, counted, once more than its share of the disk waits for it; nobody else notices.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

import urllib3

from otel_sessionopt.errors import ConfigError, StoreError
from otel_sessionopt.service.access import is_loopback
from otel_sessionopt.service.otlp_request import CONTENT_TYPES
from otel_sessionopt.service.request_log import Form, LogReader, Request, Signal, segment_positions

if TYPE_CHECKING:
    from otel_sessionopt.service.trace_store import TraceStore
    from otel_sessionopt.service_settings import ServiceSettings

_log = logging.getLogger(__name__)

_PATHS: Final = {Signal.TRACES: "/v1/traces", Signal.LOGS: "/v1/logs"}
_READ_BYTES: Final = 4 * 1024 * 1024
_IDLE_SECONDS: Final = 0.2
_FIRST_RETRY_SECONDS: Final = 0.5
_MAX_RETRY_SECONDS: Final = 30.0
_TIMEOUT: Final = urllib3.Timeout(connect=5.0, read=30.0)
_RETRYABLE: Final = frozenset({429, 502, 503, 504})
_SAVE_SECONDS: Final = 0.5
"""The position is saved so often: what was sent since is sent once more after a crash, the very same bytes."""
_OUTGOING_AT_ONCE: Final = 100
_STOP_SECONDS: Final = 5.0
"""For a request on its way when the service stops; one that takes longer is sent again after the next start."""
_TELL_SECONDS: Final = 60.0


def check_endpoint(url: str, setting: str = "forward") -> str:
    """The base address of an OTLP/HTTP endpoint. Raises `ConfigError`."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"service.{setting} {url!r}: an OTLP/HTTP address is wanted, for example http://localhost:4320"
        )
    base = url.rstrip("/")
    return base.removesuffix(_PATHS[Signal.TRACES])


class Endpoint(NamedTuple):
    """Where something is sent, and what: the requests as they came, our findings, or both."""

    url: str
    gets_requests: bool = True
    gets_findings: bool = True


def endpoints_of(settings: ServiceSettings) -> list[Endpoint]:
    """The endpoints that the settings name, each once. Raises `ConfigError`."""
    forward = dict.fromkeys(check_endpoint(url) for url in settings.forward)
    findings = dict.fromkeys(check_endpoint(url, "findings_to") for url in settings.findings_to)
    for url in (*forward, *findings):
        if _is_own(url, settings):
            raise ConfigError(f"service.forward {_shown(url)}: that is this service itself")
    if settings.hold and findings:
        raise ConfigError("service.findings_to: with service.hold the findings are on the spans themselves")
    has_findings = settings.forward_findings or settings.hold
    return [
        *(Endpoint(url, gets_findings=has_findings or url in findings) for url in forward),
        *(Endpoint(url, gets_requests=False) for url in findings if url not in forward),
    ]


class Forwarder:
    """Sends to one endpoint on a thread of its own.

    Args:
        endpoint: with an address as `check_endpoint` gives it.
        folder: of the service.
        store: has our own requests; opened by this thread alone.
        settings: bounds.
        durable: gives the position up to which the log may be sent.
    """

    def __init__(
        self, endpoint: Endpoint, folder: Path, store: TraceStore, settings: ServiceSettings, durable: Callable[[], int]
    ) -> None:
        self.url = url = endpoint.url
        self._endpoint = endpoint
        self._folder = folder
        self._store = store
        self._settings = settings
        self._durable = durable
        name = blake2b(url.encode(), digest_size=8).hexdigest()
        self._cursor_file = folder / f"forwarded-{name}.json"
        position, self.outgoing_id = _read_cursor(self._cursor_file)
        self._log = LogReader(folder / "requests", position)
        self._http = urllib3.PoolManager(retries=False, timeout=_TIMEOUT)
        self._wakes = threading.Event()
        self._is_stopping = False
        self._saved_at = 0.0
        self._told_at = -_TELL_SECONDS
        self._has_failed = False
        self._sent_position = position
        self.counts: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._run, name="sessionopt-forwarder", daemon=True)

    @property
    def position(self) -> int:
        """Up to where the log was sent, as it is known after a restart."""
        return self._sent_position

    @property
    def shown(self) -> str:
        """The address without user, password and query, fit for messages and metrics."""
        return _shown(self.url)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Something may be there to send."""
        self._wakes.set()

    def stop(self) -> None:
        """End the thread; what was not sent is sent after the next start."""
        self._is_stopping = True
        self._wakes.set()
        self._thread.join(_STOP_SECONDS)
        if self._thread.is_alive():
            return  # it waits for an answer, and ends with the process
        self._log.close()
        self._store.close()

    def _run(self) -> None:
        # An endpoint that was not among the settings for a while has nothing to get of what is gone since.
        first = min(segment_positions(self._folder / "requests"), default=0)
        if self._sent_position < first:
            self._sent_position = first
            self._log.seek(first)
        while not self._is_stopping:
            try:
                had_work = self._send_log()
                had_work = self._send_own() or had_work
                self._save(is_now=not had_work)
            except (StoreError, OSError) as error:
                _log.warning("forwarding to %s waits for the disk: %s", _shown(self.url), type(error).__name__)
                had_work = False
            if not had_work:
                self._wakes.wait(_IDLE_SECONDS)
                self._wakes.clear()
        self._save(is_now=True)

    def _send_log(self) -> bool:
        durable = self._durable()
        if not self._endpoint.gets_requests:
            self._sent_position = durable
            self._log.seek(durable)
            return False
        self._skip_what_is_too_much(durable)
        if self._settings.hold:
            return self._send_other_signals(durable)
        has_sent = False
        for logged in self._log.read(durable, _READ_BYTES):
            if not self._send(logged.request):
                self._log.seek(self._sent_position)
                return True
            self._sent_position = logged.end
            has_sent = True
        return has_sent

    def _send_other_signals(self, durable: int) -> bool:
        """With traces held back only the other signals go out of the log itself."""
        has_read = False
        for logged in self._log.read(durable, _READ_BYTES):
            if logged.request.signal is not Signal.TRACES and not self._send(logged.request):
                self._log.seek(self._sent_position)
                return True
            self._sent_position = logged.end
            has_read = True
        return has_read

    def _send_own(self) -> bool:
        if self._has_failed:
            self._skip_own_that_is_too_much()
        own = self._store.outgoing(self.outgoing_id, self._sent_position, _OUTGOING_AT_ONCE)
        for row, body in own:
            if self._endpoint.gets_findings:
                if not self._send(Request(Signal.TRACES, Form.PROTOBUF, False, 0, body)):
                    return True
                self.counts["own"] += 1
            self.outgoing_id = row
        return bool(own)

    def _skip_what_is_too_much(self, durable: int) -> None:
        allowed = durable - self._settings.forward_queue_bytes
        if self._sent_position >= allowed:
            return
        for skipped in self._log.read(allowed, 1 << 62):
            self.counts["dropped"] += 1
            self._sent_position = skipped.end
        self._tell_dropped()

    def _skip_own_that_is_too_much(self) -> None:
        row = self._store.outgoing_beyond(self.outgoing_id, self._settings.forward_queue_bytes)
        if row is not None:
            self.counts["dropped"] += row - self.outgoing_id
            self.outgoing_id = row
            self._tell_dropped()

    def _tell_dropped(self) -> None:
        now = time.monotonic()
        if now >= self._told_at + _TELL_SECONDS:
            self._told_at = now
            _log.error("requests for %s are dropped: more waits for it than forward_queue_bytes", _shown(self.url))

    def _has_too_much(self) -> bool:
        most = self._settings.forward_queue_bytes
        if self._endpoint.gets_requests and self._durable() - self._sent_position > most:
            return True
        return self._store.outgoing_beyond(self.outgoing_id, most) is not None

    def _send(self, request: Request) -> bool:
        """Send until it is taken or refused for good; false where it was neither, because the service stops or more
        waits than may."""
        pause = _FIRST_RETRY_SECONDS
        while not self._is_stopping:
            status, wait_seconds = self._post(request)
            if 200 <= status < 300:
                self.counts["sent"] += 1
                self._has_failed = False
                return True
            if status and status not in _RETRYABLE:
                # Sending it again would end in the same way.
                self.counts["refused"] += 1
                _log.error("%s refuses a request with status %d; it is left out", _shown(self.url), status)
                return True
            self.counts["retries"] += 1
            self._has_failed = True
            self._sleep(wait_seconds or pause)
            if self._has_too_much():
                return False
            pause = min(pause * 2, _MAX_RETRY_SECONDS)
        return False

    def _post(self, request: Request) -> tuple[int, float]:
        """The status, 0 when there was no answer, and how long to wait, 0 when not told."""
        headers = {"Content-Type": CONTENT_TYPES[request.form], "User-Agent": "sessionoptimizer"}
        if request.is_gzip:
            headers["Content-Encoding"] = "gzip"
        try:
            response = self._http.request("POST", self.url + _PATHS[request.signal], body=request.body, headers=headers)
        except urllib3.exceptions.HTTPError:
            return 0, 0.0
        told = response.headers.get("Retry-After", "")
        return response.status, min(float(told), _MAX_RETRY_SECONDS) if told.isdecimal() else 0.0

    def _sleep(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._is_stopping and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, _IDLE_SECONDS))

    def _save(self, *, is_now: bool) -> None:
        now = time.monotonic()
        state = {"position": self._sent_position, "outgoing_id": self.outgoing_id}
        if not is_now and now < self._saved_at + _SAVE_SECONDS:
            return
        if _read_cursor(self._cursor_file) == (self._sent_position, self.outgoing_id):
            return
        self._saved_at = now
        temporary = self._cursor_file.with_suffix(".tmp")
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(state, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._cursor_file)


def _is_own(url: str, settings: ServiceSettings) -> bool:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.port == settings.http_port and (host == settings.host or is_loopback(host))


def _read_cursor(path: Path) -> tuple[int, int]:
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        return int(state["position"]), int(state["outgoing_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0, 0


def _shown(url: str) -> str:
    """The address without user, password and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{'' if parts.port is None else f':{parts.port}'}{parts.path}"
