"""The pages: sessions, one session, an agent, a comparison, what costs most, the rules.

They work without script, and every text from a session is escaped. Handlers are plain functions: Starlette runs them on
threads of its own: what they read from disk blocks nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from otel_sessionopt.errors import SessionOptError
from otel_sessionopt.report import figures
from otel_sessionopt.report.as_html import as_html
from otel_sessionopt.report.as_html_comparison import MOST_SESSIONS, as_comparison_html
from otel_sessionopt.report.html_page import render
from otel_sessionopt.report.ledger_view import SOURCE_NAMES
from otel_sessionopt.report.session_names import moment
from otel_sessionopt.report.summary import total_headline
from otel_sessionopt.service import history_views as views
from otel_sessionopt.service.page_parameters import ParameterError, session_filter, since_ns
from otel_sessionopt.session.model import SessionStatus

if TYPE_CHECKING:
    from markupsafe import Markup
    from starlette.requests import Request

    from otel_sessionopt.service.history_access import HistoryAccess

_PERIODS: Final = (("24h", "a day"), ("7d", "a week"), ("30d", "a month"), ("365d", "a year"))
_ROWS_PER_TABLE: Final = 12
_BARS_HEIGHT: Final = 120
_LEAST_BAR: Final = 2.0

_Handler = Callable[["Request"], Response]


def html_routes() -> list[Route]:
    """The routes. Handlers find the history as `request.app.state.history`."""
    handlers: dict[str, _Handler] = {
        "/": _home,
        "/sessions": _sessions,
        "/sessions/{session_id:path}": _session,
        "/agent": _agent,
        "/compare": _compare,
        "/costs": _costs,
        "/rules": _rules,
        "/rules/{code}": _rules,
    }
    return [Route(path, _guarded(handler)) for path, handler in handlers.items()]


def _guarded(handler: _Handler) -> _Handler:
    def answer(request: Request) -> Response:
        try:
            return handler(request)
        except SessionOptError as error:
            return _problem(503, "The history cannot be read", str(error))

    return answer


def _page(template: str, *, here: str, status: int = 200, **values: Any) -> Response:
    page = render(template, package=__package__, style="pages.css", form_action="'self'", here=here, **values)
    return HTMLResponse(page, status)


def _problem(status: int, title: str, message: str) -> Response:
    return _page("problem.html", here="", status=status, title=title, message=message)


def no_such_page() -> Route:
    """What stands behind all others: every further address is told on a page, too."""
    return Route("/{path:path}", _nowhere)


def _nowhere(request: Request) -> Response:  # noqa: ARG001 - handlers take it
    return _problem(404, "There is no such page", "The pages are Sessions, What costs most, and Rules.")


def _history(request: Request) -> HistoryAccess:
    history: HistoryAccess = request.app.state.history
    return history


def _home(_request: Request) -> Response:
    return RedirectResponse("/sessions", 307)


def _sessions(request: Request) -> Response:
    store = _history(request).store
    problem = ""
    try:
        wanted = session_filter(request.query_params)
    except ParameterError as error:
        wanted, problem = views.SessionFilter(), str(error)
    found = views.list_sessions(store, wanted)
    order = "ascending" if wanted.is_ascending else "descending"
    asked = {
        "search": wanted.search,
        "agent": wanted.agent,
        "status": "" if wanted.status is None else wanted.status.value,
        "since": request.query_params.get("since", "") if not problem else "",
    }
    return _page(
        "sessions.html",
        otlp_port=_history(request).otlp_port,
        here="sessions",
        status=400 if problem else 200,
        problem=problem,
        wanted=wanted,
        sort=wanted.sort,
        order=order,
        sort_links={key: _sort_link(asked, wanted, key) for key in views.SORTS},
        since=asked["since"],
        periods=_PERIODS,
        agents=views.agents_of(store),
        statuses=list(SessionStatus.__members__),
        entries=found.entries,
        total=found.total,
        is_cut=found.is_cut,
        is_filtered=any(asked.values()),
        first=wanted.offset + 1,
        last=wanted.offset + len(found.entries),
        newer=_page_link(asked, wanted, order, max(wanted.offset - wanted.limit, 0)) if wanted.offset else "",
        older=_page_link(asked, wanted, order, wanted.offset + wanted.limit)
        if wanted.offset + len(found.entries) < found.total
        else "",
    )


def _sort_link(asked: Mapping[str, str], wanted: views.SessionFilter, key: str) -> str:
    """Where a column's heading leads: sorted by it, and the other way round where it is sorted by it already."""
    is_ascending = not wanted.is_ascending if key == wanted.sort else key in ("agent", "task")
    return _link({**asked, "sort": key, "order": "ascending" if is_ascending else "descending"})


def _page_link(asked: Mapping[str, str], wanted: views.SessionFilter, order: str, offset: int) -> str:
    limit = "" if wanted.limit == views.PAGE_SIZE else str(wanted.limit)
    return _link({**asked, "sort": wanted.sort, "order": order, "offset": str(offset), "limit": limit})


def _link(query: Mapping[str, str]) -> str:
    return "/sessions?" + urlencode({key: value for key, value in query.items() if value})


def _session(request: Request) -> Response:
    history = _history(request)
    report = views.report_of(history.store, request.path_params["session_id"], history.analyze)
    if report is None:
        return _problem(
            404,
            "There is no such session",
            "It may still be running: a session shows up here when it has ended. Or it was deleted.",
        )
    rows = views.recent_rows(history.store, report.session.agent) if report.session.agent else []
    return HTMLResponse(as_html(report, jaeger_url=history.jaeger_url, history=rows, home="/sessions"))


def _agent(request: Request) -> Response:
    name = request.query_params.get("name", "")
    trend = views.agent_trend(_history(request).store, name) if name else None
    if trend is None:
        return _problem(404, "There is no such agent", "No analysed session has an agent of this name.")
    return _page("agent.html", here="", trend=trend, bars=_bars(trend.entries))


def _bars(entries: Sequence[views.Entry]) -> list[dict[str, Any]]:
    """One bar a session: cost where all are priced, else tokens."""
    in_dollars = all(entry.cost_usd is not None for entry in entries)
    sizes = [float(entry.cost_usd or 0) if in_dollars else float(entry.tokens) for entry in entries]
    largest = max(sizes) or 1.0
    width = 100 / len(entries)
    bars = []
    for place, (entry, size) in enumerate(zip(entries, sizes, strict=True)):
        height = max(size / largest * _BARS_HEIGHT, _LEAST_BAR)
        wasted = float(entry.waste_cost_usd or 0) if in_dollars else float(entry.waste_tokens)
        shown = figures.usd(entry.cost_usd) if in_dollars else figures.count(entry.tokens, "token")
        bars.append(
            {
                "x": round(place * width + width * 0.1, 3),
                "width": round(width * 0.8, 3),
                "height": round(height, 1),
                "wasted": round(height * min(wasted / size, 1.0), 1) if size else 0,
                "title": f"{moment(entry.started_at)}: {shown}, score {figures.score(entry.score or 0)}",
            }
        )
    return bars


def _compare(request: Request) -> Response:
    history = _history(request)
    ids = list(dict.fromkeys(request.query_params.getlist("id")))
    if not 2 <= len(ids) <= MOST_SESSIONS:
        return _problem(
            400, "Mark the sessions to compare", f"A comparison is of 2 to {MOST_SESSIONS} sessions; {len(ids)} marked."
        )
    reports = []
    for each in ids:
        report = views.report_of(history.store, each, history.analyze)
        if report is None:
            return _problem(404, "There is no such session", f"Nothing is known of {each[:200]}.")
        reports.append(report)
    return HTMLResponse(as_comparison_html(reports, jaeger_url=history.jaeger_url, home="/sessions"))


def _costs(request: Request) -> Response:
    since, problem = request.query_params.get("since", ""), ""
    try:
        start = since_ns(since)
    except ParameterError as error:
        since, start, problem = "", None, str(error)
    found = views.costs(_history(request).store, start)
    return _page(
        "costs.html",
        here="costs",
        status=400 if problem else 200,
        problem=problem,
        since=since,
        periods=_PERIODS,
        costs=found,
        headline=total_headline(found.total) if found.total.sessions else "",
        names=SOURCE_NAMES,
        part=_part,
        links={"rule": "/rules/", "agent": "/agent?name=", "source": "", "tool": "", "model": ""},
        most=_ROWS_PER_TABLE,
    )


def _part(row: views.CostRow, rows: Sequence[views.CostRow]) -> float:
    """A row beside the dearest one of its table, in percent."""
    if rows[0].amount.cost_usd:
        return round(float((row.amount.cost_usd or 0) / rows[0].amount.cost_usd) * 100, 1)
    return round(row.amount.tokens / (max(each.amount.tokens for each in rows) or 1) * 100, 1)


def _rules(request: Request) -> Response:
    # Here: whoever only receives does not pay for all the rules.
    from otel_sessionopt.analyzers.catalog import ANALYZER_CLASSES, meta_of

    metas = [meta_of(each) for each in ANALYZER_CLASSES]
    code = request.path_params.get("code")
    if code is None:
        return _page("rules.html", here="rules", title="Rules", page=None, rules=metas)
    for analyzer_class, meta in zip(ANALYZER_CLASSES, metas, strict=True):
        if meta.id == code:
            page = _rule_html(analyzer_class)
            return _page("rules.html", here="rules", title=meta.title, page=page, rules=metas)
    return _problem(404, "There is no such rule", "The list of rules has all that this version knows.")


def _rule_html(analyzer_class: Any) -> Markup:
    from markdown_it import MarkdownIt
    from markupsafe import Markup

    from otel_sessionopt.analyzers.pages import rule_page

    # Our own text: nothing in it comes from a span.
    return Markup(MarkdownIt("commonmark", {"html": False}).enable("table").render(rule_page(analyzer_class)))
