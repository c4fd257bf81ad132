from __future__ import annotations

from otel_sessionopt.dialects.base import KeyTable

TABLE = KeyTable({"input": ("new", "old", "oldest"), "model": ("model",)})


def test_the_first_name_that_has_a_value_wins() -> None:
    assert TABLE.find({"oldest": 1, "old": 2, "x": 3}) == {"input": "old"}
    assert TABLE.find({"old": 2, "new": None, "model": "m"}) == {"input": "old", "model": "model"}
    assert TABLE.find({"new": 0, "old": 2}) == {"input": "new"}


def test_nothing_is_found_where_nothing_is() -> None:
    assert TABLE.find({}) == {}
    assert TABLE.find({"new": None, "x": 1}) == {}


def test_all_names_are_known() -> None:
    assert TABLE.keys == {"new", "old", "oldest", "model"}
