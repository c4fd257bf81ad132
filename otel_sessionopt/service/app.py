"""`Service`: the receiver process, put together: servers, log, reader, forwarding, metrics."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from otel_sessionopt.config import process_environ
from otel_sessionopt.errors import ConfigError, SessionOptError
from otel_sessionopt.service.access import Access
from otel_sessionopt.service.durable_writer import DurableWriter
from otel_sessionopt.service.folder_lock import FolderLock
from otel_sessionopt.service.forwarding import Forwarder, endpoints_of
from otel_sessionopt.service.http_protocol import BoundedProtocol, max_connections
from otel_sessionopt.service.http_receiver import receiver_app
from otel_sessionopt.service.intake import Intake
from otel_sessionopt.service.metrics import ENDPOINT_VARIABLE, SUMMED, ServiceMetrics, otlp_readers
from otel_sessionopt.service.pages import pages_app
from otel_sessionopt.service.reader_supervisor import ReaderSupervisor
from otel_sessionopt.service.request_log import RequestLog
from otel_sessionopt.service.trace_store import FINDINGS_OF, TraceStore

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from otel_sessionopt.config import Settings
    from otel_sessionopt.service.grpc_receiver import GrpcReceiver
    from otel_sessionopt.service.retention import Retention

_log = logging.getLogger(__name__)

REQUESTS_FOLDER: Final = "requests"
_BACKLOG: Final = 512  # connections that the system holds until they are taken
_KEEP_ALIVE_SECONDS: Final = 75
_STOP_SECONDS: Final = 5
_TEND_SECONDS: Final = 0.5
_START_SECONDS: Final = 0.005


class Service:
    """Everything that `serve` runs. Use `run`.

    Args:
        settings: of everything; `settings.service` says where and how.

    Raises:
        ConfigError: the settings are not safe or not possible.
        SessionOptError: the folder is in use, or cannot be written.
    """

    def __init__(self, settings: Settings) -> None:
        service = settings.service
        folder = service.folder.expanduser()
        self.settings = replace(settings, service=replace(service, folder=folder))
        self.access = Access(service)
        endpoints = endpoints_of(service)
        if service.hold and not service.forward:
            raise ConfigError("service.hold: traces are held back until they are sent on; service.forward says where")
        if service.grpc_port > 0:
            # Taken later, by gRPC; that it cannot be is better told now.
            _close(_listen(service.host, (service.grpc_port,)))
        self._sockets = _listen(service.host, (service.http_port, service.pages_port))
        self._lock = FolderLock(folder)
        self._status: Mapping[str, Any] = {}
        self._status_lock = threading.Lock()
        self._past: Counter[str] = Counter()  # what readers that died had counted
        self.is_ready = False
        store = TraceStore(folder, service)
        position = store.position()
        store.close()
        self.forwarders = [
            Forwarder(endpoint, folder, TraceStore(folder, service), service, lambda: self.writer.durable)
            for endpoint in endpoints
        ]
        try:
            log = RequestLog(
                folder / REQUESTS_FOLDER,
                segment_bytes=service.segment_bytes,
                start=max([position, *(forwarder.position for forwarder in self.forwarders)]),
            )
        except OSError as error:
            raise SessionOptError(f"{folder}: cannot be written: {error.strerror}") from error
        self.supervisor = ReaderSupervisor(folder, self.settings, self._take_status)
        self.writer = DurableWriter(log, folder, service, self._on_durable)
        self.intake = Intake(self.writer, service)
        self.metrics = ServiceMetrics(self.status, lambda: otlp_readers(process_environ()))
        self._own_store = TraceStore(folder, service)
        self._retention: Retention | None = None
        self._grpc: GrpcReceiver | None = None

    @property
    def http_port(self) -> int:
        """The port of OTLP/HTTP."""
        return int(self._sockets[0].getsockname()[1])

    @property
    def pages_port(self) -> int:
        """The port of pages, metrics and health."""
        return int(self._sockets[1].getsockname()[1])

    @property
    def grpc_port(self) -> int | None:
        """The port of OTLP/gRPC; `None` before it listens, or when it does not."""
        return None if self._grpc is None else self._grpc.port

    def status(self) -> dict[str, Any]:
        """Counters of all processes, and what waits."""
        with self._status_lock:
            heard = {**self._status}
        for name, count in self._past.items():
            heard[name] = heard.get(name, 0) + count
        return {
            **heard,
            **{f"received_{name}": count for name, count in dict(self.intake.counts).items()},
            "refused_by_store": self.writer.refused,
            "log_bytes": self.writer.durable,
            "unread_bytes": self.writer.durable - heard.get("position", 0),
            "reader_restarts": self.supervisor.restarts,
            "forwarded": [
                {"url": forwarder.shown, "waiting_bytes": self.writer.durable - forwarder.position, **forwarder.counts}
                for forwarder in self.forwarders
            ],
        }

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set; then answer what was begun, and end all processes."""
        self.writer.start()
        self.supervisor.tell_durable(self.writer.durable)
        self.supervisor.start()
        for forwarder in self.forwarders:
            forwarder.start()
        servers = [_server(app) for app in (receiver_app(self.intake, self.access), pages_app(self))]
        tasks = [
            asyncio.create_task(server.serve(sockets=[listening]))
            for server, listening in zip(servers, self._sockets, strict=True)
        ]
        try:
            await asyncio.to_thread(self._start_grpc)
            while not all(server.started for server in servers):
                await asyncio.sleep(_START_SECONDS)
            self.is_ready = True
            if process_environ().get(ENDPOINT_VARIABLE):
                await asyncio.to_thread(self.metrics.start)
            while not stop.is_set():
                await asyncio.to_thread(self._tend)  # the disk may take its time
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(stop.wait(), _TEND_SECONDS)
        finally:
            for server in servers:
                server.should_exit = True
            await asyncio.gather(*tasks)
            await asyncio.to_thread(self._stop)

    def _start_grpc(self) -> None:
        if self.settings.service.grpc_port < 0:
            return
        # Imported here: HTTP is served before gRPC is loaded.
        from otel_sessionopt.service.grpc_receiver import GrpcReceiver

        self._grpc = GrpcReceiver(self.intake, self.access, self.settings.service)
        self._grpc.start()

    def _stop(self) -> None:
        if self._grpc is not None:
            self._grpc.stop()
        self.writer.stop()
        self.supervisor.stop()
        for forwarder in self.forwarders:
            forwarder.stop()
        self.metrics.stop()
        self._own_store.close()
        self._lock.release()

    def _on_durable(self, position: int) -> None:
        self.supervisor.tell_durable(position)
        for forwarder in self.forwarders:
            forwarder.wake()

    def _take_status(self, status: Mapping[str, Any]) -> None:
        with self._status_lock:
            if status["reader_pid"] != self._status.get("reader_pid"):
                # A new reader counts from zero; what the one before it had counted stays.
                kept = {name: n for name, n in self._status.items() if name in SUMMED or name.startswith(FINDINGS_OF)}
                self._past.update(kept)
            self._status = status

    def _tend(self) -> None:
        """Let go of what everybody has."""
        read = int(self._status.get("position", 0))
        needed = [read, *(forwarder.position for forwarder in self.forwarders)]
        self.writer.release(read, min(needed))
        if self.settings.service.report_retention_days:
            self._delete_old()
        if self.forwarders:
            with contextlib.suppress(SessionOptError):  # the disk is full: later
                self._own_store.delete_outgoing(min(forwarder.outgoing_id for forwarder in self.forwarders))

    def _delete_old(self) -> None:
        # Imported here: most services keep everything, and a receiver needs no history.
        from otel_sessionopt.history.opening import open_history
        from otel_sessionopt.service.retention import Retention

        if self._retention is None:
            self._retention = Retention(self.settings, lambda: open_history(self.settings.history.folder))
        try:
            self._retention.sweep()
        except (OSError, SessionOptError) as error:
            _log.warning("old reports could not be deleted: %s", error)


class _Server(uvicorn.Server):
    """Leaves the process's signals to the command."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _server(app: Starlette) -> uvicorn.Server:
    return _Server(
        uvicorn.Config(
            app,
            http=BoundedProtocol,
            limit_concurrency=max_connections(),
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
    )


def _listen(host: str, ports: Sequence[int]) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    for port in ports:
        try:
            family = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
            # With the protocol told asyncio switches Nagle's algorithm off: it would cost 40 ms an answer.
            listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            sockets.append(listening)
            if os.name == "posix":
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, port))
            listening.listen(_BACKLOG)
        except OSError as error:
            _close(sockets)
            raise SessionOptError(
                f"port {port} of {host or 'all addresses'} cannot be listened on: {error.strerror}; is something else "
                "there? --http-port, --grpc-port and --pages-port choose others"
            ) from error
    return sockets


def _close(sockets: Sequence[socket.socket]) -> None:
    for each in sockets:
        each.close()
