"""Log records beside spans: each completes the span of the same thing, or stands for it; nothing counts twice.

What a log record tells is found by the provider's ids of response and tool call. Some products write no ids on one of
the signals: there a record ends when its span does. What then finds no span is left out where the product's spans tell
of such things at all, because it is more likely one of them than another thing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

from otel_sessionopt.dialects.digest import ModelUse, Operation, SpanDigest
from otel_sessionopt.session.ancestry import with_content_of

UNMATCHED_LOG: Final = "unmatched-log"
"""Warning: a log record that belongs to one of the spans, nobody can tell which; it was left out."""

# A record is written when its span ends; agents do that within milliseconds of each other, on one machine.
MAX_APART_NS: Final = 2_000_000_000

_ACTIONS: Final = frozenset({Operation.MODEL_CALL, Operation.TOOL_CALL})
# Dialects that transcripts are read in: a session's transcript tells everything, under ids of its own.
_WHOLE: Final = frozenset({"sessionopt", "otel-genai"})
_Place = tuple[Operation, str]


def with_logs(digests: Iterable[SpanDigest]) -> list[SpanDigest]:
    """The spans, completed by the log records among them, and digests for those that no span tells of.

    The result does not depend on their order, but for the order of the result.
    """
    given = list(digests)
    logs = [digest for digest in given if digest.is_log]
    if not logs:
        return given
    spans = {digest.span_id: digest for digest in given if not digest.is_log}
    unmatched = 0
    matcher = _Matcher(list(spans.values()))
    alone: list[SpanDigest] = []
    for log in _merged_logs(logs):
        span_id = matcher.find(log)
        if span_id is not None:
            spans[span_id] = completed(spans[span_id], log)
        elif matcher.has_its_own(log):
            unmatched += 1
        else:
            alone.append(log)
    # Copies of a span are told apart later: only the completed one of each is given on.
    result = [digest for digest in given if not digest.is_log and spans[digest.span_id].span_id not in matcher.taken]
    result += [spans[span_id] for span_id in sorted(matcher.taken)]
    placed = _placed(alone, result)
    if unmatched and result:
        first = min(range(len(result)), key=lambda i: (result[i].start_ns, result[i].span_id))
        result[first] = result[first]._replace(warnings=(*result[first].warnings, *[UNMATCHED_LOG] * unmatched))
    return result + placed


def completed(span: SpanDigest, log: SpanDigest) -> SpanDigest:
    """The span with what only the log record tells."""
    tool, model = span.tool, span.model
    if tool is None:
        tool = log.tool
    elif log.tool is not None:
        tool = with_content_of(tool, log.tool)
    if model is None:
        model = log.model
    elif log.model is not None:
        model = _merged_use(model, log.model)
    is_rejected = tool is not None and tool.is_rejected
    error = span.error if span.error is not None else log.error
    return span._replace(
        tool=tool,
        model=model,
        error=None if is_rejected else error,
        agent=span.agent or log.agent,
        conversation_id=span.conversation_id or log.conversation_id,
        content_chars=span.content_chars if span.content_chars is not None else log.content_chars,
        detail={**log.detail, **(span.detail or {})} if log.detail else span.detail,
        warnings=tuple(dict.fromkeys(span.warnings + log.warnings)),
        told=span.told + tuple(call for call in log.told if call not in span.told),
    )


def _merged_use(ours: ModelUse, theirs: ModelUse) -> ModelUse:
    """One usage of two: that of the signal which tells more tokens, since some leave a kind of them out."""
    is_more = (theirs.has_usage, theirs.input_tokens + theirs.output_tokens) > (
        ours.has_usage,
        ours.input_tokens + ours.output_tokens,
    )
    best, other = (theirs, ours) if is_more else (ours, theirs)
    return best._replace(
        model=ours.model or theirs.model,
        provider=ours.provider or theirs.provider,
        response_id=ours.response_id or theirs.response_id,
        finish_reason=ours.finish_reason or theirs.finish_reason,
        reasoning_tokens=other.reasoning_tokens if best.reasoning_tokens is None else best.reasoning_tokens,
        reported_cost_usd=other.reported_cost_usd if best.reported_cost_usd is None else best.reported_cost_usd,
    )


def _key(digest: SpanDigest) -> str | None:
    """The provider's id of what a digest tells of."""
    if digest.operation is Operation.TOOL_CALL:
        return digest.tool.call_id if digest.tool is not None else None
    if digest.operation is Operation.MODEL_CALL:
        return digest.model.response_id if digest.model is not None else None
    return None


def _merged_logs(logs: Sequence[SpanDigest]) -> list[SpanDigest]:
    """Each record once, and one digest for all that tell of one call."""
    once = {log.span_id: log for log in logs}
    merged: dict[tuple[str, Operation, str], SpanDigest] = {}
    others: list[SpanDigest] = []
    for log in sorted(once.values(), key=lambda log: (log.end_ns, log.span_id)):
        key = _key(log)
        if key is None or (log.operation is Operation.MODEL_CALL and log.error is not None):
            others.append(log)  # attempts that failed are things of their own
            continue
        place = (log.dialect, log.operation, key)
        known = merged.get(place)
        merged[place] = log if known is None else _joined(known, log)
    return [*merged.values(), *others]


def _joined(first: SpanDigest, then: SpanDigest) -> SpanDigest:
    """Two records of one call: the one with usage or with a duration says when it was."""
    is_timed = then.end_ns - then.start_ns > first.end_ns - first.start_ns
    base, other = (then, first) if is_timed else (first, then)
    return completed(base, other)


class _Matcher:
    """Finds the span of a log record. Without ids, each span is given once."""

    def __init__(self, spans: Sequence[SpanDigest]) -> None:
        self.taken: set[int] = set()
        self._spans = {span.span_id: span for span in spans}
        self._told_whole = {span.conversation_id for span in spans if span.dialect in _WHOLE} - {None}
        self._by_key: dict[tuple[Operation, str], int] = {}
        self._places: defaultdict[_Place, list[tuple[int, int]]] = defaultdict(list)
        self._without_key: set[_Place] = set()
        self._kinds: set[_Place] = set()
        for span in sorted(spans, key=lambda span: (span.start_ns, span.span_id)):
            if span.operation not in _ACTIONS or (span.tool is not None and not span.tool.name):
                continue
            key = _key(span)
            place = (span.operation, span.dialect)
            self._kinds.add(place)
            if key is not None:
                self._by_key.setdefault((span.operation, key), span.span_id)
            else:
                self._without_key.add(place)
            self._places[place].append((span.end_ns, span.span_id))
        for ends in self._places.values():
            ends.sort()

    def find(self, log: SpanDigest) -> int | None:
        """Id of the span that tells of the same thing; `None` where there is none, or nobody can tell."""
        around = self._spans.get(log.parent_span_id or 0)
        if log.operation is Operation.OTHER and around is not None:
            return self._take(around.span_id)  # messages of the very call that they were written in
        if log.operation not in _ACTIONS:
            return None
        key = _key(log)
        if key is not None:
            span_id = self._by_key.get((log.operation, key))
            if span_id is not None:
                return self._take(span_id) if _may_fail_as(self._spans[span_id], log) else None
            if (log.operation, log.dialect) not in self._without_key:
                return None
        if around is not None and _may_be(around, log):
            return self._take(around.span_id)
        return self._nearest(log)

    def has_its_own(self, log: SpanDigest) -> bool:
        """Whether spans tell of such things, so that one without a match is no further thing."""
        if log.dialect not in _WHOLE and log.conversation_id in self._told_whole:
            return True
        if log.operation not in _ACTIONS or not _may_fail_as(log._replace(error=None), log):
            return False
        place = (log.operation, log.dialect)
        return place in self._kinds and (_key(log) is None or place in self._without_key)

    def _nearest(self, log: SpanDigest) -> int | None:
        ends = self._places.get((log.operation, log.dialect), [])
        best: tuple[int, int] | None = None
        for end_ns, span_id in ends[bisect_left(ends, (log.end_ns - MAX_APART_NS, 0)) :]:
            if end_ns > log.end_ns + MAX_APART_NS:
                break
            if span_id in self.taken or not _may_be(self._spans[span_id], log):
                continue
            distance = (abs(end_ns - log.end_ns), span_id)
            best = distance if best is None or distance < best else best
        return self._take(best[1]) if best is not None else None

    def _take(self, span_id: int | None) -> int | None:
        if span_id is not None:
            self.taken.add(span_id)
        return span_id


def _name(digest: SpanDigest) -> str:
    if digest.tool is not None:
        return digest.tool.name.casefold()
    return (digest.model.model or "") if digest.model is not None else ""


def _may_be(span: SpanDigest, log: SpanDigest) -> bool:
    """Whether the two can be one call by what they are, and neither's id says otherwise."""
    if span.operation is not log.operation or None not in (_key(span), _key(log)):
        return False
    one, other = _name(span), _name(log)
    return (not one or not other or one == other) and _may_fail_as(span, log)


def _may_fail_as(span: SpanDigest, log: SpanDigest) -> bool:
    """A failed request inside a call that went well in the end is an attempt: it stays as evidence of a retry."""
    return log.operation is not Operation.MODEL_CALL or log.error is None or span.error is not None


def _placed(alone: Sequence[SpanDigest], spans: Sequence[SpanDigest]) -> list[SpanDigest]:
    """Log records without spans, below the span they were written in, else below an agent: one of the trace, or one
    that stands for their session. Sub-agents that records name get an agent each."""
    if not alone:
        return []
    ids = {span.span_id for span in spans}
    roots = sorted((span.start_ns, span.end_ns, span.span_id) for span in spans if span.operation is Operation.AGENT)
    made: dict[tuple[str, str | None, str], SpanDigest] = {}
    placed: list[SpanDigest] = []
    for log in alone:
        parent = log.parent_span_id if log.parent_span_id in ids else _around(roots, log)
        if parent is None:
            parent = _stand_in(made, log, "", None)
        if log.agent:
            parent = _stand_in(made, log, log.agent, parent)
        placed.append(log._replace(parent_span_id=parent))
    return placed + list(made.values())


def _around(roots: Sequence[tuple[int, int, int]], log: SpanDigest) -> int | None:
    """The first agent that was at work when the record was written, else the last one that began before it."""
    before = [root for root in roots if root[0] <= log.end_ns] or list(roots[:1])
    return next((span_id for _, end_ns, span_id in before if log.end_ns <= end_ns), before[-1][2] if before else None)


def _stand_in(
    made: dict[tuple[str, str | None, str], SpanDigest], log: SpanDigest, agent: str, parent: int | None
) -> int:
    key = (log.dialect, log.conversation_id, agent)
    known = made.get(key)
    if known is None:
        text = "\x1f".join((log.dialect, log.conversation_id or "", "agent", agent))
        span_id = int.from_bytes(sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big") or 1
        known = SpanDigest(
            span_id, parent, f"invoke_agent {agent or log.dialect}", log.start_ns, log.end_ns, Operation.AGENT,
            log.dialect, agent=agent or log.dialect, conversation_id=log.conversation_id,
        )  # fmt: skip
    made[key] = known._replace(start_ns=min(known.start_ns, log.start_ns), end_ns=max(known.end_ns, log.end_ns))
    return known.span_id
