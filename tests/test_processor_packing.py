"""Digests as bytes and back."""

from __future__ import annotations

import sys
from array import array
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_sessionopt.dialects.digest import (
    FileAccess,
    ModelUse,
    Operation,
    ResultDigest,
    SpanDigest,
    ToldCall,
    ToolKind,
    ToolUse,
)
from otel_sessionopt.ingest.span_record import SpanRecord
from otel_sessionopt.pipeline import Pipeline
from otel_sessionopt.processor_packing import pack_digest, unpack_digest
from tests.support.live_spans import AGENT, CHAT, READ

TEXT = st.text(st.characters(exclude_categories=()), max_size=10)  # lone surrogates too
NUMBERS = st.integers(0, 2**64 - 1)
MAYBE = st.none() | NUMBERS
MAYBE_TEXT = st.none() | TEXT
VALUES = st.none() | st.booleans() | NUMBERS | TEXT | st.floats(allow_nan=False) | st.decimals(allow_nan=False)
RESULTS = st.builds(
    ResultDigest,
    MAYBE,
    MAYBE,
    MAYBE,
    st.none() | st.lists(NUMBERS, max_size=5).map(lambda rows: array("Q", rows)),
    st.none() | st.integers(-255, 255),
)
ACCESSES = st.builds(FileAccess, TEXT, st.booleans(), MAYBE, MAYBE)
TOOLS = st.builds(
    ToolUse,
    TEXT,
    st.sampled_from(ToolKind),
    MAYBE_TEXT,
    MAYBE,
    st.lists(ACCESSES, max_size=3).map(tuple),
    MAYBE_TEXT,
    MAYBE,
    TEXT,
    MAYBE_TEXT,
    result=st.none() | RESULTS,
    is_rejected=st.booleans(),
)
MODELS = st.builds(
    ModelUse,
    MAYBE_TEXT,
    MAYBE_TEXT,
    NUMBERS,
    reasoning_tokens=MAYBE,
    reported_cost_usd=st.none() | st.decimals(allow_nan=False),
)
DIGESTS = st.builds(
    SpanDigest,
    NUMBERS,
    MAYBE,
    TEXT,
    NUMBERS,
    NUMBERS,
    st.sampled_from(Operation),
    error=MAYBE_TEXT,
    model=st.none() | MODELS,
    tool=st.none() | TOOLS,
    detail=st.none() | st.dictionaries(TEXT, VALUES | st.lists(VALUES, max_size=2), max_size=3),
    warnings=st.lists(TEXT, max_size=2).map(tuple),
    told=st.lists(st.builds(ToldCall, TOOLS, MAYBE_TEXT, NUMBERS, NUMBERS), max_size=2).map(tuple),
)


def digest_of(attributes: Any) -> SpanDigest:
    """What a span of some realistic ids and times says."""
    start_ns = 1_700_000_000_123_456_789
    return Pipeline.digest(
        SpanRecord(2**120, 2**60, 2**61, "execute_tool Read", start_ns, start_ns + 10**9, attributes)
    )


def types_of(value: object) -> object:
    """The types in a digest, all the way down."""
    if isinstance(value, tuple):
        return (type(value), [types_of(item) for item in value])
    return type(value)


@given(DIGESTS)
def test_unpacking_gives_what_was_packed(digest: SpanDigest) -> None:
    unpacked = unpack_digest(pack_digest(digest))
    assert unpacked == digest
    assert types_of(unpacked) == types_of(digest)


@pytest.mark.parametrize("attributes", [AGENT, CHAT, READ, {}], ids=["agent", "chat", "read", "other"])
def test_digests_of_real_spans_survive(attributes: Any) -> None:
    digest = digest_of(attributes)
    assert unpack_digest(pack_digest(digest)) == digest


def test_costs_keep_every_digit() -> None:
    cost = Decimal("0.0000001234567890123456789")
    digest = SpanDigest(1, None, "chat", 0, 1, model=ModelUse(reported_cost_usd=cost))
    model = unpack_digest(pack_digest(digest)).model
    assert model is not None
    assert str(model.reported_cost_usd) == str(cost)


def test_facts_of_other_types_survive_too() -> None:
    digest = SpanDigest(1, None, "x", 0, 1, detail={"cost": Decimal("1.5"), "operation": Operation.AGENT})
    assert unpack_digest(pack_digest(digest)) == digest


def test_a_packed_read_takes_no_more_than_it_may() -> None:
    rows = 199
    packed = pack_digest(digest_of(READ))
    # 700 bytes a buffered span, of which the buffer's own entry takes 104.
    assert sys.getsizeof(packed) - 8 * rows <= 596
