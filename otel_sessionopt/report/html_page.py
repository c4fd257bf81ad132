"""Pages out of templates: one self-contained file each; its content-security policy allows only what is in it."""

from __future__ import annotations

from base64 import b64encode
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER: Final = "html"


def render(template: str, **values: Any) -> str:
    """A page; every value in it is escaped. Ends in a line break.

    Args:
        template: file name in `report/html/`.
        values: what the template names; one that is missing is an error.
    """
    style, script = _asset("style.css"), _asset("script.js")
    return (
        _environment()
        .get_template(template)
        .render(style=style, script=script, policy=_policy(style, script), **values)
        .rstrip()
        + "\n"
    )


def trace_link(jaeger_url: str | None, trace_id: str, span_id: str | None = None) -> str | None:
    """Where Jaeger shows a trace, a span of it found; `None` without an address, or with one that is not http(s)."""
    if not jaeger_url or not trace_id or urlsplit(jaeger_url).scheme not in ("http", "https"):
        return None
    found = "" if span_id is None else f"?uiFind={quote(span_id, safe='')}"
    return f"{jaeger_url.rstrip('/')}/trace/{quote(trace_id, safe='')}{found}"


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


@lru_cache(maxsize=8)
def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


@lru_cache(maxsize=8)
def _asset(name: str) -> str:
    return (files(__package__) / _FOLDER / name).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _environment() -> Environment:
    # Here: whoever writes no page does not pay for it.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from otel_sessionopt.report import figures

    environment = Environment(
        loader=PackageLoader(__package__, _FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        usd=figures.usd, amount=figures.amount, duration=figures.duration, num=_number, offset=offset
    )
    return environment


def _number(value: float) -> str:
    """`12,345`; coordinates come rounded already."""
    return f"{value:,}"


def offset(nanoseconds: int) -> str:
    """`0:07`, `1:02:03`, `2 d 1:02:03`: time since the start of the session."""
    seconds = nanoseconds // 10**9
    days, seconds = divmod(seconds, 86_400)
    hours, seconds = divmod(seconds, 3_600)
    minutes, seconds = divmod(seconds, 60)
    clock = f"{hours}:{minutes:02}:{seconds:02}" if hours or days else f"{minutes}:{seconds:02}"
    return f"{days} d {clock}" if days else clock


def short_path(text: str, most: int = 48) -> str:
    """The end of a long path, which tells files apart; other texts as they are."""
    if len(text) <= most or "/" not in text or " " in text.split("/")[0]:
        return text
    kept = text[-most:]
    cut = kept.find("/")
    return "…" + (kept[cut:] if 0 <= cut < most - 1 else kept)
