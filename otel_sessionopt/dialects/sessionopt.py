"""The project's own attributes on top of the OTel names: transcripts, recordings by hand, and whoever wants to help us.

`sessionopt.event.type` makes a span an event of its own; the other attributes add to what the OTel names say.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from otel_sessionopt import semconv
from otel_sessionopt.dialects.base import Markers, read_error, record_warnings, root_detail
from otel_sessionopt.dialects.digest import ModelUse, Operation, SpanDigest
from otel_sessionopt.dialects.otel_genai import read_genai
from otel_sessionopt.dialects.paths import MAX_PATH_CHARS
from otel_sessionopt.dialects.values import MAX_NAME_CHARS, read_count, read_flag, read_structure, read_text
from otel_sessionopt.ingest.span_record import SpanRecord

EVENT_TYPES: Final = frozenset(
    {"SESSION_START", "SESSION_END", "TOOL_CALL", "TOKEN_USAGE", "FILE_READ", "FILE_WRITE", "SEARCH", "ERROR"}
    | {"USER_MESSAGE", "AI_RESPONSE", "CONTEXT_LOAD", "THINKING", "CUSTOM"}
)
# Events of a source that tells more than a recording: they belong to a conversation and are not billed.
_OPERATIONS: Final = {
    "USER_MESSAGE": Operation.USER_MESSAGE,
    "THINKING": Operation.THINKING,
    "ERROR": Operation.OTHER,
}
# Only recordings by hand have these.
_RECORDING_KEYS: Final = frozenset({semconv.EVENT_DATA, semconv.EVENT_TOKENS_INPUT, semconv.EVENT_TOKENS_OUTPUT})
_PATH_KEYS: Final = frozenset({"file_path", "file", "path"})
# More data than this is contents, which is not kept; it can hide a finding that needs one of the left-out keys.
MAX_DATA_KEYS: Final = 50


class SessionOpt:
    """Spans with `sessionopt.*` attributes, and the report spans that we write ourselves."""

    id = "sessionopt"
    markers = Markers(
        frozenset({semconv.EVENT_TYPE, semconv.CONTENT_TOKENS, semconv.CONTENT_CHARS, semconv.COMPACTION})
        | {semconv.TOOL_REJECTED, semconv.WORKDIR, semconv.TASK},
        scopes=(semconv.SCOPE_NAME,),
    )

    def matches(self, record: SpanRecord) -> bool:
        """Whether one of the attributes is there, or the span is a report of ours."""
        return not self.markers.attributes.isdisjoint(record.attributes) or _is_report(record)

    def read(self, record: SpanRecord) -> SpanDigest:
        """What the span says."""
        attributes = record.attributes
        if _is_report(record):
            return _event_digest(record, Operation.OTHER, error=None)
        if semconv.EVENT_TYPE in attributes and semconv.OPERATION_NAME not in attributes:
            return _read_event(record)
        digest = read_genai(
            record,
            self.id,
            workdir=read_text(attributes.get(semconv.WORKDIR)),
            is_rejected=read_flag(attributes.get(semconv.TOOL_REJECTED)),
            stated_chars=attributes.get(semconv.CONTENT_CHARS),
            stated_tokens=attributes.get(semconv.CONTENT_TOKENS),
        )
        if semconv.COMPACTION in attributes and read_flag(attributes[semconv.COMPACTION]):
            digest = _with_compaction(digest)
        if semconv.TASK in attributes:
            digest = digest._replace(detail=_with_task(digest.detail, attributes))
        if digest.tool is None and semconv.CONTENT_CHARS in attributes:
            digest = digest._replace(content_chars=read_count(attributes[semconv.CONTENT_CHARS]))
        return digest


def _is_report(record: SpanRecord) -> bool:
    return record.name == semconv.REPORT_SPAN and record.scope_name == semconv.SCOPE_NAME


def _with_compaction(digest: SpanDigest) -> SpanDigest:
    """A call that also compacted stays a call; a span that says nothing else is the compaction."""
    if digest.operation in (Operation.OTHER, Operation.CONTAINER):
        return digest._replace(operation=Operation.COMPACTION)
    return digest._replace(detail={**(digest.detail or {}), "is_compaction": True})


def _with_task(detail: Mapping[str, Any] | None, attributes: Mapping[str, Any]) -> Mapping[str, Any] | None:
    task = read_text(attributes.get(semconv.TASK))
    return detail if task is None else {**(detail or {}), "task": task}


def _read_event(record: SpanRecord) -> SpanDigest:
    """A span that is an event of its own."""
    attributes = record.attributes
    stated = attributes[semconv.EVENT_TYPE]
    event_type = stated if isinstance(stated, str) and stated in EVENT_TYPES else "CUSTOM"
    warnings = () if event_type == stated else ("unknown-event-type",)
    if not _RECORDING_KEYS.isdisjoint(attributes):
        return _read_recorded(record, event_type, warnings)
    chars = read_count(attributes.get(semconv.CONTENT_CHARS))
    tokens = read_count(attributes.get(semconv.CONTENT_TOKENS))
    detail: dict[str, Any] | None = None if tokens is None else {"content_tokens": tokens}
    error = read_error(record)
    if read_flag(attributes.get(semconv.COMPACTION)):
        operation = Operation.COMPACTION
    elif event_type in _OPERATIONS:
        operation = _OPERATIONS[event_type]
        error = error or ("error" if event_type == "ERROR" else None)
    else:
        operation = Operation.RECORDED
        detail = {"event_type": event_type, **(detail or {})}
    return _event_digest(record, operation, error=error, content_chars=chars, detail=detail, warnings=warnings)


def _read_recorded(record: SpanRecord, event_type: str, warnings: tuple[str, ...]) -> SpanDigest:
    """An event recorded by hand: its tokens are billed, and are the size of what it read too."""
    attributes = record.attributes
    data, problem = _read_data(attributes.get(semconv.EVENT_DATA))
    given = {key: attributes.get(key) for key in (semconv.EVENT_TOKENS_INPUT, semconv.EVENT_TOKENS_OUTPUT)}
    tokens_input, tokens_output = (read_count(value) for value in given.values())
    if any(value is not None and read_count(value) is None for value in given.values()):
        warnings += ("unusable-usage",)
    model = ModelUse(
        read_text(attributes.get(semconv.RESPONSE_MODEL)) or read_text(attributes.get(semconv.REQUEST_MODEL)),
        read_text(attributes.get(semconv.PROVIDER_NAME)),
        uncached_tokens=tokens_input or 0,
        output_tokens=tokens_output or 0,
        has_usage=tokens_input is not None or tokens_output is not None,
    )
    return _event_digest(
        record,
        Operation.RECORDED,
        error=read_error(record),
        model=model,
        detail={**data, "event_type": event_type},
        warnings=warnings + problem,
    )


def _read_data(value: object) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The small facts of a recording: plain values under text keys; long texts are cut."""
    data, warning = read_structure(value)
    problem = () if warning is None else (warning,)
    if not isinstance(data, Mapping):
        return {}, problem or (() if data is None else ("invalid-json",))
    small: dict[str, Any] = {}
    for key, item in data.items():
        if not isinstance(key, str) or len(small) == MAX_DATA_KEYS:
            continue
        if isinstance(item, str):
            small[key[:MAX_NAME_CHARS]] = item[: MAX_PATH_CHARS if key in _PATH_KEYS else MAX_NAME_CHARS]
        elif item is None or isinstance(item, (bool, int)) or (isinstance(item, float) and math.isfinite(item)):
            small[key[:MAX_NAME_CHARS]] = item
    return small, problem if len(small) == len(data) else (*problem, "left-out-data")


def _event_digest(
    record: SpanRecord, operation: Operation, *, warnings: tuple[str, ...] = (), **facts: Any
) -> SpanDigest:
    attributes = record.attributes
    detail = {**(root_detail(record) or {}), **(facts.pop("detail", None) or {})} or None
    return SpanDigest(
        record.span_id,
        record.parent_span_id,
        read_text(record.name) or "",
        record.start_ns,
        record.end_ns,
        operation,
        SessionOpt.id,
        agent=read_text(attributes.get(semconv.AGENT_NAME)),
        conversation_id=read_text(attributes.get(semconv.CONVERSATION_ID)),
        detail=_with_task(detail, attributes),
        warnings=record_warnings(record) + warnings,
        **facts,
    )
