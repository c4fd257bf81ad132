"""The second port: health, metrics, the pages (`html_pages`) and the API (`api`), and who may see them."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import threading
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from otel_sessionopt.service.otlp_request import Refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from otel_sessionopt.config import Settings
    from otel_sessionopt.service.access import Access
    from otel_sessionopt.service.app import Service

_OPEN_PATHS = ("/healthz",)
"""Asked by programs that know no token, and telling nothing."""
# Nobody may put the pages into a frame, keep copies of them, or read anything but what they say they are. What a page
# itself may load is in its own policy.
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def pages_app(service: Service) -> Starlette:
    """The application of the second port; handlers find the service as `request.app.state.service`."""
    routes = [
        Route("/healthz", _health),
        Route("/metrics", _metrics),
        Route("/status", _status),
        Mount("/", _HistoryPages(service.settings)),
    ]
    app = Starlette(routes=routes)
    app.state.service = service
    app.add_middleware(_Guard, access=service.access)
    return app


class _HistoryPages:
    """Pages and API. Made when somebody first asks, so that a service without visitors starts fast and stays small."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Off the event loop: loading all that pages need takes a while, and senders wait for nobody's first page.
        app = await asyncio.to_thread(self._made) if self._app is None else self._app
        await app(scope, receive, send)

    def _made(self) -> ASGIApp:
        with self._lock:
            if self._app is None:
                from otel_sessionopt.service.api import api_routes, no_such_address
                from otel_sessionopt.service.history_access import HistoryAccess
                from otel_sessionopt.service.html_pages import html_routes, no_such_page

                made = Starlette(routes=[*api_routes(), no_such_address(), *html_routes(), no_such_page()])
                made.state.history = HistoryAccess(self._settings)
                self._app = made
            return self._app


class _Guard:
    """Lets nobody in who may not; see `Access`."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in _OPEN_PATHS:
            request = Request(scope)
            try:
                self._access.check(request.headers.get("host", ""), _bearer(request.headers.get("authorization", "")))
            except Refusal as refusal:
                # A browser then asks for a password: that is the token.
                asks = {"WWW-Authenticate": 'Basic realm="sessionoptimizer: any name, the token as password"'}
                headers = asks if refusal.status == 401 else {}
                answer = Response(refusal.message, refusal.status, headers, media_type="text/plain")
                await answer(scope, receive, _with_headers(send))
                return
        await self._app(scope, receive, _with_headers(send))


def _bearer(authorization: str) -> str:
    """What a browser sends as a password, as the token that it is; anything else as it is."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return authorization
    try:
        password = base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""
    return f"Bearer {password}"


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sent


async def _health(request: Request) -> Response:
    service: Service = request.app.state.service
    is_well = service.is_ready
    return Response("ok\n" if is_well else "starting\n", 200 if is_well else 503, media_type="text/plain")


def _metrics(request: Request) -> Response:
    service: Service = request.app.state.service
    content_type, body = service.metrics.exposition()
    return Response(body, media_type=content_type)


async def _status(request: Request) -> Response:
    service: Service = request.app.state.service
    return Response(json.dumps(service.status()), media_type="application/json")
