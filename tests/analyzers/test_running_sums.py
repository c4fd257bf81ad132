from __future__ import annotations

from random import Random

from otel_sessionopt.analyzers.running_sums import RunningCharges, RunningCounts, minus, plus, times
from otel_sessionopt.session.facts.ledger_amounts import NO_CHARGE, Charge

LENGTHS = (1, 2, 7, 8, 33)


def test_counts_added_to_ranges_are_those_of_a_plain_list() -> None:
    random = Random(1)
    for length in LENGTHS:
        counts, plain = RunningCounts(length), [0] * length
        for _ in range(40):
            first, stop = random.randrange(length + 1), random.randrange(length + 1)
            counts.add(first, stop, 3)
            for place in range(first, stop):
                plain[place] += 3
            assert [counts.at(place) for place in range(length)] == plain


def test_charges_summed_over_ranges_are_those_of_a_plain_list() -> None:
    random = Random(2)
    for length in LENGTHS:
        charges: RunningCharges = RunningCharges(length)
        plain: list[Charge] = [NO_CHARGE] * length
        for number in range(30):
            place = random.randrange(length)
            charge = (number, 1, 0, 0, 2 * number, 5)
            charges.add(place, charge)
            plain[place] = plus(plain[place], charge)
            first, stop = random.randrange(length + 1), random.randrange(length + 1)
            total = NO_CHARGE
            for each in plain[first:stop]:
                total = plus(total, each)
            assert charges.between(first, stop) == total


def test_charges_are_added_taken_off_and_multiplied_part_by_part() -> None:
    assert plus((1, 2, 3, 4, 5, 6), (1, 1, 1, 1, 1, 1)) == (2, 3, 4, 5, 6, 7)
    assert minus((1, 2, 3, 4, 5, 6), (1, 1, 1, 1, 1, 1)) == (0, 1, 2, 3, 4, 5)
    assert times((1, 2, 3, 4, 5, 6), 2) == (2, 4, 6, 8, 10, 12)
