"""Which trace a log record belongs to: the one whose spans it goes with, else a trace of its session's own."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Final, NamedTuple

from otel_sessionopt.dialects.digest import SpanDigest
from otel_sessionopt.dialects.genai_logs import OTEL_GENAI, MessageLogs, is_message_log
from otel_sessionopt.dialects.logs import LOG_DIALECTS, read_log
from otel_sessionopt.dialects.sessionopt import SessionOpt
from otel_sessionopt.ingest.log_record import LogRecord
from otel_sessionopt.ingest.spool import TraceSpool
from otel_sessionopt.ingest.transcripts.span_ids import trace_id_of

_PRODUCTS: Final = frozenset(dialect.id for dialect in LOG_DIALECTS) | {SessionOpt.id}


class _Interval(NamedTuple):
    """When the spans of one trace were."""

    start_ns: int
    end_ns: int

    def distance(self, time_ns: int) -> int:
        """How far a time is from it; 0 inside."""
        return max(self.start_ns - time_ns, time_ns - self.end_ns, 0)


class ConversationTraces:
    """Remembers which traces have spans of which conversation. A few numbers a trace; not thread-safe."""

    def __init__(self) -> None:
        self._intervals: dict[str, dict[int, _Interval]] = {}
        self._nameless: set[int] = set()  # traces with spans of a product that name no conversation

    def span_seen(self, trace_id: int, digest: SpanDigest) -> None:
        """Take note of a span."""
        conversation = digest.conversation_id
        if digest.dialect not in _PRODUCTS:
            return
        if conversation is None:
            self._nameless.add(trace_id)
            return
        traces = self._intervals.setdefault(conversation, {})
        known = traces.get(trace_id)
        start_ns, end_ns = digest.start_ns, max(digest.start_ns, digest.end_ns)
        if known is not None:
            start_ns, end_ns = min(start_ns, known.start_ns), max(end_ns, known.end_ns)
        traces[trace_id] = _Interval(start_ns, end_ns)

    def trace_for(self, log_trace_id: int, digest: SpanDigest) -> int:
        """Trace id for what `read_log` gave for a record; 0 where it belongs nowhere.

        A transcript of the session comes first, since it tells everything; then the trace that the record names, if
        that has spans of the session; then the session's trace that was going on. A session without any spans is a
        trace of its own, whose id is made from the session's: in every run the same, and that of its transcript.

        Args:
            log_trace_id: as the record has it, 0 for none.
            digest: what it says.
        """
        conversation = digest.conversation_id
        if conversation is None or (digest.dialect == OTEL_GENAI and log_trace_id):
            return log_trace_id
        own = trace_id_of(conversation)
        traces: Mapping[int, _Interval] = self._intervals.get(conversation, {})
        if own in traces:
            return own
        if log_trace_id in traces or (log_trace_id in self._nameless and not traces):
            return log_trace_id
        if not traces:
            return own
        return min(traces, key=lambda trace_id: (traces[trace_id].distance(digest.end_ns), trace_id))


class LogPlacer:
    """Keeps log records until all spans were seen, then puts them beside these. Use it as a context manager.

    Memory holds what the records say up to the spool's budget, as with spans.
    """

    def __init__(self) -> None:
        self._traces = ConversationTraces()
        self._messages = MessageLogs()
        self._held: TraceSpool[tuple[int, SpanDigest]] = TraceSpool()
        self.unplaced = 0
        """Records that say something of a session and do not say of which."""

    def __enter__(self) -> LogPlacer:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._held.close()

    def add_span(self, trace_id: int, digest: SpanDigest) -> None:
        """Take note of a span that is kept elsewhere."""
        self._traces.span_seen(trace_id, digest)

    def add_log(self, record: LogRecord) -> None:
        """Take a log record. Those that say nothing of a session are let go."""
        if is_message_log(record):
            self._messages.add(record)
            return
        digest = read_log(record)
        if digest is not None:
            key = digest.conversation_id
            self._held.add(trace_id_of(key) if key is not None else record.trace_id, (record.trace_id, digest))

    def place_into(self, traces: TraceSpool[SpanDigest]) -> None:
        """Put everything that was taken into the traces that it belongs to."""
        for _, items in self._held:
            for log_trace_id, digest in items:
                trace_id = self._traces.trace_for(log_trace_id, digest)
                if trace_id:
                    traces.add(trace_id, digest)
                else:
                    self.unplaced += 1
        for trace_id, digest in self._messages.digests():
            traces.add(trace_id, digest)
