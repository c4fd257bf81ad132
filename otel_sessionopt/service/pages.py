"""The second port: health, readiness, metrics, and the place for pages and API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from otel_sessionopt.service.otlp_request import Refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from otel_sessionopt.service.access import Access
    from otel_sessionopt.service.app import Service

_OPEN_PATHS = ("/healthz",)
"""Asked by programs that know no token, and telling nothing."""


def pages_app(service: Service) -> Starlette:
    """The application of the second port; handlers find the service as `request.app.state.service`."""
    routes = [Route("/healthz", _health), Route("/metrics", _metrics), Route("/status", _status)]
    app = Starlette(routes=routes)
    app.state.service = service
    app.add_middleware(_Guard, access=service.access)
    return app


class _Guard:
    """Lets nobody in who may not; see `Access`."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in _OPEN_PATHS:
            request = Request(scope)
            try:
                self._access.check(request.headers.get("host", ""), request.headers.get("authorization", ""))
            except Refusal as refusal:
                await Response(refusal.message, refusal.status, media_type="text/plain")(scope, receive, send)
                return
        await self._app(scope, receive, send)


async def _health(request: Request) -> Response:
    service: Service = request.app.state.service
    is_well = service.is_ready
    return Response("ok\n" if is_well else "starting\n", 200 if is_well else 503, media_type="text/plain")


async def _metrics(request: Request) -> Response:
    service: Service = request.app.state.service
    content_type, body = service.metrics.exposition()
    return Response(body, media_type=content_type)


async def _status(request: Request) -> Response:
    service: Service = request.app.state.service
    return Response(json.dumps(service.status()), media_type="application/json")
