from __future__ import annotations

from decimal import Decimal

from otel_sessionopt.analyzers.claim_kinds import CallClaim, ItemClaim, LedgerClaim, OutputClaim
from otel_sessionopt.analyzers.issue import Basis
from otel_sessionopt.analyzers.ledger_waste import ledger_waste
from otel_sessionopt.session.facts.bill import bill
from otel_sessionopt.session.model import EventType, Session
from tests.analyzers.cases import FLAT, Recording
from tests.analyzers.conversation import Conversation
from tests.support.digest_builder import TraceBuilder

# Prices a token: 10 uncached, 1 read from the cache, 12 written to it, 50 output.


def _saved(session: Session, *claims: LedgerClaim) -> tuple[int, Decimal | None]:
    waste = ledger_waste(session, claims, Basis.MEASURED)
    assert waste.ledger_claims == claims
    return waste.tokens, waste.cost_usd


def test_an_item_is_billed_when_it_enters_and_in_every_call_that_carries_it() -> None:
    talk = Conversation()
    talk.ask()
    result = talk.tool(tokens=100)
    for _ in range(3):
        talk.ask()
    # Written once, read twice.
    assert _saved(talk.session(), ItemClaim(result, 100)) == (300, Decimal(100 * (12 + 1 + 1)))
    assert _saved(talk.session(), ItemClaim(result, 25)) == (75, Decimal(25 * (12 + 1 + 1)))


def test_of_two_claims_on_an_item_the_larger_counts() -> None:
    talk = Conversation()
    talk.ask()
    result = talk.tool(tokens=100)
    talk.ask()
    assert _saved(talk.session(), ItemClaim(result, 30), ItemClaim(result, 80)) == (80, Decimal(80 * 12))


def test_a_round_in_vain_saves_what_the_session_would_have_cost_less_without_it() -> None:
    def played(*, in_vain: bool) -> tuple[Conversation, list[LedgerClaim]]:
        talk = Conversation()
        talk.ask(output=50)
        talk.tool(tokens=300)
        claims: list[LedgerClaim] = []
        if in_vain:
            call = talk.ask(output=70)
            result = talk.tool(tokens=200)
            claims = [CallClaim(call), ItemClaim(f"{call}/output", 70), ItemClaim(result, 200)]
        talk.ask()
        talk.tool(tokens=80)
        talk.ask()
        return talk, claims

    talk, claims = played(in_vain=True)
    without, _ = played(in_vain=False)
    billed, billed_without = bill(talk.session()), bill(without.session())
    assert billed.cost_usd is not None
    assert billed_without.cost_usd is not None
    # Exactly: what the removed call had written to the cache is written by the next one instead.
    assert _saved(talk.session(), *claims) == (
        billed.total_tokens - billed_without.total_tokens,
        billed.cost_usd - billed_without.cost_usd,
    )


def test_several_rounds_in_vain_one_after_the_other_save_the_same_way() -> None:
    def played(rounds: int) -> tuple[Conversation, list[LedgerClaim]]:
        talk = Conversation()
        talk.ask()
        talk.tool(tokens=300)
        claims: list[LedgerClaim] = []
        for _ in range(rounds):
            call = talk.ask(output=70)
            result = talk.tool(tokens=200)
            claims += [CallClaim(call), ItemClaim(f"{call}/output", 70), ItemClaim(result, 200)]
        talk.ask()
        talk.ask()
        return talk, claims

    talk, claims = played(4)
    billed, without = bill(talk.session()), bill(played(0)[0].session())
    assert billed.cost_usd is not None
    assert without.cost_usd is not None
    assert _saved(talk.session(), *claims) == (
        billed.total_tokens - without.total_tokens,
        billed.cost_usd - without.cost_usd,
    )


def test_the_output_of_a_call_that_stays_is_saved_alone() -> None:
    talk = Conversation()
    call = talk.ask(output=50)
    talk.ask()
    assert _saved(talk.session(), OutputClaim(call, 20)) == (20, Decimal(1_000))
    # Of a call that falls away it is a part.
    whole = _saved(talk.session(), CallClaim(call))
    assert _saved(talk.session(), CallClaim(call), OutputClaim(call, 20)) == whole


def test_nothing_claimed_costs_nothing_where_there_are_prices() -> None:
    talk = Conversation()
    talk.ask()
    assert _saved(talk.session()) == (0, Decimal(0))
    assert _saved(TraceBuilder(model="unknown").model_call().session(prices=FLAT)) == (0, None)


def test_without_a_price_tokens_are_told() -> None:
    talk = Conversation(trace=TraceBuilder(model="unknown"))
    talk.ask()
    result = talk.tool(tokens=100)
    talk.ask()
    assert _saved(talk.session(), ItemClaim(result, 100)) == (100, None)


def test_recordings_by_hand_are_items_of_their_own() -> None:
    session = Recording().add(EventType.TOOL_CALL, 70).session()
    assert _saved(session, ItemClaim("e1", 70)) == (70, Decimal(700))
