"""Real spans of ten agent frameworks, from exports that are not OTLP.

Counted by hand from the files: model calls and their tokens as the innermost spans with token attributes state them;
tool calls as spans of tools, plus those that only the messages of a later call show. What a file does not contain is in
`missing`. Where Langfuse's export has token numbers of its own beside spans without any, these are its estimates (its
tokenizer's: `{"content":"role"}` is 5 tokens) and not part of the spans.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from otel_sessionopt.dialects import UNREADABLE
from otel_sessionopt.session import EventType, Session, SessionEvent
from tests.support.framework_spans import framework_records, framework_sessions, sessions_from_records

COPIES = Path(__file__).parents[1] / "traces" / "framework_spans"


@dataclass(frozen=True, kw_only=True)
class File:
    """A file and what is in it.

    Attributes:
        calls: input and output tokens of each model call; (0, 0) where the file states none.
        tools: names of the tools called, in order.
        errors: errors in order of their events.
        cached: cache-read and cache-write tokens of the whole file.
        reasoning: reasoning tokens of the whole file.
        traces: number of traces.
        dialects: which dialects read the events.
        missing: what the file does not contain.
    """

    name: str
    calls: tuple[tuple[int, int], ...] = ()
    tools: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    cached: tuple[int, int] = (0, 0)
    reasoning: int = 0
    traces: int = 1
    dialects: tuple[str, ...] = ()
    missing: str = ""


FILES = [
    File(
        name="langfuse/agno-2025-06-11.trace.json",
        # Each call is two spans: OpenInference's without token attributes around one of OpenLIT, sent through Langfuse.
        calls=((163, 20), (663, 225)),
        tools=("duckduckgo_search",),
        dialects=("langfuse", "openinference"),
    ),
    File(name="langfuse/autogen-2025-06-06.trace.json", calls=((41, 3),), dialects=("langfuse",), missing="tool calls"),
    File(
        name="langfuse/beeai-2025-08-01.trace.json",
        # 27 spans are events of three iterations: three `chat.start`, and one tool with start, finish and success.
        calls=((0, 0), (0, 0), (0, 0)),
        tools=("wikipedia",),
        dialects=("openinference",),
        missing="token attributes; spans of the second tool (OpenMeteoTool), which only states of the agent mention",
    ),
    File(
        name="langfuse/claude-agent-2025-12-22.trace.json",
        calls=((0, 0), (0, 0), (0, 0), (0, 0)),
        tools=("get_weather", "get_weather"),
        dialects=("langsmith",),
        missing="token attributes",
    ),
    File(
        name="langfuse/crewai-2025-07-11.trace.json",
        calls=((190, 164),),
        dialects=("openinference",),
        missing="tool calls",
    ),
    File(
        name="langfuse/csharp-agent-with-gemini-2026-03-09.trace.json",
        # Two `orchestrate_tools` around them repeat 5,550 + 2,497 in, 214 + 200 out.
        calls=((2_546, 47), (3_004, 167), (2_497, 200)),
        tools=("get_custom_report", "final_result"),
        dialects=("otel-genai",),
        missing="cached and reasoning tokens",
    ),
    File(
        name="langfuse/google-adk-2025-08-28.trace.json",
        # OpenInference and ADK write the same numbers on the same spans.
        calls=((28, 3), (39, 6)),
        tools=("say_hello",),
        dialects=("openinference",),
    ),
    File(
        name="langfuse/google-gemini-2025-08-01.trace.json",
        # Total 2,061 = 6 + 2,055: the reasoning is inside the output.
        calls=((6, 2_055),),
        reasoning=1_104,
        dialects=("openinference",),
        missing="tool calls",
    ),
    File(
        name="langfuse/langgraph-js-2025-10-30.trace.json",
        # Parts are disjoint: total 278 = 179 + 35 + 64 of reasoning, so that 99 went out.
        calls=((142, 24), (179, 99)),
        tools=("get_weather",),
        reasoning=64,
        dialects=("langfuse",),
    ),
    File(
        name="langfuse/langgraph-python-2025-08-22.trace.json",
        calls=((60, 15), (108, 51)),
        tools=("Web-Search",),
        dialects=("langfuse",),
    ),
    File(
        name="langfuse/llamaindex-2025-06-05.trace.json",
        calls=((13, 81),),
        dialects=("openinference",),
        missing="tool calls",
    ),
    File(
        name="langfuse/microsoft-agent-2025-12-17.trace.json",
        calls=((77, 86), (216, 20)),
        tools=("get_weather",),
        dialects=("agent-framework",),
    ),
    File(
        name="langfuse/openai-agents-2025-09-30.trace.json",
        calls=((55, 15), (85, 29)),
        tools=("get_weather",),
        dialects=("openinference",),
    ),
    File(
        name="langfuse/pydantic-ai-tools-2025-06-06.trace.json",
        # The agent's span repeats 31 and 96.
        calls=((31, 96),),
        dialects=("pydantic-ai",),
        missing="tool calls, in spite of its name",
    ),
    File(
        name="langfuse/vertex-ai-2025-08-01.trace.json",
        calls=((5, 845),),
        dialects=("openinference",),
        missing="tool calls; 1,173 of the total of 2,023 tokens, which no attribute says what they are",
    ),
    File(
        name="strands-evals/autogen_live_spans.json",
        tools=("calculate",),
        traces=2,
        dialects=("otel-genai",),
        missing="model calls, arguments and results: AutoGen's core writes none",
    ),
    File(
        name="strands-evals/claude_adot_spans.json",
        # 4 uncached + 29,447 read + 2,861 written, all on the query; no spans of its calls. One event stands for them.
        calls=((32_312, 767),),
        tools=("Agent", "Agent", "Bash", "Bash"),
        cached=(29_447, 2_861),
        dialects=("openinference",),
        missing="spans of model calls; the root, which is in another process",
    ),
    File(
        name="strands-evals/openai_agents_genai_adot_spans.json",
        calls=((148, 47), (257, 19), (287, 36)),
        tools=("multiply_numbers",),
        errors=("error",),  # a handoff that came second
        dialects=("otel-genai",),
        missing="calls of the two handoff tools: this instrumentation records only the user's message of the input",
    ),
    File(
        name="strands-evals/openai_agents_openinference_adot_spans.json",
        calls=((148, 47), (257, 19), (287, 41)),
        # Two handoffs that only the messages show, in the order of their answers.
        tools=("transfer_to_research_specialist", "transfer_to_math_specialist", "multiply_numbers"),
        errors=("error",),
        dialects=("openinference",),
    ),
    File(
        name="strands-evals/openinference_adot_spans.json",
        calls=((0, 0), (0, 0), (0, 0)),
        tools=("get_weather",),
        traces=2,
        dialects=("openinference",),
        missing="all attributes: the export kept the contents only, of which LangChain's outputs tell the kind",
    ),
    File(
        name="strands-evals/openinference_live_spans.json",
        calls=((0, 0), (0, 0)),
        tools=("finish",),
        dialects=("openinference",),
        missing="tokens and models; the call of `get_weather`, which the model asked for and nobody answered",
    ),
    File(
        name="strands-evals/otel_genai_convention_spans.json",
        # 80 + 120 and 25 + 35; the agent's own 150 and 42 are neither their sum nor added to it.
        calls=((80, 25), (120, 35)),
        tools=("get_weather", "get_weather"),
        errors=("TimeoutError",),
        dialects=("otel-genai",),
    ),
]
COPIED = [file for file in FILES if (COPIES / file.name).exists()]


def check(path: Path, file: File) -> None:
    sessions = framework_sessions(path)
    events = [event for session in sessions for event in session.events]
    calls = [event for event in events if event.event_type is EventType.AI_RESPONSE]
    assert len(sessions) == file.traces
    assert tuple((call.tokens_input, call.tokens_output) for call in calls) == file.calls
    assert tuple(event.data["tool_name"] for event in events if event.tool is not None) == file.tools
    assert tuple(event.error for event in events if event.error is not None) == file.errors
    assert (
        sum(call.cache_read_tokens for call in calls),
        sum(call.cache_write_tokens for call in calls),
    ) == file.cached
    assert sum(call.reasoning_tokens or 0 for call in calls) == file.reasoning
    assert tuple(sorted({event.dialect or "" for event in events})) == file.dialects
    assert totals(sessions) == (sum(given for given, _ in file.calls), sum(output for _, output in file.calls))
    assert not any(session.release is None or UNREADABLE in session.release.warnings for session in sessions)


def totals(sessions: list[Session]) -> tuple[int, int]:
    return sum(each.total_tokens_input for each in sessions), sum(each.total_tokens_output for each in sessions)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_file_gives_its_calls_tools_and_tokens(shared_data: Path, file: File) -> None:
    check(shared_data / "otel-framework-spans" / file.name, file)


def test_every_file_is_listed(shared_data: Path) -> None:
    folder = shared_data / "otel-framework-spans"

    assert sorted(file.name for file in FILES) == sorted(
        path.relative_to(folder).as_posix() for path in folder.glob("*/*.json")
    )


@pytest.mark.parametrize("file", COPIED, ids=lambda file: file.name)
def test_the_copies_beside_the_tests_too(file: File) -> None:
    check(COPIES / file.name, file)


def test_there_are_copies() -> None:
    assert len(COPIED) == 4


def test_contents_of_real_calls_are_read() -> None:
    (session,) = framework_sessions(COPIES / "strands-evals/otel_genai_convention_spans.json")
    first, paris, london, last = session.events

    assert (first.content_tokens, last.content_tokens) == (11, 27)  # 41 and 108 characters answered
    assert result_chars(paris) == len("rainy, 57°F")
    assert result_chars(london) == len("Error: TimeoutError")  # from the messages of the last call


def result_chars(event: SessionEvent) -> int | None:
    return event.tool.result.chars if event.tool is not None and event.tool.result is not None else None


@pytest.mark.parametrize("file", COPIED, ids=lambda file: file.name)
def test_the_order_of_the_spans_does_not_matter(file: File) -> None:
    records = list(framework_records(COPIES / file.name))
    given, reversed_order = sessions_from_records(records), sessions_from_records(reversed(records))

    assert {session.id: session.to_dict() for session in given} == {
        session.id: session.to_dict() for session in reversed_order
    }
