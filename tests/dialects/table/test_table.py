"""Each dialect × {model call, tool call, error, cached call, reasoning call, nested usage}, with hand-counted numbers.

The run is the same in every dialect, so the expected figures are written once, here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from otel_sessionopt.dialects import UNREADABLE, read_span
from otel_sessionopt.dialects.catalog import DIALECTS
from otel_sessionopt.session import EventType, Session, SessionEvent
from tests.dialects.table.catalog import SAMPLES
from tests.dialects.table.sample import Sample, Span

CASES = ("model_call", "tool_call", "error", "cached", "reasoning", "nested")
# Nothing to do with telemetry of others, or read by tests of their own.
OUTSIDE_THE_TABLE = {"sessionopt"}


def rows(case: str) -> Sequence[object]:
    return [
        pytest.param(sample, getattr(sample, case), id=f"{sample.dialect}{sample.label and '-'}{sample.label}")
        for sample in SAMPLES
        if getattr(sample, case) is not None
    ]


def calls_of(session: Session) -> list[SessionEvent]:
    return [event for event in session.events if event.event_type is EventType.AI_RESPONSE]


@pytest.mark.parametrize(("sample", "span"), rows("model_call"))
def test_a_model_call_has_its_model_and_its_tokens(sample: Sample, span: Span) -> None:
    session = sample.session(span)

    (call,) = session.events
    assert call.event_type is EventType.AI_RESPONSE
    assert (call.dialect, call.error) == (sample.dialect, None)
    assert call.model
    assert (call.tokens_input, call.tokens_output) == (1_200, 300)
    assert (session.total_tokens_input, session.total_tokens_output) == (1_200, 300)


@pytest.mark.parametrize(("sample", "span"), rows("tool_call"))
def test_a_tool_call_is_the_file_read_that_it_is(sample: Sample, span: Span) -> None:
    (call,) = sample.session(span).events

    assert (call.event_type, call.dialect, call.error) == (EventType.FILE_READ, sample.dialect, None)
    assert (call.data["tool_name"], call.data["file_path"]) == ("Read", "/a/b.py")
    assert call.tool is not None
    assert call.tool.result is not None
    assert call.tool.result.chars == len("x = 1")
    assert (call.tokens_input, call.tokens_output) == (0, 0)


@pytest.mark.parametrize(("sample", "span"), rows("error"))
def test_a_failed_call_is_one_event_with_its_error(sample: Sample, span: Span) -> None:
    session = sample.session(span)

    assert [event.error for event in session.events] == [sample.error_type]
    assert session.total_tokens == 0


@pytest.mark.parametrize(("sample", "span"), rows("cached"))
def test_no_cached_token_is_billed_twice(sample: Sample, span: Span) -> None:
    (call,) = sample.session(span).events

    uncached, read, written = sample.cached_parts
    assert uncached + read + written == 1_200
    assert (call.cache_read_tokens, call.cache_write_tokens) == (read, written)
    assert (call.tokens_input, call.tokens_output) == (1_200, 300)


@pytest.mark.parametrize(("sample", "span"), rows("reasoning"))
def test_reasoning_is_inside_the_output(sample: Sample, span: Span) -> None:
    (call,) = sample.session(span).events

    assert (call.tokens_output, call.reasoning_tokens) == (300, 100)


@pytest.mark.parametrize(("sample", "span"), rows("nested"))
def test_tokens_that_several_spans_repeat_count_once(sample: Sample, span: Span) -> None:
    assert span.inner
    session = sample.session(span)

    assert (session.total_tokens_input, session.total_tokens_output) == (1_200, 300)
    assert len(calls_of(session)) == 1
    reads = [event.data["file_path"] for event in session.events if event.event_type is EventType.FILE_READ]
    assert reads == ["/a/b.py"]
    assert len(session.events) == 2


def test_every_cell_of_the_table_is_filled_or_says_why_not() -> None:
    for sample in SAMPLES:
        for case in CASES:
            assert (getattr(sample, case) is None) == (case in sample.absent), (sample.dialect, sample.label, case)


def test_every_dialect_is_in_the_table() -> None:
    assert {dialect.id for dialect in DIALECTS} - OUTSIDE_THE_TABLE == {sample.dialect for sample in SAMPLES}


@pytest.mark.parametrize("value", [None, "", "{", '{"a": [', [], {}, [[1]], {"a": b"x"}, True, -1, 1e400, b"\x00"])
def test_no_value_of_any_attribute_makes_a_dialect_raise_or_invent_tokens(value: object) -> None:
    for sample in SAMPLES:
        for case in CASES:
            span: Span | None = getattr(sample, case)
            if span is None:
                continue
            for record in sample.records(span):
                for key in record.attributes:
                    broken = record._replace(attributes={**record.attributes, key: value})
                    digest = read_span(broken)
                    assert UNREADABLE not in digest.warnings, (sample.dialect, case, key)
                    if digest.model is not None:
                        assert digest.model.input_tokens <= 1_200 + 200, (sample.dialect, case, key)
                        assert digest.model.output_tokens <= 400, (sample.dialect, case, key)


def test_values_cut_by_a_length_limit_make_no_number_larger() -> None:
    for sample in SAMPLES:
        for case in CASES:
            span: Span | None = getattr(sample, case)
            if span is None:
                continue
            for record in sample.records(span):
                whole = read_span(record)
                for limit in (1, 8, 40):
                    cut = {
                        key: value[:limit] if isinstance(value, str) else value
                        for key, value in record.attributes.items()
                    }
                    digest = read_span(record._replace(attributes=cut))
                    assert UNREADABLE not in digest.warnings, (sample.dialect, case, limit)
                    if digest.model is not None and digest.model.has_usage and whole.model is not None:
                        assert digest.model.input_tokens <= max(whole.model.input_tokens, 1_200)
                        assert digest.model.output_tokens <= max(whole.model.output_tokens, 300)


@pytest.mark.parametrize(
    ("attributes", "warning"),
    [
        ({"mlflow.spanType": '"LLM"', "mlflow.chat.tokenUsage": '{"input_tokens": 12'}, "cut-value"),
        ({"mlflow.spanType": '"LLM"', "mlflow.chat.tokenUsage": "{input_tokens: 12}"}, "invalid-json"),
        ({"mlflow.spanType": '"LLM"', "mlflow.chat.tokenUsage": "[12]"}, "unusable-usage"),
        (
            {
                "langfuse.observation.type": "generation",
                "langfuse.observation.usage_details": '{"input": "many", "output": 3}',
            },
            "unusable-usage",
        ),
        (
            {"langfuse.observation.type": "generation", "langfuse.observation.usage_details": '{"input": 12, "out'},
            "cut-value",
        ),
        ({"langsmith.span.kind": "llm", "langsmith.usage_metadata": '{"input_tokens": 12, "out'}, "cut-value"),
    ],
)
def test_usage_in_broken_json_is_named_and_not_guessed(attributes: dict[str, object], warning: str) -> None:
    sample = Sample(dialect="any")
    session = sample.session(Span(name="call", attributes=attributes))

    assert session.release is not None
    assert session.release.warnings.get(warning) == 1
    assert session.total_tokens_input == 0


KIND_KEYS = (
    "openinference.span.kind",
    "traceloop.span.kind",
    "agentops.span.kind",
    "langsmith.span.kind",
    "langfuse.observation.type",
    "mlflow.spanType",
    "gen_ai.operation.name",
    "ai.operationId",
)


@pytest.mark.parametrize(("sample", "span"), rows("nested"))
@pytest.mark.parametrize("kind", ["something_new", '"SOMETHING_NEW"', 7])
def test_a_kind_that_we_do_not_know_changes_no_bill(sample: Sample, span: Span, kind: object) -> None:
    renamed = {key: kind if key in KIND_KEYS else value for key, value in span.attributes.items()}
    session = sample.session(replace(span, name="something new", attributes=renamed))

    assert (session.total_tokens_input, session.total_tokens_output) == (1_200, 300)
    assert len(calls_of(session)) == 1
