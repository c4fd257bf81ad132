"""Senders that hang, trickle or never stop talking."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from otel_sessionopt.service.http_protocol import MAX_HEAD_BYTES, BoundedProtocol, max_connections
from otel_sessionopt.service.intake import Intake
from otel_sessionopt.service.otlp_request import Refusal
from otel_sessionopt.service_settings import ServiceSettings


class ImpatientProtocol(BoundedProtocol):
    request_seconds = 0.2


@contextmanager
def server() -> Iterator[int]:
    async def size(request: Request) -> Response:
        return Response(str(len(await request.body())))

    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        Starlette(routes=[Route("/", size, methods=["POST"])]), http=ImpatientProtocol, log_config=None, lifespan="off"
    )
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield int(listening.getsockname()[1])
    finally:
        running.should_exit = True
        thread.join()
        listening.close()


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"POST / HT",
        b"POST / HTTP/1.1\r\nHost: localhost\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nbegun",
    ],
)
def test_a_request_that_does_not_go_on_is_hung_up_on(begun: bytes) -> None:
    with server() as port, socket.create_connection(("127.0.0.1", port), timeout=10) as sender:
        sender.sendall(begun)
        assert sender.recv(100) == b""


def test_headers_without_end_are_refused() -> None:
    with server() as port, socket.create_connection(("127.0.0.1", port), timeout=10) as sender:
        sender.sendall(b"POST / HTTP/1.1\r\nX: ")
        with pytest.raises(OSError):  # noqa: PT011 - which one depends on what was still on its way
            sender.sendall(b"a" * 20 * MAX_HEAD_BYTES)


def test_large_bodies_and_further_requests_on_a_connection_are_taken() -> None:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
    with server() as port, socket.create_connection(("127.0.0.1", port), timeout=10) as sender:
        for size in (3 * MAX_HEAD_BYTES, 0, 5, 3 * MAX_HEAD_BYTES):
            sender.sendall(head % size + b"a" * size)
            answer = b""
            while not answer.endswith(b"\r\n\r\n" + str(size).encode()):
                answer += sender.recv(1000)
            assert answer.startswith(b"HTTP/1.1 200")


def test_there_is_room_for_connections_and_for_files() -> None:
    assert 16 <= max_connections() <= 4096


def test_room_is_taken_bit_by_bit_and_one_request_always_fits() -> None:
    settings = ServiceSettings(max_request_bytes=4000, max_in_flight_bytes=1024)
    intake = Intake(None, settings)  # type: ignore[arg-type]  # nothing is written
    with intake.room_for(500) as take_room:
        take_room(3500)
        with pytest.raises(Refusal, match="more than 4,000 bytes"):
            take_room(1)
        with pytest.raises(Refusal, match="too many requests"), intake.room_for(1):
            pass
    with intake.room_for(500), intake.room_for(500) as take_room, pytest.raises(Refusal, match="too many requests"):
        take_room(500)
    with intake.room_for(4000):
        pass
