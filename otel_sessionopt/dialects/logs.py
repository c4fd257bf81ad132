"""Log records: which dialect one is written in, and what it says in our own words."""

from __future__ import annotations

import logging
from typing import Final, Protocol

from otel_sessionopt.dialects.claude_code_logs import ClaudeCodeLogs
from otel_sessionopt.dialects.codex_logs import CodexLogs
from otel_sessionopt.dialects.digest import SpanDigest
from otel_sessionopt.dialects.gemini_logs import GeminiCliLogs, QwenCodeLogs
from otel_sessionopt.dialects.genai_logs import OtelGenAiLogs
from otel_sessionopt.ingest.log_record import LogRecord

__all__ = ["LOG_DIALECTS", "LogDialect", "read_log"]

_logger = logging.getLogger(__name__)


class LogDialect(Protocol):
    """One convention of writing log records about agents. Stateless, and safe for several threads."""

    @property
    def id(self) -> str:
        """Short name: that of the same product's spans."""
        ...

    def matches(self, record: LogRecord) -> bool:
        """Whether the record is written in this dialect."""
        ...

    def read(self, record: LogRecord) -> SpanDigest | None:
        """What the record says; `None` for those that tell of nothing in the session. Only for records that match."""
        ...


# Products in their own words first: some of them write records of the standard besides.
LOG_DIALECTS: Final[tuple[LogDialect, ...]] = (
    ClaudeCodeLogs(),
    CodexLogs(),
    GeminiCliLogs(),
    QwenCodeLogs(),
    OtelGenAiLogs(),
)


def read_log(record: LogRecord) -> SpanDigest | None:
    """What one log record says of a session, as a digest with `is_log`; `None` where it says nothing. Never raises.

    `SpanDigest.conversation_id` is the session it belongs to. Messages of single model calls are collected by
    `genai_logs.MessageLogs` instead.
    """
    try:
        for dialect in LOG_DIALECTS:
            if dialect.matches(record):
                return dialect.read(record)
    except Exception as problem:  # noqa: BLE001 - no value may end the analysis of a session; dialects are tested without
        # Not the message: it may quote the value.
        _logger.debug("log record could not be read: %s", type(problem).__name__)
    return None
