from __future__ import annotations

from decimal import Decimal
from enum import Enum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_sessionopt.dialects import values


class Colour(str, Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, 0), (7, 7), (7.0, 7), ("7", 7), (10**12, 10**12)],
)
def test_counts(value: object, expected: int) -> None:
    assert values.read_count(value) == expected


@pytest.mark.parametrize(
    "value",
    [-1, True, False, None, 1.5, float("nan"), float("inf"), "", "-1", "seven", "٣", 10**13, [], {}, Colour.RED],
)
def test_what_is_no_count_is_none(value: object) -> None:
    assert values.read_count(value) is None


@pytest.mark.parametrize(
    ("value", "expected"), [(-3, -3), ("-3", -3), (-3.0, -3), (4, 4), (True, None), ("--3", None), ("-", None)]
)
def test_integers(value: object, expected: int | None) -> None:
    assert values.read_integer(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a", "a"), ("", None), (None, None), (3, None), (b"a", None), (Colour.RED, "red"), ("x" * 500, "x" * 200)],
)
def test_texts(value: object, expected: str | None) -> None:
    assert values.read_text(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.25, Decimal("0.25")),
        ("0.1", Decimal("0.1")),
        (2, Decimal(2)),
        (-1, None),
        ("x", None),
        (float("nan"), None),
        (True, None),
        ([], None),
        ("9" * 50, None),
        ("Infinity", None),
    ],
)
def test_amounts(value: object, expected: Decimal | None) -> None:
    assert values.read_usd(value) == expected


@pytest.mark.parametrize(
    ("value", "parsed", "warning"),
    [
        ('{"a": 1}', {"a": 1}, None),
        (" [1, 2] ", [1, 2], None),
        ('"x"', "x", None),
        ("plain", "plain", None),
        ({"a": 1}, {"a": 1}, None),
        (7, 7, None),
        ('{"a": 1', '{"a": 1', "cut-value"),
        ('"x', '"x', "cut-value"),
        ('"', '"', "cut-value"),
        ("{a: 1}", "{a: 1}", "invalid-json"),
        ('{"a": 1} and more', '{"a": 1} and more', "invalid-json"),
        ('{"a": 1} {}', '{"a": 1} {}', "invalid-json"),
        ("[" * 100_000, "[" * 100_000, "cut-value"),
        ("[" * 100_000 + "]", "[" * 100_000 + "]", "invalid-json"),
    ],
)
def test_structures(value: object, parsed: object, warning: str | None) -> None:
    assert values.read_structure(value) == (parsed, warning)


@pytest.mark.parametrize(
    ("text", "members", "following"),
    [
        ('{"a":"x","b":2,"c":"lon', {"a": "x", "b": 2}, ("c",)),
        ('{"a":"x"', {}, ("a",)),  # the value may go on
        ('{"a":12', {}, ("a",)),
        ('{"a":"x", "b":{"c":1', {"a": "x"}, ("b",)),
        ('{"a":true,"b":null,"c":-1.5,"', {"a": True, "b": None, "c": -1.5}, ()),
        ('{"a":"q\\"\\u00e9",', {"a": 'q"é'}, ()),
        ("[1", {}, ()),
        ("", {}, ()),
    ],
)
def test_members_of_a_cut_object_are_only_those_that_are_whole(
    text: str, members: dict[str, object], following: tuple[str, ...]
) -> None:
    assert values.whole_members(text) == (members, following)


def test_canonical_json_is_one_text_for_equal_values() -> None:
    assert values.canonical_json({"b": (1, 2), "a": None}) == values.canonical_json({"a": None, "b": [1, 2]})
    assert values.canonical_json({"a": b"x"}) != values.canonical_json({"a": b"y"})


def test_what_has_no_canonical_form_is_none() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]

    assert values.canonical_json(deep) is None
    assert values.canonical_json({1: "a", "b": 2}) is None
    assert values.canonical_json(object()) is None


@settings(deadline=None)  # the machine may be busy
@given(st.text())
def test_hashes_take_every_text(text: str) -> None:
    assert 0 <= values.hash_text(text) < 2**60
    assert 0 <= values.hash_text(text + "\ud800") < 2**60


@settings(deadline=None)  # the machine may be busy
@given(st.text(max_size=30))
def test_no_text_makes_reading_raise(text: str) -> None:
    values.read_structure(text)
    values.whole_members("{" + text)
    values.read_usd(text)
    values.read_integer(text)
