"""What holds for all shipped rules on any session."""

from __future__ import annotations

import random
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from otel_sessionopt.analyzers.catalog import default_analyzers
from otel_sessionopt.analyzers.claim_kinds import CallClaim
from otel_sessionopt.analyzers.overlap import resolve_overlaps
from otel_sessionopt.analyzers.runner import OutcomeStatus, run_analyzers
from otel_sessionopt.dialects.digest import (
    FileAccess,
    ModelUse,
    Operation,
    ResultDigest,
    SpanDigest,
    ToolKind,
    ToolUse,
)
from otel_sessionopt.session.build import build_session
from otel_sessionopt.session.facts.bill import bill
from otel_sessionopt.session.model import EventType, Release, Session, SessionEvent
from tests.analyzers.cases import FLAT
from tests.support.digest_builder import START_NS, TRACE_ID

ANALYZERS = default_analyzers()

small = st.integers(0, 40_000)
maybe_small = st.none() | small
names = st.sampled_from(["", "Read", "Bash", "Grep", "a\x00b", "\ud800"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)
data_keys = st.sampled_from(
    [
        "file_path",
        "file",
        "path",
        "query",
        "pattern",
        "message",
        "compressed",
        "recovered",
        "tool_name",
        "tool",
        "command",
    ]
)
data = st.dictionaries(data_keys, json_values | names, max_size=4)
accesses = st.builds(FileAccess, st.sampled_from(["a.py", "b.py"]), st.booleans(), maybe_small, maybe_small)
results = st.builds(
    ResultDigest, maybe_small, maybe_small, st.none() | st.integers(0, 2), lines=st.none(), exit_code=st.none()
)
tools = st.builds(
    ToolUse,
    names,
    st.sampled_from(ToolKind),
    st.none(),
    st.none() | st.integers(0, 2),
    st.lists(accesses, max_size=2).map(tuple),
    st.none() | names,
    st.none(),
    names,
    st.none() | st.sampled_from(["", "make", "cd x && go test ./...", "'unclosed", "echo $(("]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.none() | results,
)
# Every field is given: hypothesis would otherwise make up those it knows the type of.
uses = st.builds(
    ModelUse,
    provider=st.none(),
    is_assumed=st.just(False),
    response_id=st.none(),
    finish_reason=st.sampled_from([None, "stop", "tool_use"]),
    reported_cost_usd=st.sampled_from([None, Decimal("0.25")]),
    model=st.sampled_from([None, "flat", "unknown"]),
    uncached_tokens=small,
    cache_read_tokens=small,
    cache_write_tokens=small,
    cache_write_1h_tokens=small,
    output_tokens=small,
    reasoning_tokens=maybe_small,
    has_usage=st.booleans(),
)
spans = st.builds(
    SpanDigest,
    st.integers(1, 12),
    st.none() | st.integers(1, 12),
    names,
    st.integers(START_NS, START_NS + 10**13),
    st.integers(START_NS, START_NS + 10**13),
    st.sampled_from(Operation),
    st.just("test"),
    st.none() | st.sampled_from(["timeout", "cancelled"]),
    model=st.none() | uses,
    tool=st.none() | tools,
    content_chars=maybe_small,
    detail=st.none() | data,
    agent=st.sampled_from([None, "coder"]),
    conversation_id=st.none(),
    warnings=st.just(()),
    told=st.just(()),
)
recorded_events = st.builds(
    SessionEvent,
    id=st.integers(1, 12).map(str),
    timestamp=st.sampled_from(["", "no time", "2026-01-05T09:00:00", "2026-01-05T12:00:00Z"]),
    event_type=st.sampled_from(EventType),
    data=data,
    tokens_input=small,
    tokens_output=small,
    duration_ms=st.integers(0, 10**8),
    error=st.none() | st.just("timeout"),
)


def _check(session: Session) -> None:
    outcomes = run_analyzers(session, ANALYZERS)
    assert [outcome.error for outcome in outcomes if outcome.status is OutcomeStatus.FAILED] == []
    issues = [issue for outcome in outcomes for issue in outcome.issues]
    total = bill(session).total_tokens
    ids = {event.id for event in session.events}
    for issue in issues:
        assert issue.waste is not None
        assert 0 <= issue.waste.tokens <= total
        assert issue.waste.cost_usd is None or issue.waste.cost_usd >= 0
        assert set(issue.events_involved) <= ids
        assert all(isinstance(claim, CallClaim) or claim.tokens > 0 for claim in issue.waste.claims)
        assert issue.waste.basis.counts or not issue.waste.claims
    assert len({issue.id for issue in issues}) == len(issues)
    found = resolve_overlaps(session, issues)
    assert 0 <= found.avoidable_tokens <= total
    assert all(units >= 0 for units in found.replay.after.units)


@settings(deadline=None)  # the machine may be busy
@given(st.lists(spans, max_size=12))
def test_no_span_makes_a_rule_raise_or_claim_more_than_the_bill(digests: list[SpanDigest]) -> None:
    _check(build_session(TRACE_ID, digests, Release(), FLAT))


@settings(deadline=None)  # the machine may be busy
@given(st.lists(recorded_events, max_size=12, unique_by=lambda event: event.id))
def test_no_recording_makes_a_rule_raise_or_claim_more_than_the_bill(events: list[SessionEvent]) -> None:
    _check(
        Session(id="s", agent="a", task="t", started_at="2026-01-05T09:00:00", events=events, model="flat", prices=FLAT)
    )


@settings(deadline=None)  # the machine may be busy
@given(st.lists(spans, max_size=12, unique_by=lambda span: span.span_id), st.integers())
def test_the_order_in_which_spans_arrive_changes_no_outcome(digests: list[SpanDigest], seed: int) -> None:
    shuffled = list(digests)
    random.Random(seed).shuffle(shuffled)
    first = run_analyzers(build_session(TRACE_ID, digests, Release(), FLAT), ANALYZERS)
    assert run_analyzers(build_session(TRACE_ID, shuffled, Release(), FLAT), ANALYZERS) == first


@settings(deadline=None)  # the machine may be busy
@given(st.lists(spans, max_size=8))
def test_a_second_run_says_the_same(digests: list[SpanDigest]) -> None:
    session = build_session(TRACE_ID, digests, Release(), FLAT)
    assert run_analyzers(session, ANALYZERS) == run_analyzers(session, ANALYZERS)
