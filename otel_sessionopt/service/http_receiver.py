"""OTLP over HTTP: `/v1/traces` and `/v1/logs`, protobuf and JSON, gzip."""

from __future__ import annotations

import asyncio
import logging
from contextlib import ExitStack
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from otel_sessionopt.service.durable_writer import StoreRefused
from otel_sessionopt.service.otlp_request import (
    CONTENT_TYPES,
    INVALID_ARGUMENT,
    LARGE_BYTES,
    RETRY_SECONDS,
    UNIMPLEMENTED,
    Refusal,
    answer,
    bad_request,
    received_now,
    refusal_body,
    too_large,
    unavailable,
)
from otel_sessionopt.service.request_log import Form, Signal

if TYPE_CHECKING:
    from otel_sessionopt.service.access import Access
    from otel_sessionopt.service.intake import Intake

_log = logging.getLogger(__name__)

PATHS: Final = {Signal.TRACES: "/v1/traces", Signal.LOGS: "/v1/logs"}
_FORMS: Final = {content_type: form for form, content_type in CONTENT_TYPES.items()}
_PIECE_BYTES: Final = 4 * 1024 * 1024
"""Room is taken for so much at a time."""


def receiver_app(intake: Intake, access: Access) -> Starlette:
    """The application that receives OTLP."""
    routes = [Route(path, _Receiver(signal, intake, access), name=signal.name) for signal, path in PATHS.items()]
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False  # a sender follows no redirect with its body
    return app


class _Receiver:
    """The endpoint of one signal."""

    def __init__(self, signal: Signal, intake: Intake, access: Access) -> None:
        self._signal = signal
        self._intake = intake
        self._access = access

    async def __call__(self, scope: object, receive: object, send: object) -> None:
        request = Request(scope, receive, send)  # type: ignore[arg-type]  # the types of ASGI, passed through
        response = await self._respond(request)
        await response(scope, receive, send)  # type: ignore[arg-type]  # as above

    async def _respond(self, request: Request) -> Response:
        form = _FORMS.get(request.headers.get("content-type", "").partition(";")[0].strip().lower())
        # An answer in JSON can be read by people; what the sender would read is not known here.
        answered = form or Form.JSON
        try:
            body = await self._take(request, form)
        except Refusal as refusal:
            self._intake.count_refusal(refusal)
            headers = {"retry-after": str(RETRY_SECONDS)} if refusal.may_retry else {}
            if refusal.status is HTTPStatus.METHOD_NOT_ALLOWED:
                headers["allow"] = "POST"
            if refusal.status is HTTPStatus.UNAUTHORIZED:
                headers["www-authenticate"] = "Bearer"
            return Response(
                refusal_body(answered, refusal),
                status_code=refusal.status,
                headers=headers,
                media_type=CONTENT_TYPES[answered],
            )
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody reads it
        return Response(body, media_type=CONTENT_TYPES[answered])

    async def _take(self, request: Request, form: Form | None) -> bytes:
        self._access.check(request.headers.get("host", ""), request.headers.get("authorization", ""))
        if request.method != "POST":
            raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, UNIMPLEMENTED, "requests are sent by POST")
        if form is None:
            allowed = " or ".join(_FORMS)
            raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, INVALID_ARGUMENT, f"the content type is not {allowed}")
        is_gzip = _is_gzip(request.headers.get("content-encoding", ""))
        with ExitStack() as room:
            body = await self._body(request, room)
            received = received_now(self._signal, form, body, is_gzip=is_gzip)
            # Such a body takes a while: the loop goes on meanwhile.
            taken = (
                await asyncio.to_thread(self._intake.take, received)
                if is_gzip or form is Form.JSON or len(body) > LARGE_BYTES
                else self._intake.take(received)
            )
            if taken.durable is not None:
                try:
                    await asyncio.wrap_future(taken.durable)
                except StoreRefused as refused:
                    raise unavailable(str(refused)) from None
        self._intake.count(received, taken.accepted)
        return answer(self._signal, form, taken.accepted)

    async def _body(self, request: Request, room: ExitStack) -> bytes:
        limit = self._intake.max_request_bytes
        declared = _declared_length(request.headers.get("content-length"))
        if declared > limit:
            raise too_large(limit)
        # Not room for all that is announced: a sender that stops in the middle would keep the others out.
        held = min(declared, _PIECE_BYTES)
        take_room = room.enter_context(self._intake.room_for(held))
        parts: list[bytes] = []
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise too_large(limit)
            while size > held:
                piece = min(_PIECE_BYTES, limit - held)
                take_room(piece)
                held += piece
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _declared_length(value: str | None) -> int:
    if value is None:
        return 0
    if not value.isdecimal():
        raise bad_request("Content-Length is not a number")
    return int(value)


def _is_gzip(encoding: str) -> bool:
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return False
    if name == "gzip":
        return True
    raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, INVALID_ARGUMENT, "the content encoding is neither gzip nor none")
