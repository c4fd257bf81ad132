"""The checks of `sessionoptimizer doctor`: each looks at one thing and says what it saw.

Source of the variables: OpenTelemetry's SDK configuration and GenAI conventions, Claude Code's monitoring page, and
the documentation of OpenInference and OpenLLMetry.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import distributions
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from otel_sessionopt.report import figures
from otel_sessionopt.report.masking import clean_text

_CONNECT_SECONDS: Final = 0.5
_FULL_SAMPLERS: Final = ("always_on", "parentbased_always_on")
_SHORT_VALUES: Final = 10_000
"""A limit on attribute values below this cuts most file contents, so that reads cannot be compared."""
_LOCAL_PORTS: Final = {4318: "OTLP/HTTP", 4317: "OTLP/gRPC"}
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "grpc": 4317}
_CAPTURE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_OPT_IN: Final = "OTEL_SEMCONV_STABILITY_OPT_IN"
_LATEST: Final = "gen_ai_latest_experimental"
_CAPTURE_ON: Final = ("true", "span_only", "span_and_event")
# Instrumentations of the OpenTelemetry project itself: they record no content unless told to.
_QUIET_PACKAGES: Final = ("opentelemetry-instrumentation-genai-", "opentelemetry-util-genai")
_QUIET_NAMES: Final = (
    "opentelemetry-instrumentation-openai-v2",
    "opentelemetry-instrumentation-openai-agents-v2",
    "opentelemetry-instrumentation-google-genai",
    "opentelemetry-instrumentation-vertexai",
    "opentelemetry-instrumentation-anthropic",
    "opentelemetry-instrumentation-langchain",
)
_GENAI_PACKAGES: Final = ("openinference-instrumentation-", "traceloop-sdk", "logfire", "langfuse", "pydantic-ai")


class Verdict(str, Enum):
    """What a check means for the user."""

    OK = "ok"
    NOTE = "note"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check saw, and what to do about it. `is_source`: telemetry comes from here."""

    verdict: Verdict
    what: str
    cure: str = ""
    is_source: bool = False


def check_sdk(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Variables that keep the SDK from making spans, sending them, or keeping what is in them."""
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        yield Finding(Verdict.MISSING, "OTEL_SDK_DISABLED=true: no program makes spans", "unset it")
    if environ.get("OTEL_TRACES_EXPORTER") == "none":
        yield Finding(Verdict.MISSING, "OTEL_TRACES_EXPORTER=none: no span is sent", "set it to otlp")
    sampler = environ.get("OTEL_TRACES_SAMPLER", _FULL_SAMPLERS[0])
    if sampler not in _FULL_SAMPLERS:
        yield Finding(
            Verdict.MISSING,
            f"OTEL_TRACES_SAMPLER={clean_text(sampler)}: sessions are left out or incomplete",
            f"set it to {_FULL_SAMPLERS[1]}",
        )
    for name in ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"):
        limit = environ.get(name, "")
        if limit.isdecimal() and int(limit) < _SHORT_VALUES:
            yield Finding(
                Verdict.MISSING,
                f"{name}={limit}: arguments and results are cut, reads cannot be compared",
                f"unset it, or set {_SHORT_VALUES} or more",
            )


def check_content(environ: Mapping[str, str], packages: Iterable[str]) -> Iterator[Finding]:
    """Whether tool arguments and results are recorded."""
    quiet = sorted(name for name in packages if name in _QUIET_NAMES or name.startswith(_QUIET_PACKAGES))
    capture = environ.get(_CAPTURE, "").lower()
    if capture in _CAPTURE_ON:
        yield Finding(Verdict.OK, f"{_CAPTURE}={clean_text(environ[_CAPTURE])}: content is captured")
    elif quiet:
        yield Finding(
            Verdict.MISSING,
            f"tool arguments and results are not captured by {', '.join(quiet)}",
            f"set {_CAPTURE}=SPAN_ONLY and {_OPT_IN}={_LATEST} (older versions: {_CAPTURE}=true)",
        )
    if capture in ("span_only", "span_and_event") and _LATEST not in environ.get(_OPT_IN, ""):
        yield Finding(
            Verdict.MISSING,
            f"{_CAPTURE}={clean_text(environ[_CAPTURE])} needs the latest names",
            f"set {_OPT_IN}={_LATEST}",
        )
    if environ.get("TRACELOOP_TRACE_CONTENT", "").lower() == "false":
        yield Finding(Verdict.MISSING, "TRACELOOP_TRACE_CONTENT=false: no content is recorded", "unset it")
    hidden = sorted(
        name for name, value in environ.items() if name.startswith("OPENINFERENCE_HIDE_") and value.lower() == "true"
    )
    if hidden:
        yield Finding(Verdict.MISSING, f"content is hidden by {', '.join(hidden)}", "unset them")


def check_claude_code(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Claude Code's switches, where somebody began to set them. Its transcripts need none."""
    if not any(name.startswith(("CLAUDE_CODE_ENABLE", "CLAUDE_CODE_ENHANCED")) for name in environ):
        return
    wanted = {
        "CLAUDE_CODE_ENABLE_TELEMETRY": "telemetry is off",
        "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA": "Claude Code sends no spans",
        "OTEL_LOG_TOOL_DETAILS": "Claude Code's spans lack tool arguments",
        "OTEL_LOG_TOOL_CONTENT": "Claude Code's spans lack tool results",
    }
    for name, without in wanted.items():
        if environ.get(name, "").lower() in ("", "0", "false"):
            yield Finding(Verdict.MISSING, without, f"set {name}=1")
    if environ.get("OTEL_TRACES_EXPORTER", "") in ("", "none"):
        yield Finding(Verdict.MISSING, "Claude Code has no exporter for spans", "set OTEL_TRACES_EXPORTER=otlp")


def check_packages(packages: Sequence[str]) -> Iterator[Finding]:
    """Which instrumentations this Python has; the agent's own may have others."""
    found = sorted(
        name for name in packages if name in _QUIET_NAMES or name.startswith((*_QUIET_PACKAGES, *_GENAI_PACKAGES))
    )
    shown = ", ".join(found) if found else "none (the agent may run in another one)"
    yield Finding(Verdict.NOTE, f"GenAI instrumentations in this Python: {shown}")


def installed_packages() -> list[str]:
    """Names of all distributions of this Python, normalised."""
    names = {(each.metadata["Name"] or "").lower().replace("_", "-") for each in distributions()}
    return sorted(names - {""})


def check_endpoint(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Whether something accepts connections at the configured endpoint, or else at the usual local ports."""
    configured = next(((name, environ[name]) for name in _ENDPOINTS if environ.get(name)), None)
    if configured is None:
        for port, protocol in _LOCAL_PORTS.items():
            answers = can_connect("127.0.0.1", port)
            state = "answers" if answers else "nothing listens"
            yield Finding(
                Verdict.OK if answers else Verdict.NOTE,
                f"no endpoint is set; {state} at 127.0.0.1:{port} ({protocol})",
                is_source=answers,
            )
        return
    name, url = configured
    shown = clean_text(url)
    address = _address_of(url)
    if address is None:
        yield Finding(Verdict.MISSING, f"{name}={shown} is no URL", "set it to, for example, http://localhost:4318")
    elif can_connect(*address):
        yield Finding(Verdict.OK, f"{name}={shown} answers", is_source=True)
    else:
        yield Finding(Verdict.MISSING, f"{name}={shown}: nothing answers", "start Jaeger or the Collector there")


def _address_of(url: str) -> tuple[str, int] | None:
    """Host and port of an endpoint; gRPC ones may come without a scheme. `None` when it is no URL."""
    try:
        parts = urlsplit(url if "://" in url else f"grpc://{url}")
        port = parts.port
    except ValueError:
        return None
    return (parts.hostname, port or _DEFAULT_PORTS.get(parts.scheme, 4317)) if parts.hostname else None


def can_connect(host: str, port: int) -> bool:
    """Whether a connection is accepted within half a second. Nothing is sent."""
    try:
        with socket.create_connection((host, port), timeout=_CONNECT_SECONDS):
            return True
    except OSError:
        return False


def check_transcripts(environ: Mapping[str, str], home: Path) -> Iterator[Finding]:
    """How many transcripts of coding agents lie in their usual folders."""
    from otel_sessionopt.ingest.transcripts.usual_places import usual_places

    is_any = False
    for place in usual_places(environ, home):
        if found := len(place.files()):
            is_any = True
            yield Finding(
                Verdict.OK,
                f"{figures.count(found, f'{place.tool} {place.noun}')} in {place.folder}",
                f"sessionoptimizer analyze {place.folder}",
                is_source=True,
            )
    if not is_any:
        tools = dict.fromkeys(place.tool for place in usual_places(environ, home))
        yield Finding(Verdict.NOTE, f"no transcript of {', '.join(tools)} in their usual folders")


def check_reports(folder: Path) -> Iterator[Finding]:
    """Whether the live processor has written reports."""
    count = sum(1 for _ in folder.glob("*_report.json")) if folder.is_dir() else 0
    yield Finding(
        Verdict.OK if count else Verdict.NOTE, f"{figures.count(count, 'report')} in {folder}", is_source=count > 0
    )


def check_sources(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Whether telemetry comes from anywhere at all."""
    if not any(finding.is_source for finding in findings):
        yield Finding(
            Verdict.MISSING,
            "no telemetry: no endpoint answers, no transcript, no report",
            "add SessionOptSpanProcessor to the agent, or give files to `sessionoptimizer analyze`; "
            "`sessionoptimizer demo` shows how it looks",
        )
