"""The same tokens on several spans count once. Expected totals stand beside the trees that they are of."""

from __future__ import annotations

from decimal import Decimal

from otel_sessionopt.dialects.digest import ModelUse, Operation
from otel_sessionopt.session import EventType, Session, SessionEvent
from tests.support.digest_builder import TraceBuilder, model_use


def _calls(session: Session) -> list[SessionEvent]:
    """The model calls by span id, which the builder counts up: outer spans come first."""
    calls = [event for event in session.events if event.event_type is EventType.AI_RESPONSE]
    return sorted(calls, key=lambda event: event.id)


def _billed(session: Session) -> list[int]:
    return [event.tokens_input + event.tokens_output for event in _calls(session)]


def _chat(builder: TraceBuilder, use: ModelUse | None, error: str | None = None) -> TraceBuilder:
    """Open a model call that other spans are inside of; `end` closes it."""
    return builder.within(Operation.MODEL_CALL, "chat", error=error, usage=use)


class TestNestedCalls:
    def test_of_nested_calls_with_usage_the_innermost_counts(self) -> None:
        framework = _chat(TraceBuilder().agent(), model_use(100, output=10))
        session = framework.model_call(input=100, output=10).end().session()

        assert _billed(session) == [110]

    def test_a_call_around_two_others_is_their_sum(self) -> None:
        loop = _chat(TraceBuilder().agent(), model_use(300, output=30))
        session = loop.model_call(input=100, output=10).model_call(input=200, output=20).end().session()

        assert _billed(session) == [110, 220]

    def test_calls_beside_each_other_all_count(self) -> None:
        session = TraceBuilder().model_call(input=100, output=0).model_call(input=100, output=0).session()

        assert _billed(session) == [100, 100]

    def test_ordinary_spans_between_do_not_matter(self) -> None:
        framework = _chat(TraceBuilder().agent(), model_use(100)).within(Operation.OTHER, "POST").container("retry")
        session = framework.model_call(input=100, output=0).end().end().end().session()

        assert _billed(session) == [100]

    def test_an_inner_call_without_usage_is_the_outer_one_again(self) -> None:
        outer = _chat(TraceBuilder().agent(), model_use(100, output=10))
        session = outer.model_call(has_usage=False).end().session()

        assert _billed(session) == [110]

    def test_an_outer_call_without_usage_is_the_inner_one_again(self) -> None:
        session = _chat(TraceBuilder().agent(), None).model_call(input=100, output=10).end().session()

        assert _billed(session) == [110]

    def test_nested_calls_without_any_usage_are_one_call(self) -> None:
        session = _chat(TraceBuilder().agent(), None).model_call(has_usage=False).end().session()

        assert _billed(session) == [0]

    def test_three_levels_are_one_call(self) -> None:
        three = _chat(_chat(TraceBuilder().agent(), model_use(100)), None)
        session = three.model_call(has_usage=False).end().end().session()

        assert _billed(session) == [100]

    def test_a_failed_attempt_inside_a_call_that_went_well_stays_as_evidence(self) -> None:
        outer = _chat(TraceBuilder().agent(), model_use(100))
        session = outer.model_call(has_usage=False, error="429").model_call(has_usage=False).end().session()

        assert [(event.error, event.tokens_input) for event in _calls(session)] == [(None, 100), ("429", 0)]

    def test_a_failure_that_both_tell_is_one_failure(self) -> None:
        session = _chat(TraceBuilder().agent(), None, "429").model_call(has_usage=False, error="429").end().session()

        assert [event.error for event in session.events] == ["429"]

    def test_the_call_that_stays_takes_over_what_only_the_other_knows(self) -> None:
        use = model_use(100, output=50, reasoning=20, model="claude-opus-4-5")._replace(
            finish_reason="stop", reported_cost_usd=Decimal("0.5")
        )
        outer = _chat(TraceBuilder(model=None, provider=None).agent(), use, "parse-error")
        (call,) = _calls(outer.model_call(input=100, output=50, finish_reason=None).end().session())

        assert (call.model, call.provider) == ("claude-opus-4-5", "anthropic")
        assert (call.error, call.reasoning_tokens, call.reported_cost_usd) == ("parse-error", 20, Decimal("0.5"))
        assert call.data["finish_reason"] == "stop"

    def test_cost_and_reasoning_of_a_sum_say_nothing_about_one_of_its_calls(self) -> None:
        use = model_use(300, output=50, reasoning=20)._replace(reported_cost_usd=Decimal("0.5"))
        outer = _chat(TraceBuilder().agent(), use)
        session = outer.model_call(input=100, output=20).model_call(input=200, output=30).end().session()

        assert {(call.reasoning_tokens, call.reported_cost_usd) for call in _calls(session)} == {(None, None)}

    def test_a_retriever_that_reports_usage_is_billed(self) -> None:
        session = TraceBuilder().agent().model_call(input=40, output=0, operation=Operation.RETRIEVAL).session()

        assert [(event.event_type, event.tokens_input) for event in session.events] == [(EventType.SEARCH, 40)]


class TestResponseIds:
    def test_calls_with_one_response_id_are_one_call_wherever_they_are(self) -> None:
        session = (
            TraceBuilder().agent().model_call(input=100, output=10, response_id="r1").container("server")
            .model_call(input=100, output=10, response_id="r1").end().session()
        )  # fmt: skip

        assert _billed(session) == [110]

    def test_the_largest_report_stays(self) -> None:
        session = (
            TraceBuilder()
            .model_call(input=100, output=1, response_id="r1")
            .model_call(input=100, output=10, response_id="r1")
            .model_call(input=100, output=4, response_id="r1")
            .session()
        )

        assert _billed(session) == [110]

    def test_other_ids_and_no_ids_are_other_calls(self) -> None:
        session = (
            TraceBuilder()
            .model_call(input=1, output=0, response_id="r1")
            .model_call(input=2, output=0, response_id="r2")
            .model_call(input=3, output=0)
            .model_call(input=4, output=0)
            .session()
        )

        assert _billed(session) == [1, 2, 3, 4]


class TestContainers:
    def test_totals_of_an_agent_do_not_count_beside_its_calls(self) -> None:
        agent = TraceBuilder().agent(usage=model_use(300, output=30))
        session = agent.model_call(input=100, output=10).model_call(input=200, output=20).session()

        assert _billed(session) == [110, 220]

    def test_totals_that_are_higher_do_not_count_either(self) -> None:
        agent = TraceBuilder().agent(usage=model_use(9_000, output=30))

        assert _billed(agent.model_call(input=100, output=10).session()) == [110]

    def test_totals_count_where_no_call_has_any(self) -> None:
        session = TraceBuilder().agent(usage=model_use(300, output=30)).tool().session()

        assert _billed(session) == [330]
        assert _calls(session)[0].data == {"unattributed": True}
        assert _calls(session)[0].id == "0000000000000001"

    def test_where_a_call_lacks_usage_the_rest_of_the_totals_counts(self) -> None:
        agent = TraceBuilder().agent(usage=model_use(300, 50, output=30))
        session = agent.model_call(input=100, cache_read=50, output=10).model_call(has_usage=False).session()
        rest, *calls = _calls(session)

        assert (rest.tokens_input, rest.cache_read_tokens, rest.tokens_output) == (200, 0, 20)
        assert [call.tokens_input for call in calls] == [150, 0]

    def test_what_is_left_is_never_below_zero(self) -> None:
        agent = TraceBuilder().agent(usage=model_use(50, output=30))
        session = agent.model_call(input=100, output=10).model_call(has_usage=False).session()

        assert [(call.tokens_input, call.tokens_output) for call in _calls(session)] == [(0, 20), (100, 10), (0, 0)]

    def test_totals_that_do_not_tell_cached_tokens_apart_are_not_counted_as_fresh_ones(self) -> None:
        # 1,000 in all, of which one call read 800 from the cache and had 100 fresh: 100 are left, not 900.
        agent = TraceBuilder().agent(usage=model_use(1_000))
        session = agent.model_call(input=100, cache_read=800, output=0).model_call(has_usage=False).session()

        assert _calls(session)[0].tokens_input == 100

    def test_a_failed_call_lacks_nothing(self) -> None:
        agent = TraceBuilder().agent(usage=model_use(300))
        session = agent.model_call(input=100, output=0).model_call(has_usage=False, error="429").session()

        assert _billed(session) == [100, 0]

    def test_containers_in_containers_count_once(self) -> None:
        session = TraceBuilder().container(usage=model_use(300)).container(usage=model_use(300)).tool().session()

        assert _billed(session) == [300]

    def test_a_container_counts_what_its_nested_agent_does_not(self) -> None:
        outer = TraceBuilder().agent("lead", usage=model_use(300)).agent("helper", usage=model_use(200))

        assert _billed(outer.tool().end().tool().session()) == [100, 200]

    def test_a_nested_agent_with_totals_answers_for_its_own_calls(self) -> None:
        # The lead's own calls have no spans; those of the helper have, and its totals are a repeat of them.
        outer = TraceBuilder().agent("lead", usage=model_use(300)).agent("helper", usage=model_use(200))
        session = outer.model_call(input=200, output=0).end().tool().session()

        assert _billed(session) == [100, 200]

    def test_calls_of_a_nested_agent_without_totals_are_those_of_the_container(self) -> None:
        outer = TraceBuilder().agent("lead", usage=model_use(300)).agent("helper")

        assert _billed(outer.model_call(input=200, output=0).end().tool().session()) == [200]

    def test_totals_inside_a_billed_call_are_a_repeat(self) -> None:
        chat = _chat(TraceBuilder().agent(), model_use(100)).container("http", usage=model_use(100))

        assert _billed(chat.end().end().session()) == [100]

    def test_a_tool_that_reports_the_usage_of_its_sub_agent_counts_once(self) -> None:
        usage = model_use(500, output=50)
        session = TraceBuilder().agent().within(Operation.TOOL_CALL, "Task", usage=usage).end().session()

        assert [(event.event_type, event.tokens_input, event.id) for event in session.events] == [
            (EventType.TOOL_CALL, 0, "0000000000000002"),
            (EventType.AI_RESPONSE, 500, "0000000000000002-rest"),
        ]

    def test_the_cost_that_a_container_states_counts_where_its_totals_do(self) -> None:
        use = model_use(300, model="acme")._replace(reported_cost_usd=Decimal("0.25"))

        assert TraceBuilder().agent(usage=use).tool().session().estimated_cost == 0.25
        assert TraceBuilder(model="acme").agent(usage=use).model_call().session().estimated_cost is None
