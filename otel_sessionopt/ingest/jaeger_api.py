"""Traces out of a running Jaeger: its API v3 (whole spans as OTLP), and where there is none the older one.

Source: Jaeger's `api_v3` HTTP gateway (names of parameters in snake case, which every version takes; an empty search
is answered with 404) and `/api/traces` of Jaeger up to 2.20.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit

from otel_sessionopt.errors import InputError

SCHEMES: Final = {"jaeger": "http", "jaeger+http": "http", "jaeger+https": "https"}
DEFAULT_PORT: Final = 16686
DEFAULT_LIMIT: Final = 100
TOKEN_VARIABLE: Final = "JAEGER_BEARER_TOKEN"
"""Environment variable with a bearer token, for a Jaeger that wants one."""
_CONNECT_SECONDS: Final = 5
_READ_SECONDS: Final = 60
_CHUNK_BYTES: Final = 1 << 20
_TRACE_ID: Final = re.compile(r"[0-9a-fA-F]{1,32}")
_WANTED: Final = "jaeger://HOST[:PORT]/TRACE_ID, or jaeger://HOST[:PORT] with --service"


@dataclass(frozen=True, slots=True, kw_only=True)
class JaegerAddress:
    """What a `jaeger://` argument means.

    Attributes:
        text: as given.
        base: URL of the server, without a slash at its end.
        trace_id: up to 32 hex digits; empty where the traces of a service are wanted.
    """

    text: str
    base: str
    trace_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JaegerSearch:
    """Which traces of a service are wanted: those that started within `since` before now, at most `limit`."""

    service: str
    since: timedelta
    limit: int = DEFAULT_LIMIT


def is_jaeger_address(path: str) -> bool:
    """Whether an argument names a Jaeger and not a file."""
    return path.partition("://")[0].lower() in SCHEMES and "://" in path


def parse_address(text: str) -> JaegerAddress:
    """The address in `text`. Raises `InputError` where it is none."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port or DEFAULT_PORT
    except ValueError as error:
        raise InputError(text, "", f"no address of a Jaeger ({error}); wanted is {_WANTED}") from None
    if not host:
        raise InputError(text, "", f"no address of a Jaeger; wanted is {_WANTED}")
    folder, _, last = parts.path.rpartition("/")
    if last and not _TRACE_ID.fullmatch(last):
        raise InputError(text, "", f"{last!r} is no trace id (up to 32 hex digits); wanted is {_WANTED}")
    shown_host = f"[{host}]" if ":" in host else host
    base = f"{SCHEMES[parts.scheme.lower()]}://{shown_host}:{port}{folder}"
    return JaegerAddress(text=text, base=base, trace_id=last.lower())


def fetch_traces(address: JaegerAddress, search: JaegerSearch | None, now: datetime, into: Path) -> Path:
    """Save what is asked for as one JSON file, which `files.read_spans` reads.

    Args:
        address: with a trace id, or without one and with `search`.
        search: used only where the address has no trace id.
        now: end of the time searched.
        into: an existing folder.

    Raises:
        InputError: there is no such trace or service, or no Jaeger answers.
    """
    if address.trace_id:
        trace_id = address.trace_id.zfill(32)
        urls = (f"{address.base}/api/v3/traces/{trace_id}", f"{address.base}/api/traces/{trace_id}")
        nothing = f"this Jaeger has no trace {trace_id}"
    elif search is not None:
        urls = _search_urls(address, search, now)
        nothing = f"no trace of the service {search.service!r} since {(now - search.since).isoformat('T', 'seconds')}"
    else:
        raise InputError(address.text, "", f"a trace id or --service is missing; wanted is {_WANTED}")
    target = into / f"jaeger-{len(list(into.iterdir()))}.json"
    for url in urls:
        if _download(address, url, target):
            return target
    raise InputError(address.text, "", nothing)


def _search_urls(address: JaegerAddress, search: JaegerSearch, now: datetime) -> tuple[str, str]:
    start, end = now - search.since, now
    current = {
        "query.service_name": search.service,
        "query.start_time_min": _rfc3339(start),
        "query.start_time_max": _rfc3339(end),
        # Renamed between versions; each passes over the other's.
        "query.search_depth": search.limit,
        "query.num_traces": search.limit,
    }
    older = {
        "service": search.service,
        "start": _microseconds(start),
        "end": _microseconds(end),
        "limit": search.limit,
    }
    return (
        f"{address.base}/api/v3/traces?{urlencode(current)}",
        f"{address.base}/api/traces?{urlencode(older)}",
    )


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)


def _download(address: JaegerAddress, url: str, target: Path) -> bool:
    """Save an answer; false where the server has no such thing, in this form of the API at least."""
    import requests  # half the start-up time of the command, and most runs read files

    headers = {"Accept": "application/json"}
    if token := os.environ.get(TOKEN_VARIABLE):
        headers["Authorization"] = f"Bearer {token}"
    try:
        with requests.get(url, headers=headers, timeout=(_CONNECT_SECONDS, _READ_SECONDS), stream=True) as answer:
            if answer.status_code == 404:
                return False
            is_json = "json" in answer.headers.get("Content-Type", "")
            if answer.ok and not is_json:
                return False  # the page itself: Jaeger answers so for paths that it does not know
            if not answer.ok:
                hint = f"; set {TOKEN_VARIABLE}" if answer.status_code in (401, 403) else ""
                raise InputError(address.text, "", f"Jaeger answers {answer.status_code} {answer.reason}{hint}")
            with target.open("wb") as file:
                for chunk in answer.iter_content(_CHUNK_BYTES):
                    file.write(chunk)
    except requests.RequestException as error:
        raise InputError(address.text, "", f"no Jaeger answers at {address.base}: {type(error).__name__}") from None
    return True


def parse_since(text: str) -> timedelta:
    """`90m`, `24h`, `7d`. Raises `ValueError` for anything else."""
    found = re.fullmatch(r"(\d{1,6})([smhd])", text.strip().lower())
    if not found or not int(found[1]):
        raise ValueError(f"{text!r} is no duration; wanted is a number and s, m, h or d, such as 24h")
    return timedelta(**{{"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[found[2]]: int(found[1])})
