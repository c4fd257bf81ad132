from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_sessionopt.dialects.shell_words import Redirect, Word, split_powershell, split_script


def texts(command: str) -> list[list[str]]:
    return [[word.text for word in simple.words] for simple in split_script(command).commands]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("a b  c", [["a", "b", "c"]]),
        ("a 'b c' \"d e\" f\\ g", [["a", "b c", "d e", "f g"]]),
        ("a'b'\"c\"d", [["abcd"]]),
        ("a && b || c; d | e & f", [["a"], ["b"], ["c"], ["d"], ["e"], ["f"]]),
        ("a\nb", [["a"], ["b"]]),
        ("a \\\n b", [["a", "b"]]),
        ("a # comment && x\nb", [["a"], ["b"]]),
        ("a#b", [["a#b"]]),
        ("a '#b'", [["a", "#b"]]),
        ("grep 'a|b;c' x", [["grep", "a|b;c", "x"]]),
        ("a 2>&1 | b", [["a"], ["b"]]),
        ("echo 12 >f", [["echo", "12"]]),
        ("(a; b)", [["a"], ["b"]]),
        ("cat <<EOF\nx && y\nEOF\nb", [["cat"], ["b"]]),
        ("a ''", [["a", ""]]),
        ("", []),
        ("  \n ", []),
    ],
)
def test_words_and_operators(command: str, expected: list[list[str]]) -> None:
    script = split_script(command)

    assert texts(command) == expected
    assert script.is_complete


def test_separators_tell_pipes_from_sequences() -> None:
    assert [simple.separator for simple in split_script("a | b && c\nd |\n e").commands] == ["", "|", "&&", "\n", "|"]


def test_redirections_are_no_words() -> None:
    (simple,) = split_script("a > out.txt 2>/dev/null 2>&1 < in.txt").commands

    assert [word.text for word in simple.words] == ["a"]
    assert simple.redirects == (
        Redirect(">", "", Word("out.txt")),
        Redirect(">", "2", Word("/dev/null")),
        Redirect(">&", "2", Word("1")),
        Redirect("<", "", Word("in.txt")),
    )


def test_each_heredoc_goes_to_its_own_command() -> None:
    first, second, third = split_script("cat <<'A' && tee f <<\"B\"; c\nit's a\nA\nb (\nB\n").commands

    assert (first.heredoc, second.heredoc, third.heredoc) == ("it's a\n", "b (\n", None)


def test_substitutions_are_kept_as_commands_of_their_own() -> None:
    script = split_script("a \"$(cat <<'E'\nit's (\nE\n)\" `b c` <(d)")

    assert script.is_complete
    assert script.substitutions == ("cat <<'E'\nit's (\nE\n", "b c", "d")
    assert [word.is_dynamic for word in script.commands[0].words] == [False, True, True, True]


@pytest.mark.parametrize("text", ["$X", "${X}", '"$X"', '"a ${X:-b}"', "$(x)", "`x`", "$((1+2))", "a$1"])
def test_expansions_make_a_word_dynamic(text: str) -> None:
    assert split_script(f"a {text}").commands[0].words[1].is_dynamic


@pytest.mark.parametrize("text", ["'$X'", "\\$X", '"\\$X"', "a=b", "100%"])
def test_quoted_dollars_are_plain(text: str) -> None:
    assert split_script(f"a {text}").commands[0].words[1].is_literal


@pytest.mark.parametrize(
    ("text", "is_glob"), [("*.py", True), ("{a,b}", True), ("a?", True), ("'*.py'", False), ("{}", False)]
)
def test_wildcards_count_where_they_are_not_quoted(text: str, is_glob: bool) -> None:
    assert split_script(f"a {text}").commands[0].words[1].is_glob is is_glob


@pytest.mark.parametrize("command", ["a 'b", 'a "b', "a $(b", "a `b", "cat <<EOF\nx", "a \\"])
def test_what_is_not_closed_is_not_complete(command: str) -> None:
    assert not split_script(command).is_complete


def test_parentheses_are_counted() -> None:
    assert [simple.depth for simple in split_script("a; (b; (c)); d").commands] == [0, 1, 2, 0]


def test_powershell_keeps_backslashes() -> None:
    first, second = split_powershell("cd D:\\x; Get-Content a\\b.go 2>$null").commands

    assert [word.text for word in first.words] == ["cd", "D:\\x"]
    assert [word.text for word in second.words] == ["Get-Content", "a\\b.go"]


@settings(deadline=None)  # the machine may be busy
@given(st.text(max_size=80))
def test_no_text_makes_it_raise(text: str) -> None:
    split_script(text)
    split_powershell(text)


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.text(alphabet="abc.-/_0", min_size=1), min_size=1, max_size=6))
def test_quoted_words_come_back(words: list[str]) -> None:
    assert texts(" ".join(f"'{word}'" for word in words)) == [words]
