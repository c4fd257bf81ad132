from __future__ import annotations

from pathlib import Path

from otel_sessionopt.dialects import read_span
from otel_sessionopt.dialects.digest import Operation, SpanDigest, ToolKind, ToolUse
from otel_sessionopt.ingest.files import read_spans
from otel_sessionopt.ingest.inputs import InputFile
from otel_sessionopt.session import Release, Session, build_session
from otel_sessionopt.session.facts.stated_output import UnderstatedOutput, understated_output
from tests.support.digest_builder import model_use

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "claude-code-session.jsonl.xz"


def _session(output: int, *, text_chars: int, arguments_chars: int) -> Session:
    call = SpanDigest(
        1, None, "chat", 0, 1, Operation.MODEL_CALL, model=model_use(100, output=output), content_chars=text_chars
    )
    tool = ToolUse("Write", ToolKind.WRITE, arguments_chars=arguments_chars)
    return build_session(1, [call, SpanDigest(2, None, "Write", 2, 3, Operation.TOOL_CALL, tool=tool)], Release())


def test_an_output_below_half_of_the_text_was_never_filled_in() -> None:
    told = understated_output(_session(3, text_chars=40, arguments_chars=4_000))
    assert told == UnderstatedOutput(calls=1, stated_tokens=3, visible_tokens=10 + 1_000)


def test_half_of_the_text_is_believed_because_text_lengths_are_rough() -> None:
    assert understated_output(_session(505, text_chars=40, arguments_chars=4_000)) == UnderstatedOutput()


def test_more_output_than_text_is_reasoning_and_no_doubt() -> None:
    assert understated_output(_session(9_000, text_chars=40, arguments_chars=0)) == UnderstatedOutput()


def test_a_call_without_recorded_text_is_not_doubted() -> None:
    assert understated_output(_session(0, text_chars=0, arguments_chars=0)) == UnderstatedOutput()


def test_the_example_has_placeholders() -> None:
    digests = [read_span(record) for record in read_spans(InputFile(path=EXAMPLE), print)]
    told = understated_output(build_session(1, digests, Release()))
    assert told.calls > 20
    assert told.visible_tokens > 10 * told.stated_tokens
