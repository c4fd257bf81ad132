"""Log records for tests, as each product writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_sessionopt.ingest.log_record import LogRecord, event_name_of

START_NS = 1_760_000_000_000_000_000
SECOND_NS = 1_000_000_000
SESSION = "0b8f6a52-7d3c-4f52-9b7e-0d5a1c2e3f40"
THREAD = "019a2f3c-1111-7222-8333-944455566677"


def log(
    name: str,
    attributes: Mapping[str, Any],
    *,
    second: float = 0,
    body: Any = None,
    scope: str = "",
    trace: int = 0,
    span: int = 0,
    service: str = "",
) -> LogRecord:
    """A record that was written some seconds after the start."""
    return LogRecord(
        trace,
        span,
        START_NS + round(second * SECOND_NS),
        event_name_of(name, attributes),
        body,
        attributes,
        {"service.name": service} if service else {},
        scope,
    )


def claude(event: str, second: float, **attributes: Any) -> LogRecord:
    """As Claude Code writes it: the name in an attribute, without prefix, and the whole one in the body."""
    common = {"session.id": SESSION, "user.id": "u", "event.name": event, "event.sequence": round(second * 10)}
    return log(
        "",
        common | attributes,
        second=second,
        body=f"claude_code.{event}",
        scope="com.anthropic.claude_code.events",
    )


def codex(event: str, second: float, **attributes: Any) -> LogRecord:
    """As Codex writes it."""
    common = {"event.name": f"codex.{event}", "conversation.id": THREAD, "model": "gpt-5-codex", "slug": "gpt-5-codex"}
    return log("", common | attributes, second=second, scope="codex_otel.log_only")


def gemini(event: str, second: float, **attributes: Any) -> LogRecord:
    """As Gemini CLI writes it."""
    common = {"session.id": SESSION, "installation.id": "i", "event.name": f"gemini_cli.{event}"}
    return log("", common | attributes, second=second, service="gemini-cli")


def qwen(event: str, second: float, **attributes: Any) -> LogRecord:
    """As Qwen Code writes it."""
    return log("", {"session.id": SESSION, "event.name": f"qwen-code.{event}"} | attributes, second=second)
