"""The JSON API under `/api/v1`; `openapi.json` describes it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.routing import Route

from otel_sessionopt.errors import SessionOptError
from otel_sessionopt.report.from_json import report_from_dict
from otel_sessionopt.service import history_views as views
from otel_sessionopt.service.access import is_loopback
from otel_sessionopt.service.page_parameters import ParameterError, hours, session_filter, since_ns
from otel_sessionopt.service.quality_metrics import quality_metrics
from otel_sessionopt.session.times import NS_PER_SECOND
from otel_sessionopt.store.records import SessionQuery

if TYPE_CHECKING:
    from starlette.requests import Request

    from otel_sessionopt.service.history_access import HistoryAccess

PREFIX: Final = "/api/v1"
_COMPARED: Final = (2, 12)
_QUALITY_HOURS: Final = 24

_Handler = Callable[["Request"], Response]


def api_routes() -> list[Route]:
    """The routes. Handlers find the history as `request.app.state.history`."""
    routes: dict[str, tuple[_Handler, list[str]]] = {
        "/sessions": (_sessions, ["GET"]),
        "/sessions/{session_id:path}": (_session, ["GET", "DELETE"]),
        "/agents": (_agents, ["GET"]),
        "/trend": (_trend, ["GET"]),
        "/costs": (_costs, ["GET"]),
        "/compare": (_compare, ["GET"]),
        "/jaeger/quality-metrics": (_quality_metrics, ["GET"]),
        "/openapi.json": (_openapi, ["GET"]),
    }
    return [Route(PREFIX + path, _guarded(handler), methods=methods) for path, (handler, methods) in routes.items()]


def no_such_address() -> Route:
    """What stands behind the other routes: every further address is an error in JSON, too."""
    return Route(f"{PREFIX}/{{path:path}}", _nowhere)


def _nowhere(request: Request) -> Response:  # noqa: ARG001 - handlers take it
    return _error(404, f"there is no such address; {PREFIX}/openapi.json lists them")


def json_response(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """`value` as JSON."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return Response(body, status, headers=headers, media_type="application/json")


def _guarded(handler: _Handler) -> _Handler:
    def answer(request: Request) -> Response:
        try:
            return handler(request)
        except ParameterError as error:
            return _error(400, str(error))
        except SessionOptError as error:
            return _error(503, f"the history cannot be read: {error}")
        except OSError as error:
            return _error(503, f"report files cannot be deleted: {error.strerror}")

    # Starlette runs plain functions on threads of its own; what they read from disk blocks nobody.
    return answer


def _error(status: int, message: str) -> Response:
    return json_response({"error": message}, status)


def _history(request: Request) -> HistoryAccess:
    history: HistoryAccess = request.app.state.history
    return history


def _sessions(request: Request) -> Response:
    wanted = session_filter(request.query_params)
    found = views.list_sessions(_history(request).store, wanted)
    return json_response(
        {
            "total": found.total,
            "offset": wanted.offset,
            "is_cut": found.is_cut,
            "sessions": [entry.to_dict() for entry in found.entries],
        }
    )


def _session(request: Request) -> Response:
    session_id = request.path_params["session_id"]
    history = _history(request)
    if request.method == "DELETE":
        is_there = history.delete(session_id)
        return Response(status_code=204) if is_there else _error(404, "there is no session with this id")
    report = views.report_of(history.store, session_id, history.analyze)
    return _error(404, "there is no session with this id") if report is None else json_response(report.to_dict())


def _agents(request: Request) -> Response:
    return json_response({"agents": views.agents_of(_history(request).store)})


def _trend(request: Request) -> Response:
    agent = request.query_params.get("agent", "")
    found = views.agent_trend(_history(request).store, agent) if agent else None
    return (
        _error(404, "there is no analysed session of this agent") if found is None else json_response(found.to_dict())
    )


def _costs(request: Request) -> Response:
    found = views.costs(_history(request).store, since_ns(request.query_params.get("since", "")))
    return json_response(views.costs_to_dict(found))


def _compare(request: Request) -> Response:
    history = _history(request)
    least, most = _COMPARED
    ids = list(dict.fromkeys(request.query_params.getlist("id")))
    if not least <= len(ids) <= most:
        raise ParameterError(f"id: {least} to {most} ids of sessions are wanted, one parameter each")
    reports = {each: views.report_of(history.store, each, history.analyze) for each in ids}
    missing = [each for each, report in reports.items() if report is None]
    if missing:
        return _error(404, f"there is no session with the id {missing[0]}")
    return json_response({"reports": [report.to_dict() for report in reports.values() if report is not None]})


def _quality_metrics(request: Request) -> Response:
    """For Jaeger's page, which asks from its own address: only that, or a page of this machine, may read the answer."""
    history = _history(request)
    store = history.store
    since = time.time_ns() - hours(request.query_params, _QUALITY_HOURS) * 3600 * NS_PER_SECOND
    service = request.query_params.get("service", "").lower()
    found = store.find(SessionQuery(since_ns=since, limit=views.MOST_REPORTS))
    # Jaeger asks by service; agents have names of their own, and where none is called so all are meant.
    named = [stored for stored in found if stored.session.agent.lower() == service] or found
    reports = [report_from_dict(each) for stored in named for each in store.reports(stored.session.id)]
    origin = request.headers.get("origin", "")
    allowed = {"Access-Control-Allow-Origin": origin, "Vary": "Origin"} if _may_read(origin, history.jaeger_url) else {}
    return json_response(quality_metrics(reports, str(request.base_url).rstrip("/")), headers=allowed)


def _may_read(origin: str, jaeger_url: str | None) -> bool:
    """Whether a page from `origin` may read our numbers: Jaeger's own, or one that this machine serves."""
    if not origin:
        return False
    try:
        asking, jaeger = urlsplit(origin), urlsplit(jaeger_url or "")
        return (asking.scheme, asking.netloc) == (jaeger.scheme, jaeger.netloc) or is_loopback(asking.hostname or "")
    except ValueError:
        return False


def _openapi(_request: Request) -> Response:
    return json_response(openapi())


def openapi() -> dict[str, Any]:
    """The description of the API."""
    loaded: dict[str, Any] = json.loads((files(__package__) / "openapi.json").read_text(encoding="utf-8"))
    return loaded
