"""A session without some of its issues, billed anew by hand."""

from __future__ import annotations

from decimal import Decimal

from otel_sessionopt.analyzers.claim_kinds import CallClaim, ItemClaim, LedgerClaim, OutputClaim, PremiumClaim
from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue, IssueType, Severity, Waste
from otel_sessionopt.analyzers.replay import Replay, replay
from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.session.facts.ledger_amounts import CLASSES, TOKEN_UNITS
from otel_sessionopt.session.model import EventType, Session
from tests.analyzers.cases import FLAT, Recording
from tests.analyzers.conversation import Conversation
from tests.support.digest_builder import TraceBuilder

# Prices a token: 10 uncached, 1 read from the cache, 12 written to it, 50 output.


def _replay(session: Session, *claims: LedgerClaim) -> Replay:
    premiums = tuple(claim for claim in claims if isinstance(claim, PremiumClaim))
    others = tuple(claim for claim in claims if not isinstance(claim, PremiumClaim))
    waste = Waste(tokens=0, basis=Basis.MEASURED, ledger_claims=others, premiums=premiums)
    return replay(session, [EfficiencyIssue("x", IssueType.TOKEN_SPIKE, Severity.LOW, "", "", waste=waste)])


def _after(played: Replay) -> dict[str, int]:
    """Tokens by price class, those that there are."""
    return {kind.value: units // TOKEN_UNITS for kind, units in zip(CLASSES, played.after.units, strict=True) if units}


def test_a_replay_tells_the_bill_before_and_after_it() -> None:
    talk = Conversation()
    talk.ask()
    result = talk.tool(tokens=100)
    talk.ask()
    talk.ask()
    played = _replay(talk.session(), ItemClaim(result, 100))
    # Calls write 10,000, 150 and 50, read 0, 10,000 and 10,150, and write 50 each. The result is written and read once.
    assert played.before.cost_usd == 10_200 * 12 + 20_150 * 1 + 150 * 50
    assert _after(played) == {"cache_read": 20_050, "cache_write": 10_100, "output": 150}
    assert played.after.cost_usd == 10_100 * 12 + 20_050 * 1 + 150 * 50
    assert (played.calls_before, played.calls_after) == (3, 3)
    assert played.waste.total_tokens == 200


def test_what_was_new_in_a_removed_call_is_written_by_the_next_one() -> None:
    talk = Conversation()
    talk.ask()
    talk.tool(tokens=100)
    call = talk.ask()
    talk.ask()
    played = _replay(talk.session(), CallClaim(call), ItemClaim(f"{call}/output", 50))
    # As if the second call had never been: 10,000 written; then 10,000 read and 150 written.
    assert _after(played) == {"cache_read": 10_000, "cache_write": 10_150, "output": 100}
    assert (played.calls_before, played.calls_after) == (3, 2)


def test_calls_removed_one_after_the_other_put_it_off_to_the_first_that_stays() -> None:
    talk = Conversation()
    talk.ask()
    talk.tool(tokens=100)
    calls = [talk.ask(), talk.ask(), talk.ask()]
    talk.ask()
    outputs: list[LedgerClaim] = [ItemClaim(f"{call}/output", 50) for call in calls]
    played = _replay(talk.session(), *map(CallClaim, reversed(calls)), *outputs)
    assert _after(played) == {"cache_read": 10_000, "cache_write": 10_150, "output": 100}


def test_after_the_last_call_nobody_pays_for_what_was_new_in_it() -> None:
    talk = Conversation()
    talk.ask()
    talk.tool(tokens=100)
    last = talk.ask()
    assert _after(_replay(talk.session(), CallClaim(last))) == {"cache_write": 10_000, "output": 50}


def test_without_any_call_nothing_remains() -> None:
    talk = Conversation()
    calls = [talk.ask(), talk.ask(), talk.ask()]
    played = _replay(talk.session(), *map(CallClaim, calls))
    assert (_after(played), played.after.cost_usd, played.calls_after) == ({}, Decimal(0), 0)


def test_what_leaves_before_a_call_stays_enters_nowhere() -> None:
    talk = Conversation()
    talk.ask()
    talk.tool(tokens=100)
    call = talk.ask()
    talk.compact(tokens=1_000)
    talk.ask()
    # The result was only in the prompt of the call that falls away.
    played = _replay(talk.session(), CallClaim(call))
    assert _after(played) == {"cache_read": 10_000, "cache_write": 11_000, "output": 100}


def test_side_requests_are_passed_over() -> None:
    talk = Conversation()
    talk.ask()
    talk.tool(tokens=100)
    call = talk.ask()
    talk.trace.model_call(input=40, output=2)
    talk.ask()
    played = _replay(talk.session(), CallClaim(call), ItemClaim(f"{call}/output", 50))
    assert _after(played) == {"input": 40, "cache_read": 10_000, "cache_write": 10_150, "output": 102}


def test_a_part_of_what_enters_later_can_be_claimed() -> None:
    talk = Conversation()
    talk.ask()
    result = talk.tool(tokens=100)
    call = talk.ask()
    talk.ask()
    claims: list[LedgerClaim] = [CallClaim(call), ItemClaim(result, 60), ItemClaim(f"{call}/output", 50)]
    for order in (claims, claims[::-1]):
        assert _after(_replay(talk.session(), *order)) == {"cache_read": 10_000, "cache_write": 10_090, "output": 100}


def test_output_is_generated_and_carried_apart() -> None:
    talk = Conversation()
    call = talk.ask(output=50)
    talk.ask()
    generated = _replay(talk.session(), OutputClaim(call, 50))
    assert _after(generated) == {"cache_read": 10_000, "cache_write": 10_050, "output": 50}
    both = _replay(talk.session(), OutputClaim(call, 50), ItemClaim(f"{call}/output", 50))
    assert _after(both) == {"cache_read": 10_000, "cache_write": 10_000, "output": 50}


def test_a_premium_makes_cache_reads_of_what_is_left() -> None:
    talk = Conversation()
    talk.ask()
    result = talk.tool(tokens=100)
    call = talk.ask()
    premium = PremiumClaim(call, PriceClass.CACHE_WRITE, 150)
    assert _after(_replay(talk.session(), premium)) == {"cache_read": 10_150, "cache_write": 10_000, "output": 100}
    played = _replay(talk.session(), premium, ItemClaim(result, 100))
    assert _after(played) == {"cache_read": 10_050, "cache_write": 10_000, "output": 100}
    assert played.waste.cost_usd == 100 * 12 + 50 * 11


def test_an_issue_without_claims_changes_nothing() -> None:
    talk = Conversation()
    talk.ask()
    hint = EfficiencyIssue("x", IssueType.LONG_SESSION, Severity.LOW, "", "", 500, 2.0)
    played = replay(talk.session(), [hint])
    assert played.after == played.before


def test_an_unpriced_session_is_replayed_in_tokens() -> None:
    talk = Conversation(trace=TraceBuilder(model="unknown"))
    talk.ask()
    result = talk.tool(tokens=100)
    talk.ask()
    played = _replay(talk.session(), ItemClaim(result, 100))
    assert played.waste.total_tokens == 100
    assert (played.before.cost_usd, played.after.cost_usd) == (None, None)


def test_a_recording_by_hand_is_replayed_event_by_event() -> None:
    session = Recording().add(EventType.AI_RESPONSE, 70, 30).add(EventType.FILE_READ, 60, 40).session(prices=FLAT)
    played = _replay(session, ItemClaim("e2", 50))
    assert _after(played) == {"input": 100, "output": 50}
    assert (played.calls_before, played.calls_after) == (1, 1)
    assert _replay(session, CallClaim("e1")).calls_after == 0


def test_a_session_without_events_has_an_empty_replay() -> None:
    played = replay(Recording().session(), [])
    assert (_after(played), played.calls_before) == ({}, 0)


def _missed() -> tuple[Session, str]:
    """Three calls, of which the second has to write anew what the first had written, and the third reads; its id."""
    trace = TraceBuilder().model_call(input=0, cache_write=10_000, output=0)
    missing = trace.model_call(input=0, cache_write=10_100, output=0).last_id
    trace.model_call(input=0, cache_read=10_100, cache_write=100, output=0)
    return trace.session(prices=FLAT), missing


def test_what_a_removed_call_had_to_send_anew_the_next_one_has_to() -> None:
    session, missing = _missed()
    # The call saves a read of 10,000, and no write: all that it wrote is written by the third instead.
    played = _replay(session, CallClaim(missing))
    assert _after(played) == {"cache_write": 20_200}
    assert played.waste.cost_usd == 10_100 * 1


def test_a_premium_goes_with_it() -> None:
    session, missing = _missed()
    played = _replay(session, CallClaim(missing), PremiumClaim(missing, PriceClass.CACHE_WRITE, 10_000))
    assert _after(played) == {"cache_read": 10_000, "cache_write": 10_200}
    assert played.waste.cost_usd == 10_100 * 1 + 10_000 * 11


def test_a_call_that_sent_everything_anew_itself_pays_for_it_once() -> None:
    trace = TraceBuilder().model_call(input=0, cache_write=10_000, output=0)
    removed = trace.model_call(input=0, cache_write=10_100, output=0).last_id
    trace.model_call(input=0, cache_write=10_200, output=0)
    played = _replay(trace.session(prices=FLAT), CallClaim(removed))
    assert _after(played) == {"cache_write": 20_200}
    assert played.waste.cost_usd == 10_100 * 12


def test_after_a_compaction_nothing_is_left_to_send_anew() -> None:
    talk = Conversation()
    talk.ask()
    result = talk.tool(tokens=5_000)
    talk.ask()
    talk.trace.model_call(input=0, cache_write=15_100, output=0)  # the cache is lost, and nothing is new
    missing = talk.trace.last_id
    talk.compact(tokens=1_000)
    talk.ask()
    session = talk.session()
    played = _replay(session, CallClaim(missing))
    # Of what it wrote anew only the system prompt is carried on: the next call writes that.
    assert played.waste.cost_usd == 5_100 * 12 + 10_000 * 1
    # Had the result not been, the call would have written 5,000 less: it is billed as in the call before alone.
    assert _replay(session, CallClaim(missing), ItemClaim(result, 5_000)).waste.cost_usd == (
        5_100 * 12 + 10_000 * 1 + 5_000 * 12
    )
