from __future__ import annotations

import pytest

from otel_sessionopt.dialects.literals import MAX_LITERAL_CHARS, read_literal


def test_a_mapping_in_python_notation_is_read() -> None:
    assert read_literal("{'city': 'Bergen', 'days': 3, 'x': None, 'y': [1.5, True]}") == {
        "city": "Bergen",
        "days": 3,
        "x": None,
        "y": [1.5, True],
    }


@pytest.mark.parametrize(
    "value",
    [
        '{"city": "Bergen"}',
        "{'city': 'Ber",
        "{'path': '\\d'}",  # of an escape that Python does not know the interpreter would complain aloud
        "{'a': __import__('os')}",
        "{'a'}",
        "{" + "'a':{" * 5_000,
        "{'a': '" + "x" * MAX_LITERAL_CHARS + "'}",
        "plain text",
        "",
        None,
        7,
        {"city": "Bergen"},
    ],
)
def test_anything_else_is_given_back_as_it_is(value: object) -> None:
    assert read_literal(value) is value
