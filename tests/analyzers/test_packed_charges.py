"""Packed charges are the charges."""

from __future__ import annotations

from random import Random

from otel_sessionopt.analyzers.packed_charges import PackedCharges, packed_charges
from otel_sessionopt.session.build import build_session
from otel_sessionopt.session.facts.ledger import ledger
from otel_sessionopt.session.facts.ledger_amounts import TOKEN_UNITS, Charge
from otel_sessionopt.session.model import Release
from tests.analyzers.cases import FLAT
from tests.analyzers.conversation import Conversation
from tests.session.ledger_traces import random_digests
from tests.support.digest_builder import TRACE_ID


def _charges(tokens: int) -> PackedCharges:
    talk = Conversation()
    talk.ask()
    talk.tool(tokens=tokens)
    talk.ask()
    (charges,) = packed_charges(talk.session()).values()
    return charges


def test_what_was_packed_is_unpacked_again_negative_amounts_too() -> None:
    charges = _charges(100)
    for charge in ((0, 0, 0, 0, 0, 0), (1, -2, 3, -4, 5, -6), (-1, 0, 0, 0, 0, 0), (0, -TOKEN_UNITS, 0, 7, -1, 10**40)):
        assert charges.unpack(charges.pack(charge)) == charge


def test_sums_and_multiples_of_packed_charges_are_those_of_the_charges() -> None:
    random, charges = Random(1), _charges(100)
    packed, plain = 0, [0] * 6
    for _ in range(200):
        factor = random.randint(-10_000, 10_000)
        a, b, c, d, e, money = (random.randint(-TOKEN_UNITS, TOKEN_UNITS) for _ in range(6))
        charge: Charge = (a, b, c, d, e, money * TOKEN_UNITS)
        packed += charges.pack(charge) * factor
        plain = [total + amount * factor for total, amount in zip(plain, charge, strict=True)]
    assert list(charges.unpack(packed)) == plain


def test_everything_is_told_as_the_ledger_has_it() -> None:
    for seed in range(30):
        session = build_session(TRACE_ID, random_digests(seed), Release(), FLAT if seed % 2 else None)
        for context in ledger(session).contexts:
            charges = packed_charges(session)[context.context]
            calls = range(len(context.calls))
            assert [charges.unpack(charges.entry[index]) for index in calls] == context.charges.entry
            assert [charges.unpack(charges.carried[index]) for index in calls] == context.charges.carried[:-1]
            for index in calls:
                billed = context.whole(index)
                assert charges.unpack(charges.whole(index)) == (*billed.units, billed.money or 0)
