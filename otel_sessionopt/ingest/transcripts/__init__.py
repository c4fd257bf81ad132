"""Transcripts that coding agents keep of their sessions, read into spans like everything else.

A format is one file here, or two: a class with the three members of `TranscriptFormat`, and its line in `_FORMATS`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from otel_sessionopt.ingest.inputs import InputFile
from otel_sessionopt.ingest.json_lines import Entry
from otel_sessionopt.ingest.span_record import SpanRecord
from otel_sessionopt.ingest.transcripts.claude_code import ClaudeCodeFormat
from otel_sessionopt.ingest.transcripts.codex import CodexFormat
from otel_sessionopt.ingest.transcripts.pi import PiFormat

__all__ = ["TranscriptFormat", "transcript_format"]


class TranscriptFormat(Protocol):
    """A kind of transcript in JSON Lines.

    A session becomes one trace: an agent span as its root (`invoke_agent <agent>`, with the conversation id), below it
    a span for each model call and each tool call, and spans without length for user messages, thinking, compactions and
    other content that enters the context, with the attribute names of `semconv`. All ids come from ids in the
    transcript (`span_ids`), so that another run, and another file that repeats a line, gives the same ones. Texts of
    prompts, answers and thoughts are never put into a span, only their lengths; arguments and results of tools are.
    """

    name: str

    def is_entry(self, value: Mapping[str, Any]) -> bool:
        """Whether an object can only be a line of this format. Called with lines of any format."""

    def read(self, entries: Iterator[Entry], source: InputFile) -> Iterator[SpanRecord]:
        """Spans of one file, in one pass over its lines. Never raises; unknown lines and keys are passed over."""


# First come, first served: no line can be one of two formats, so that order does not matter so far.
_FORMATS: tuple[TranscriptFormat, ...] = (ClaudeCodeFormat(), CodexFormat(), PiFormat())


def transcript_format(value: Mapping[str, Any]) -> TranscriptFormat | None:
    """The format that has such a line; `None` where there is none."""
    return next((candidate for candidate in _FORMATS if candidate.is_entry(value)), None)
