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


def render(
    template: str, *, package: str = __package__, style: str = "", form_action: str = "'none'", **values: Any
) -> str:
    """A page; every value in it is escaped. Ends in a line break.

    Args:
        template: file name in the folder `html` of `package`, or in ours, whose templates others may extend.
        package: whose template it is.
        style: file name of further rules of style in that folder.
        form_action: where forms may lead, as the content-security policy says it.
        values: what the template names; one that is missing is an error.
    """
    rules, script = _asset(__package__, "style.css"), _asset(__package__, "script.js")
    if style:
        rules += _asset(package, style)
    return (
        _environment(package)
        .get_template(template)
        .render(style=rules, script=script, policy=_policy(rules, script, form_action), **values)
        .rstrip()
        + "\n"
    )


def trace_link(jaeger_url: str | None, trace_id: str, span_id: str | None = None) -> str | None:
    """Where Jaeger shows a trace, a span of it found; `None` without an address, or with one that is not http(s)."""
    if not jaeger_url or not trace_id or urlsplit(jaeger_url).scheme not in ("http", "https"):
        return None
    found = "" if span_id is None else f"?uiFind={quote(span_id, safe='')}"
    return f"{jaeger_url.rstrip('/')}/trace/{quote(trace_id, safe='')}{found}"


def _policy(style: str, script: str, form_action: str) -> str:
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        f"base-uri 'none'; form-action {form_action}"
    )


@lru_cache(maxsize=8)
def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


@lru_cache(maxsize=8)
def _asset(package: str, name: str) -> str:
    return (files(package) / _FOLDER / name).read_text(encoding="utf-8")


@lru_cache(maxsize=4)
def _environment(package: str) -> Environment:
    # Here: whoever writes no page does not pay for it.
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    from otel_sessionopt.report import figures
    from otel_sessionopt.report.session_names import moment

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(each, _FOLDER) for each in dict.fromkeys((package, __package__))]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        usd=figures.usd,
        amount=figures.amount,
        duration=figures.duration,
        num=_number,
        offset=offset,
        moment=moment,
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
