from __future__ import annotations

from otel_sessionopt.analyzers.claim_kinds import CallClaim, ItemClaim, OutputClaim
from otel_sessionopt.analyzers.issue import Basis
from otel_sessionopt.analyzers.round_claims import basis_of_claims, round_claims
from otel_sessionopt.dialects.digest import Operation, ResultDigest, SpanDigest, ToolUse
from otel_sessionopt.session.model import Session, SessionEvent
from tests.analyzers.conversation import Conversation


def _with_arguments(talk: Conversation, *, span_id: int, chars: int) -> str:
    """A tool call with arguments of that length and a result of 100 tokens."""
    trace = talk.trace
    use = ToolUse("lookup", arguments_hash=span_id, arguments_chars=chars, result=ResultDigest(chars=400))
    trace.add(SpanDigest(span_id, 1, "t", trace.now_ns, trace.now_ns, Operation.TOOL_CALL, tool=use))
    talk._size += 100
    return f"{span_id:016x}"


def _events(session: Session, *ids: str) -> list[SessionEvent]:
    return [event for event in session.events if event.id in ids]


def test_a_call_that_only_asked_is_claimed_with_all_it_brought() -> None:
    talk = Conversation()
    talk.trace.agent()
    call = talk.ask(output=250, text_chars=0)
    tool = _with_arguments(talk, span_id=900, chars=400)
    talk.ask()
    session = talk.session()
    assert round_claims(session, _events(session, tool)) == (
        CallClaim(call),
        ItemClaim(f"{tool}/arguments", 250),  # it wrote nothing else
        ItemClaim(tool, 100),
    )


def test_a_call_that_wrote_the_prompt_into_the_cache_anew_did_more_than_ask() -> None:
    talk = Conversation()
    talk.trace.agent()
    talk.ask()
    talk.say()
    talk.ask()
    talk.say()
    talk.trace.pause(hours=2)
    talk._sent = 0
    call = talk.ask(output=250, text_chars=0)
    tool = _with_arguments(talk, span_id=900, chars=400)
    talk.ask()
    session = talk.session()
    assert round_claims(session, _events(session, tool)) == (
        ItemClaim(f"{tool}/arguments", 250),
        ItemClaim(tool, 100),
        OutputClaim(call, 250),
    )


def test_of_a_call_that_asked_for_more_the_arguments_are_claimed_as_output() -> None:
    talk = Conversation()
    talk.trace.agent()
    call = talk.ask(output=300)
    wasted = _with_arguments(talk, span_id=900, chars=400)
    _with_arguments(talk, span_id=901, chars=400)
    talk.ask()
    session = talk.session()
    assert round_claims(session, _events(session, wasted)) == (
        ItemClaim(f"{wasted}/arguments", 150),
        ItemClaim(wasted, 100),
        OutputClaim(call, 150),
    )


def test_an_output_that_was_never_filled_in_is_claimed_up_to_what_was_billed() -> None:
    talk = Conversation()
    talk.trace.agent()
    call = talk.ask(output=1)
    wasted = _with_arguments(talk, span_id=900, chars=400)
    _with_arguments(talk, span_id=901, chars=400)
    talk._size += 300
    talk.ask()
    session = talk.session()
    assert OutputClaim(call, 1) in round_claims(session, _events(session, wasted))


def test_what_no_call_carried_is_not_claimed() -> None:
    talk = Conversation()
    call = talk.ask()
    tool = talk.tool()
    session = talk.session()
    assert round_claims(session, _events(session, tool)) == (CallClaim(call),)
    assert round_claims(session, []) == ()


def test_sizes_from_numbers_are_measured_and_shared_ones_estimated() -> None:
    talk = Conversation()
    talk.ask()
    alone = talk.tool("lookup", arguments=1)
    talk.ask()
    shared, _ = talk.tool("lookup", arguments=2), talk.read("/repo/a.py")
    talk.ask()
    session = talk.session()
    assert basis_of_claims(session, [ItemClaim(alone, 100)]) is Basis.MEASURED
    assert basis_of_claims(session, [ItemClaim(alone, 100), ItemClaim(shared, 100)]) is Basis.ESTIMATED
    assert basis_of_claims(session, []) is Basis.MEASURED
