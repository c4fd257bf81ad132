from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_sessionopt.session.times import iso_from_ns, ns_from_iso

NOON_NS = 1_767_614_400_000_000_000  # 2026-01-05 12:00 UTC


@pytest.fixture
def berlin() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Berlin"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.parametrize(
    ("text", "after_noon_ns"),
    [
        ("2026-01-05T12:00:00Z", 0),
        ("2026-01-05T12:00:00+00:00", 0),
        ("2026-01-05T14:30:00+02:30", 0),
        ("2026-01-05 12:00:00z", 0),
        (" 2026-01-05T12:00:00Z ", 0),
        ("2026-01-05T12:00:00.5Z", 500_000_000),
        ("2026-01-05T12:00:00.123456+00:00", 123_456_000),
        ("2026-01-05T12:00:00.123456789Z", 123_456_789),
        ("2026-01-05T12:00:00,25+00:00", 250_000_000),
    ],
)
def test_iso_times_of_all_kinds_are_read(text: str, after_noon_ns: int) -> None:
    assert ns_from_iso(text) == NOON_NS + after_noon_ns


@pytest.mark.usefixtures("berlin")
def test_a_time_without_an_offset_is_local() -> None:
    assert ns_from_iso("2026-01-05T13:00:00") == NOON_NS
    assert ns_from_iso("2026-07-05T13:00:00") == ns_from_iso("2026-07-05T11:00:00Z")


@pytest.mark.parametrize("text", ["", "yesterday", "12:00", "2026-13-05T12:00:00Z", "1767614400"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert ns_from_iso(text) is None


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00", "9999-12-31T23:59:59.999999"])
def test_the_ends_of_the_calendar_are_survived(text: str) -> None:
    assert ns_from_iso(text) is None or isinstance(ns_from_iso(text), int)


@pytest.mark.parametrize(
    ("after_noon_ns", "text"),
    [
        (0, "2026-01-05T12:00:00+00:00"),
        (250_000_000, "2026-01-05T12:00:00.250000+00:00"),
        (1_001, "2026-01-05T12:00:00.000001001+00:00"),
        (43_199 * 10**9, "2026-01-05T23:59:59+00:00"),
    ],
)
def test_times_are_written_in_utc_with_as_many_digits_as_needed(after_noon_ns: int, text: str) -> None:
    assert iso_from_ns(NOON_NS + after_noon_ns) == text


@settings(deadline=None)  # the machine may be busy
@given(st.integers(0, 253_402_300_799_999_999_999))
def test_what_is_written_is_read_back_to_the_nanosecond(ns: int) -> None:
    assert ns_from_iso(iso_from_ns(ns)) == ns


@pytest.mark.parametrize(("ns", "year"), [(-1, "1970"), (10**30, "9999")])
def test_times_that_no_calendar_has_are_held_at_its_ends(ns: int, year: str) -> None:
    assert iso_from_ns(ns).startswith(year)
