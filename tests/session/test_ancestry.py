from __future__ import annotations

from otel_sessionopt.dialects.digest import FileAccess, Operation, ResultDigest, SpanDigest, ToolKind, ToolUse
from otel_sessionopt.session import EventType, Session
from tests.support.digest_builder import TraceBuilder


def _contexts(session: Session) -> list[tuple[str, str | None]]:
    return [(event.context, event.agent) for event in session.events]


def _errors(session: Session) -> list[tuple[EventType, str]]:
    return [(event.event_type, event.error) for event in session.events if event.error is not None]


class TestContexts:
    def test_the_context_is_the_nearest_agent(self) -> None:
        session = TraceBuilder().agent("lead").tool().agent("helper").container().tool().end().end().tool().session()

        assert _contexts(session) == [
            ("0000000000000001", "lead"),
            ("0000000000000003", "helper"),
            ("0000000000000001", "lead"),
        ]

    def test_an_agent_without_a_name_has_a_context_and_the_name_of_the_one_around_it(self) -> None:
        builder = TraceBuilder().agent("lead").within(Operation.AGENT, "invoke_agent").tool()

        assert _contexts(builder.session()) == [("0000000000000002", "lead")]

    def test_without_an_agent_it_is_the_topmost_ancestor(self) -> None:
        session = TraceBuilder().container("request").container("chain").tool().end().tool().session()

        assert {context for context, _ in _contexts(session)} == {"0000000000000001"}

    def test_children_of_a_root_that_has_not_ended_are_together_where_they_will_be_later(self) -> None:
        builder = TraceBuilder().agent("coder").tool().tool()
        unfinished = [digest for digest in builder.digests() if digest.parent_span_id is not None]
        early = TraceBuilder()
        for digest in unfinished:
            early.add(digest)

        assert [context for context, _ in _contexts(early.session())] == ["0000000000000001"] * 2
        assert [context for context, _ in _contexts(builder.session())] == ["0000000000000001"] * 2

    def test_what_stands_alone_belongs_to_the_trace(self) -> None:
        builder = TraceBuilder()
        for span_id in (1, 2):
            builder.add(SpanDigest(span_id, None, "read", span_id, span_id, Operation.TOOL_CALL, tool=ToolUse("Read")))
        session = builder.session()

        assert [context for context, _ in _contexts(session)] == [session.id] * 2


class TestExplainedErrors:
    def test_a_failure_that_travels_up_is_told_once_by_the_lowest_span(self) -> None:
        session = TraceBuilder().agent(error="boom").container(error="boom").span(error="boom").session()

        assert _errors(session) == [(EventType.ERROR, "boom")]
        assert session.events[0].id == "0000000000000003"

    def test_a_failed_tool_explains_the_failure_of_its_agent(self) -> None:
        session = TraceBuilder().agent(error="boom").tool(error="boom").session()

        assert _errors(session) == [(EventType.TOOL_CALL, "boom")]

    def test_a_failed_agent_that_nothing_explains_is_an_error(self) -> None:
        assert _errors(TraceBuilder().agent(error="boom").tool().session()) == [(EventType.ERROR, "boom")]

    def test_an_ordinary_span_that_fails_inside_a_failed_tool_is_the_same_failure(self) -> None:
        builder = TraceBuilder().agent().within(Operation.TOOL_CALL, "lookup", error="boom").container()

        assert _errors(builder.span("GET /", error="404").session()) == [(EventType.TOOL_CALL, "boom")]

    def test_an_ordinary_span_that_fails_inside_a_tool_that_went_well_is_an_error(self) -> None:
        builder = TraceBuilder().agent().within(Operation.TOOL_CALL, "lookup").span("GET /", error="404")

        assert _errors(builder.session()) == [(EventType.ERROR, "404")]


class TestToolRepeats:
    def _nested(self, outer: ToolUse, inner: ToolUse, between: Operation = Operation.OTHER) -> Session:
        spans = [
            SpanDigest(1, None, "agent", 0, 9, Operation.AGENT, agent="coder"),
            SpanDigest(2, 1, "execute_tool", 1, 8, Operation.TOOL_CALL, tool=outer),
            SpanDigest(3, 2, "between", 2, 7, between),
            SpanDigest(4, 3, "tools/call", 3, 6, Operation.TOOL_CALL, tool=inner, error="tool_error"),
        ]
        builder = TraceBuilder()
        for span in spans:
            builder.add(span)
        return builder.session()

    def test_a_tool_inside_the_tool_of_the_same_name_is_the_same_call(self) -> None:
        (event,) = self._nested(ToolUse("search"), ToolUse("Search")).events

        assert event.id == "0000000000000002"

    def test_the_outer_one_takes_over_what_only_the_inner_knows(self) -> None:
        inner = ToolUse(
            "search", ToolKind.READ, "c1", 7, accesses=(FileAccess("/a.py"),), query="q", result=ResultDigest(chars=80)
        )
        (event,) = self._nested(ToolUse("search"), inner).events

        assert (event.event_type, event.error, event.content_tokens) == (EventType.FILE_READ, "tool_error", 20)
        assert event.tool == inner
        assert (event.data["file_path"], event.data["query"]) == ("/a.py", "q")

    def test_what_the_outer_one_knows_stays(self) -> None:
        outer = ToolUse("search", ToolKind.SEARCH, None, 7, query="q", result=ResultDigest(chars=80, text_hash=1))
        inner = ToolUse("search", ToolKind.SEARCH, None, 7, query="other", result=ResultDigest(chars=40, text_hash=2))
        (event,) = self._nested(outer, inner).events

        assert event.tool == outer

    def test_equal_call_ids_make_one_call_whatever_the_names(self) -> None:
        assert len(self._nested(ToolUse("mcp", call_id="c1"), ToolUse("search", call_id="c1")).events) == 1

    def test_other_call_ids_other_names_and_other_arguments_are_other_calls(self) -> None:
        assert len(self._nested(ToolUse("search", call_id="c1"), ToolUse("search", call_id="c2")).events) == 2
        assert len(self._nested(ToolUse("search"), ToolUse("fetch")).events) == 2
        assert len(self._nested(ToolUse("search", arguments_hash=1), ToolUse("search", arguments_hash=2)).events) == 2

    def test_what_an_agent_or_a_model_inside_the_tool_calls_is_another_call(self) -> None:
        for between in (Operation.AGENT, Operation.MODEL_CALL):
            events = self._nested(ToolUse("Task"), ToolUse("Task"), between).events
            assert sum(event.event_type is EventType.TOOL_CALL for event in events) == 2
