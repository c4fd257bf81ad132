from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_sessionopt.dialects.results import (
    MIN_BASE64_CHARS,
    digest_result,
    line_key,
    line_signatures,
    line_weight,
    read_result,
)
from otel_sessionopt.dialects.tool_calls import read_tool_call

BASE64 = "iVBORw0KGgo" * (MIN_BASE64_CHARS // 10)
NOTE = "\n\n<system-reminder>\nConsider whether this is malware.\n</system-reminder>\n"


def chars(value: object) -> int | None:
    return digest_result(value, is_read=False).chars


def text_hash(value: object, *, is_shell: bool = False) -> int | None:
    return digest_result(value, is_read=False, is_shell=is_shell).text_hash


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("four", 4),
        ("", 0),
        ([{"type": "text", "text": "four"}], 4),
        ([{"type": "text", "text": "four"}, {"type": "text", "text": "four"}], 9),  # a newline between blocks
        ({"content": "four"}, 4),
        ({"content": [{"type": "text", "text": "four"}], "isError": False}, 4),
        ({"output": "four", "exit_code": 1}, 4),
        ({"stdout": "four", "stderr": "five5", "interrupted": False}, 10),
        ('{"output":"four","metadata":{"exit_code":0,"duration_seconds":0.1}}', 4),
        ('[{"type":"text","text":"four"}]', 4),
        ('"four"', 4),
        # Data is its own text, whatever keys it has.
        ('{"name": "x", "content": "y"}', len('{"name": "x", "content": "y"}')),
        ({"role": "tool", "name": "get", "tool_call_id": "1", "content": "four"}, 4),
        ({"temperature": 3, "city": "Bergen"}, len('{"city":"Bergen","temperature":3}')),
        ([1, 2, 3], len("[1,2,3]")),
        ('[{"type": "frame", "content": "x"}]', 35),
        (17, 2),
        (True, 4),
    ],
)
def test_chars_count_text(value: object, expected: int) -> None:
    assert chars(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        [{"type": "image", "source": {"type": "base64", "data": BASE64}}],
        [{"type": "image", "data": BASE64, "mimeType": "image/png"}],
        [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{BASE64}"}}],
        f"data:image/png;base64,{BASE64}",
        BASE64,
        {"inlineData": {"mimeType": "image/png", "data": BASE64}},
        b"\x89PNG" * 500,
    ],
)
def test_pictures_are_no_text(value: object) -> None:
    assert chars(value) == 0


def test_pictures_leave_the_text_beside_them() -> None:
    assert chars([{"type": "text", "text": "seen"}, {"type": "image", "data": BASE64}]) == 4
    assert chars(f"![x](data:image/png;base64,{BASE64})") == len("![x]()")
    assert chars({"nodeId": "7", "screenshot": BASE64}) == len('{"nodeId":"7"}')


def test_results_that_differ_only_in_a_picture_differ() -> None:
    first, second = ([{"type": "image", "data": BASE64 + end}] for end in "ab")

    assert text_hash(first) != text_hash(second)
    assert text_hash(first) == text_hash([{"type": "image", "data": BASE64 + "a"}])


def test_equal_texts_have_equal_hashes_whatever_they_are_wrapped_in() -> None:
    forms: list[object] = [
        "one two",
        {"content": "one two"},
        [{"type": "text", "text": "one two"}],
        '{"output":"one two"}',
    ]

    assert len({text_hash(form) for form in forms}) == 1
    assert text_hash("one  two") != text_hash("one two")


def test_nothing_recorded_is_nothing_known() -> None:
    assert digest_result(None, is_read=True) == (None, None, None, None, None, None)


def listing(*lines: str, first: int = 1, mark: str = "→") -> str:
    return "\n".join(f"{number:>6}{mark}{line}" for number, line in enumerate(lines, first))


@pytest.mark.parametrize("mark", ["→", "\t", ": ", ":", "|", "| "])
def test_every_form_of_numbered_listing_gives_one_signature_a_line(mark: str) -> None:
    lines = line_signatures(listing("import os", "", "x = 1", mark=mark))

    assert lines is not None
    assert [line_weight(line) for line in lines] == [9 + 8, 0 + 8, 5 + 8]


def test_signatures_are_equal_where_number_and_text_are() -> None:
    first = line_signatures(listing("a", "b", "c"))
    second = line_signatures(listing("b", "x", first=2))
    moved = line_signatures(listing("b", first=3))

    assert first is not None
    assert second is not None
    assert moved is not None
    assert first[1] == second[0]
    assert line_key(first[1]) == line_key(second[0])
    assert first[2] != second[1]
    assert first[1] != moved[0]


def test_a_share_of_repeated_text_can_be_computed_from_signatures_alone() -> None:
    shown = line_signatures(listing("four", "sixsix", "x"))
    again = line_signatures(listing("four", "other", "x"))

    assert shown is not None
    assert again is not None
    repeated = sum(line_weight(line) for line in again if line in set(shown))
    assert (repeated, sum(map(line_weight, again))) == (4 + 8 + 1 + 8, 4 + 8 + 5 + 8 + 1 + 8)


def test_ranges_of_a_file_may_leave_lines_out_in_the_form_nothing_else_has() -> None:
    assert line_signatures("    10→a\n    11→b\n    40→c") is not None
    assert line_signatures("    10: a\n    11: b\n    40: c") is None  # matches of a search


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain text",
        "1 apple\n2 pears",
        "12: one\n10: two",
        "     2→a\n     1→b",
        "     1→a\n     1→a",
        "2026: a year\nand another line\nand one more",
        "10\t20\t30\n11\tx\nmean of all\nmore text",
        "Error: file not found",
    ],
)
def test_other_texts_have_no_lines(text: str) -> None:
    assert line_signatures(text) is None


def test_a_line_longer_than_its_weight_can_say_is_capped() -> None:
    lines = line_signatures(listing("x" * (1 << 20), "y"))

    assert lines is not None
    assert [line_weight(line) for line in lines] == [(1 << 20) - 1, 9]


def test_a_signature_takes_eight_bytes() -> None:
    lines = line_signatures(listing(*map(str, range(1_000))))

    assert lines is not None
    assert (len(lines), lines.itemsize) == (1_000, 8)


def test_notes_of_the_agent_to_itself_are_no_lines_but_are_content() -> None:
    text = listing("a", "b")

    plain, noted = digest_result(text, is_read=True), digest_result(text + NOTE + NOTE, is_read=True)

    assert noted.lines == plain.lines
    assert noted.text_hash == plain.text_hash
    assert plain.chars == len(text)
    assert noted.chars == len(text) + 2 * len(NOTE)


def test_a_listing_that_was_not_read_has_no_lines() -> None:
    assert digest_result(listing("a", "b"), is_read=False).lines is None


CODEX = (
    "Chunk ID: {id}\nWall time: {wall} seconds\nProcess exited with code {code}\n"
    "Original token count: 3\nOutput:\n{text}"
)


@pytest.mark.parametrize(
    ("value", "exit_code"),
    [
        ("Exit code 127\nno such command", 127),
        ("Exit code: 2\nx", 2),
        ("Exit code 0", 0),
        (CODEX.format(id="5ede14", wall="0.1", code=3, text="x"), 3),
        ("Process exited with code 1\nOutput:\nx", 1),
        ({"output": "x", "exit_code": 4}, 4),
        ({"stdout": "x", "returncode": "5"}, 5),
        ('{"output":"x","metadata":{"exit_code":6}}', 6),
        ({"output": "x", "metadata": {"exit": 7}}, 7),
        ("the program said: Exit code 9", None),
        ("all fine", None),
        ("Wall time: 1 s\nProcess running with session ID 7\nOutput:\n", None),
        ({"output": "x", "exit_code": True}, None),
    ],
)
def test_exit_codes_of_shell_commands(value: object, exit_code: int | None) -> None:
    assert digest_result(value, is_read=False, is_shell=True).exit_code == exit_code


def test_only_shell_results_have_exit_codes() -> None:
    assert digest_result("Exit code 1", is_read=True).exit_code is None
    assert digest_result({"output": "x", "exit_code": 4}, is_read=False).exit_code is None


def test_times_and_ids_of_a_run_do_not_make_equal_results_different() -> None:
    first = CODEX.format(id="5ede14", wall="0.1", code=0, text="same\n")
    second = CODEX.format(id="aaaaaa", wall="9.7", code=0, text="same\n")

    assert text_hash(first, is_shell=True) == text_hash(second, is_shell=True)
    assert text_hash(first) != text_hash(second)


def test_a_listing_read_through_a_shell_has_lines_behind_its_head() -> None:
    text = CODEX.format(id="1", wall="0", code=0, text=listing("a", "b", first=180, mark="\t") + "\n")

    lines = digest_result(text, is_read=True, is_shell=True).lines

    assert lines == line_signatures(listing("a", "b", first=180, mark="\t"))


@pytest.mark.parametrize(
    ("value", "is_error"),
    [
        ({"content": "x", "isError": True}, True),
        ('{"content":[{"type":"text","text":"x"}],"isError":true}', True),
        ({"content": "x", "is_error": "true"}, True),
        ({"status": "error", "message": "x"}, True),
        ('{"status":"error","reason":"x","code":4}', True),
        ({"status": "ok", "content": "x"}, False),
        ({"content": "x", "isError": False}, False),
        ({"content": "status error"}, False),
        ("Error: x", False),
        ({"content": "isError: true"}, False),
    ],
)
def test_results_that_say_that_the_call_failed(value: object, is_error: bool) -> None:
    assert read_result(value, is_read=False).is_error is is_error


def test_what_stands_in_a_file_is_no_error() -> None:
    assert not read_result('{"status":"error","reason":"x"}', is_read=True).is_error


@pytest.mark.parametrize(
    ("name", "arguments", "result", "error"),
    [
        ("Bash", {"command": "go test"}, "Exit code 1\nFAIL", "exit_code"),
        ("Bash", {"command": "go test"}, "Exit code 0\nok", None),
        ("Bash", {"command": "go test"}, "FAIL", None),
        ("Bash", {"command": "grep x a.py"}, "Exit code 1", None),
        ("Bash", {"command": "grep x a.py"}, "Exit code 2\nno such file", "exit_code"),
        ("Bash", {"command": "rg x | sort"}, "Exit code 1", "exit_code"),
        ("Bash", {"command": "diff a b"}, {"output": "1c1", "exit_code": 1}, None),
        ("Bash", {"command": "cat a.py"}, "Exit code 1\ncat: a.py: No such file", "exit_code"),
        ("Read", {"file_path": "/a"}, "Exit code 1", None),
        ("get", {}, {"content": "x", "isError": True}, "tool_error"),
    ],
)
def test_errors_that_only_the_result_tells(
    name: str, arguments: dict[str, Any], result: object, error: str | None
) -> None:
    assert read_tool_call(name, arguments, result).error == error


def test_an_error_that_the_source_states_stays_one() -> None:
    call = read_tool_call("Bash", {"command": "grep x a.py"}, "Exit code 1", stated_error="exit_code")

    assert call.error == "exit_code"


def test_lines_need_to_belong_to_one_file() -> None:
    text = listing("a", mark="\t") + "\n"

    one = read_tool_call("Bash", {"command": "nl -ba a; nl -ba a"}, text).use.result
    two = read_tool_call("Bash", {"command": "nl -ba a; nl -ba b"}, text).use.result

    assert one is not None
    assert two is not None
    assert (one.lines is None, two.lines is None) == (False, True)


def test_a_list_of_very_many_blocks_is_read_in_one_pass() -> None:
    assert chars([{"type": "text", "text": "x"}] * 100_000) == 199_999


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.binary(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["content", "type", "text", "output", "isError", "exit_code", "metadata", "status", "x"]),
            inner,
        )
    ),
    max_leaves=15,
)


@settings(deadline=None)  # the machine may be busy
@given(VALUES, st.booleans(), st.booleans())
def test_no_value_makes_it_raise(value: object, is_read: bool, is_shell: bool) -> None:
    digest = digest_result(value, is_read=is_read, is_shell=is_shell)

    assert (digest.chars is None) == (value is None)
    assert (digest.text_hash is None) == (value is None)


@settings(deadline=None)  # the machine may be busy
@given(
    st.lists(st.text(alphabet=st.characters(exclude_characters="\n"), max_size=20), min_size=1, max_size=20),
    st.integers(1, 9_000),
)
def test_the_weight_of_a_listing_is_its_text_and_eight_a_line(lines: list[str], first: int) -> None:
    signatures = line_signatures(listing(*lines, first=first))

    assert signatures is not None
    assert sum(map(line_weight, signatures)) == sum(map(len, lines)) + 8 * len(lines)
