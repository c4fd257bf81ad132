from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_sessionopt.ingest import byte_stream, json_cursor
from otel_sessionopt.ingest.json_cursor import JsonCursor
from otel_sessionopt.ingest.malformed import CutOff, Malformed

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def chunks(text: str, size: int) -> Iterator[bytes]:
    data = text.encode()
    return iter([data[at : at + size] for at in range(0, len(data), size)])


def walk(cursor: JsonCursor) -> Any:
    """The value at the cursor, taken apart down to its leaves."""
    if cursor.next_is("["):
        return [walk(cursor) for _ in cursor.elements()]
    if cursor.next_is("{"):
        return {key: walk(cursor) for key in cursor.members()}
    return cursor.value()


@pytest.fixture(autouse=True, scope="module")
def small_chunks() -> Iterator[None]:
    """Read as little as possible at a time, so that every value is cut somewhere."""
    patch = pytest.MonkeyPatch()
    patch.setattr(json_cursor, "CHUNK_BYTES", 1)
    yield
    patch.undo()


@settings(deadline=None)
@given(value=VALUES, size=st.integers(1, 7), indent=st.sampled_from([None, 1]), is_ascii=st.booleans())
def test_however_the_text_is_cut_into_chunks_the_value_is_the_same(
    value: Any, size: int, indent: int | None, is_ascii: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=is_ascii)
    for take in (JsonCursor.value, walk):
        cursor = JsonCursor(chunks(text, size))
        assert take(cursor) == value
        assert cursor.is_at_end()


@settings(deadline=None)
@given(value=VALUES, size=st.integers(1, 7))
def test_a_skipped_value_is_passed_over_exactly(value: Any, size: int) -> None:
    cursor = JsonCursor(chunks(f"[{json.dumps(value)}, 1]", size))
    elements = cursor.elements()
    next(elements)
    cursor.skip()
    next(elements)

    assert cursor.value() == 1


@pytest.mark.parametrize("text", ["", "[1", '{"a"', '{"a":', '{"a": 1', '"abc', "[1,", "[tru", '"\\u12'])
def test_text_that_ends_too_early_is_cut_off(text: str) -> None:
    with pytest.raises(CutOff):
        walk(JsonCursor(chunks(text, 2)))


@pytest.mark.parametrize("text", ["[1 2]", '{"a" 1}', "{a: 1}", '{"a": 1]', "[1,]", "oops", '"a\nb" ', "[" * 100_000])
def test_text_that_is_no_json_is_malformed(text: str) -> None:
    cursor = JsonCursor(chunks(text, 4_000))

    with pytest.raises(Malformed) as raised:
        cursor.value()

    assert not isinstance(raised.value, CutOff)


def test_a_number_of_thousands_of_digits_is_malformed() -> None:
    with pytest.raises(Malformed, match="number is too long"):
        JsonCursor(chunks("9" * 10_000, 4_000)).value()


def test_the_line_is_the_one_of_the_fault() -> None:
    cursor = JsonCursor(chunks('[\n1,\n2,\n"a" "b"\n]', 3), first_line=10)

    with pytest.raises(Malformed):
        walk(cursor)

    assert cursor.line == 13


def test_after_a_fault_the_next_document_is_found_even_where_the_fault_showed_up_in_it() -> None:
    cursor = JsonCursor(chunks('{"a": [1,\n{"b": 2}\n{"c": 3}', 3))
    with pytest.raises(Malformed):
        walk(cursor)  # takes `{"b": 2}` for an element and misses the comma after it

    cursor.skip_to_next_document(after_line=1)

    assert walk(cursor) == {"c": 3}
    assert cursor.line == 3


def test_a_value_over_the_limit_is_malformed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_cursor, "MAX_PIECE_BYTES", 100)
    cursor = JsonCursor(chunks('["' + "x" * 90 + '", "' + "y" * 500 + '"]', 10))
    elements = cursor.elements()
    next(elements)
    assert cursor.value() == "x" * 90
    next(elements)

    with pytest.raises(Malformed, match="longer than 100 bytes"):
        cursor.value()


def test_bytes_that_are_no_utf_8_become_replacement_characters() -> None:
    assert JsonCursor(iter([b'"a\xffb"'])).value() == "a�b"


def test_the_limit_of_one_piece_is_256_mib() -> None:
    assert byte_stream.MAX_PIECE_BYTES == 268_435_456
