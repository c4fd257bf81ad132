from __future__ import annotations

from random import Random

from otel_sessionopt.analyzers.running_sums import RunningCounts, RunningSums

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


def test_sums_over_ranges_are_those_of_a_plain_list() -> None:
    random = Random(2)
    for length in LENGTHS:
        sums, plain = RunningSums(length), [0] * length
        for number in range(30):
            place = random.randrange(length)
            sums.add(place, 2 * number - 9)
            plain[place] += 2 * number - 9
            first, stop = random.randrange(length + 1), random.randrange(length + 1)
            assert sums.between(first, stop) == sum(plain[first:stop])
