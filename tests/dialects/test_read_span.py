from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_sessionopt import semconv
from otel_sessionopt.dialects import UNREADABLE, read_span
from otel_sessionopt.dialects.catalog import DIALECTS, PLAIN, find_dialect
from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.dialects.otel_genai import KEYS
from otel_sessionopt.ingest.span_record import SpanEventRecord, SpanRecord
from tests.dialects.records import START_NS, exception, record


def test_ids_of_dialects_are_unique() -> None:
    ids = [dialect.id for dialect in (*DIALECTS, PLAIN)]

    assert len(set(ids)) == len(ids)


def test_no_dialect_matches_without_one_of_its_markers() -> None:
    plain = record("GET /", {"http.route": "/"})

    assert not any(dialect.matches(plain) for dialect in DIALECTS)


def test_an_ordinary_span_is_kept_for_the_tree() -> None:
    digest = read_span(record("GET /users", {"http.request.method": "GET", "session.id": "browser"}))

    assert digest == SpanDigest(
        8, 7, "GET /users", START_NS, START_NS + 1_000_000_000, Operation.OTHER, dialect="plain"
    )


def test_an_ordinary_span_keeps_its_error_without_its_message() -> None:
    digest = read_span(record("GET /", {}, is_error=True, events=[exception("TimeoutError")]))

    assert digest.error == "TimeoutError"
    assert "secret" not in repr(digest)


def test_an_error_type_that_is_a_number_is_kept_as_text() -> None:
    assert read_span(record("GET /", {"error.type": 503})).error == "503"


def test_our_own_attributes_go_before_the_conventions() -> None:
    assert read_span(record("chat", {"gen_ai.operation.name": "chat", semconv.TASK: "x"})).dialect == "sessionopt"
    assert read_span(record("chat", {"gen_ai.operation.name": "chat"})).dialect == "otel-genai"


def test_read_only_and_unusual_mappings_are_read_as_well() -> None:
    attributes = MappingProxyType({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 3})

    digest = read_span(record("chat", attributes))

    assert digest.model is not None
    assert digest.model.input_tokens == 3


class Broken(Mapping[str, Any]):
    """Attributes that raise when they are looked at."""

    def __getitem__(self, key: str) -> Any:
        raise OSError("lost")

    def __iter__(self) -> Iterator[str]:
        raise OSError("lost")

    def __len__(self) -> int:
        return 1


def test_a_span_whose_attributes_raise_is_kept_and_named() -> None:
    digest = read_span(record("chat", Broken()))

    assert (digest.operation, digest.warnings, digest.span_id) == (Operation.OTHER, (UNREADABLE,), 8)


def test_a_span_that_its_dialect_cannot_read_is_kept_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(record: SpanRecord) -> SpanDigest:
        raise OSError("lost")

    span = record("chat", {"gen_ai.operation.name": "chat"})
    monkeypatch.setattr(find_dialect(span), "read", fail)

    digest = read_span(span)

    assert (digest.operation, digest.warnings, digest.span_id) == (Operation.OTHER, (UNREADABLE,), 8)


def test_arguments_and_results_are_not_kept() -> None:
    secret = "correct horse battery staple"
    attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "Write",
        "gen_ai.tool.call.arguments": {"file_path": "/a", "content": secret},
        "gen_ai.tool.call.result": secret,
        "gen_ai.input.messages": secret,
        "exception.message": secret,
    }

    assert secret not in repr(read_span(record("execute_tool Write", attributes, events=[exception("E")])))


ATTRIBUTE_NAMES = st.sampled_from(
    [*KEYS.keys, "error.type", "gen_ai.agent.id", "gen_ai.output.messages", "x"]
    + [getattr(semconv, name) for name in dir(semconv) if name.isupper() and "." in getattr(semconv, name)]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=20)
    | st.text(alphabet=st.characters(categories=["Cs", "Ll"]), max_size=5)  # lone surrogates
    | st.binary(max_size=8)
    | st.sampled_from(
        ["chat", "execute_tool", "invoke_agent", "tools/call", '{"file_path":"/a"', "[1", '"', "{}", "NaN"]
    )
    | st.sampled_from(['{"command":"cat a | head"}', '{"isError":true}', "x" * 5_000, "[" * 2_000, '{"a":' * 2_000])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.builds(
    SpanRecord,
    trace_id=st.integers(1, 2**128 - 1),
    span_id=st.integers(1, 2**64 - 1),
    parent_span_id=st.none() | st.integers(1, 2**64 - 1),
    name=st.sampled_from(["chat x", "execute_tool Bash", "tools/call y", "sessionopt.report", "invoke_agent", ""])
    | st.text(),
    start_ns=st.integers(-(2**63), 2**63),
    end_ns=st.integers(-(2**63), 2**63),
    attributes=st.dictionaries(ATTRIBUTE_NAMES, VALUES, max_size=10),
    is_error=st.booleans(),
    events=st.lists(
        st.builds(
            SpanEventRecord,
            st.integers(),
            st.sampled_from(["exception", "x"]),
            st.dictionaries(st.just("exception.type"), VALUES, max_size=1),
        ),
        max_size=2,
    ),
    resource=st.dictionaries(st.just("service.name"), VALUES, max_size=1),
    scope_name=st.sampled_from(["", "otel_sessionopt", "x"]),
    dropped_attributes=st.integers(0, 3),
)


@settings(deadline=None)  # the machine may be busy
@given(RECORDS)
def test_no_attribute_value_makes_a_dialect_raise(span: SpanRecord) -> None:
    digest = find_dialect(span).read(span)  # without the guard of `read_span`

    assert (digest.span_id, digest.parent_span_id) == (span.span_id, span.parent_span_id)
    assert (digest.start_ns, digest.end_ns) == (span.start_ns, span.end_ns)
    if digest.model is not None:
        numbers = digest.model[2:7]
        assert all(type(number) is int and number >= 0 for number in numbers)
        assert digest.model.has_usage or not any(numbers)
    for text in (digest.name, digest.error or "", digest.agent or "", digest.conversation_id or ""):
        assert len(text) <= 200


@settings(deadline=None)  # the machine may be busy
@given(RECORDS)
def test_reading_is_the_same_every_time_and_changes_nothing(span: SpanRecord) -> None:
    before = repr(span)

    assert repr(read_span(span)) == repr(read_span(span))
    assert repr(span) == before


@settings(deadline=None)  # the machine may be busy
@given(st.dictionaries(st.text(max_size=12).map(lambda name: f"http.{name}"), VALUES, max_size=6))
def test_spans_without_markers_are_ordinary(attributes: dict[str, Any]) -> None:
    assert read_span(record("GET /", attributes)).dialect == "plain"
