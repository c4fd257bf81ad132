"""The bill of 44 real sessions against an independent count."""

from __future__ import annotations

from otel_sessionopt.pricing import PriceClass
from otel_sessionopt.session.facts.bill import bill
from tests.session.conftest import RealSession


def test_calls_and_tokens_of_every_session_are_those_of_the_count(real_sessions: dict[str, RealSession]) -> None:
    for facts, session in real_sessions.values():
        total = bill(session)
        ours = {
            "llm_calls": len(total.calls),
            "input_fresh": total.tokens[PriceClass.INPUT],
            "cache_read": total.tokens[PriceClass.CACHE_READ],
            "cache_write": total.tokens[PriceClass.CACHE_WRITE] + total.tokens[PriceClass.CACHE_WRITE_1H],
            "output": total.tokens[PriceClass.OUTPUT],
        }

        assert ours == {key: facts[key] for key in ours}, facts["id"]
    assert len(real_sessions) == 44


def test_every_call_of_every_session_has_a_price(real_sessions: dict[str, RealSession]) -> None:
    assert all(bill(session).is_fully_priced for _, session in real_sessions.values())


def test_compactions_of_every_session_are_those_of_the_count(real_sessions: dict[str, RealSession]) -> None:
    for facts, session in real_sessions.values():
        assert sum(event.is_compaction for event in session.events) == facts["compactions"], facts["id"]
