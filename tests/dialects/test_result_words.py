from __future__ import annotations

import pytest

from otel_sessionopt.dialects.result_words import occurs, words_of
from otel_sessionopt.dialects.tool_calls import read_tool_call

IMPORTS = "from shop.user_service import UserStore\nimport os.path as path  # see also mail-queue\n"


@pytest.mark.parametrize("name", ["user_service", "UserService", "userstore", "shop", "path", "mail-queue"])
def test_a_word_of_the_text_occurs_however_it_is_written(name: str) -> None:
    assert occurs(name, [words_of(IMPORTS)])


@pytest.mark.parametrize("name", ["user", "service", "invoice", "user_service_test", "mail-server"])
def test_a_word_that_is_not_in_the_text_does_not_occur(name: str) -> None:
    assert not occurs(name, [words_of(IMPORTS)])


@pytest.mark.parametrize("name", ["größe", "", "-", "x"])
def test_a_name_that_cannot_be_looked_for_may_occur_anywhere(name: str) -> None:
    assert occurs(name, [words_of("nothing of the kind")])


def test_one_of_several_results_is_enough_and_none_has_nothing() -> None:
    assert occurs("beta", [words_of("alpha"), words_of("beta")])
    assert not occurs("beta", [words_of("alpha"), words_of("gamma")])
    assert not occurs("beta", [])


def test_a_result_that_was_not_recorded_or_is_long_may_contain_anything() -> None:
    assert words_of("a" * 4_001) is None
    assert occurs("beta", [None])


@pytest.mark.parametrize("count", [0, 1, 100, 101, 450])
def test_every_word_is_found_again_and_200_bytes_are_the_most(count: int) -> None:
    names = [f"name{number}" for number in range(count)]
    words = words_of("\n".join(names))
    assert words is not None
    assert len(words) <= 200
    assert all(occurs(name, [words]) for name in names)


def test_of_words_that_do_not_occur_few_seem_to() -> None:
    words = words_of(" ".join(f"name{number}" for number in range(300)))
    others = sum(occurs(f"other{number}", [words]) for number in range(1_000))
    assert others < 300  # 300 of 1,592 bits: 17 in a hundred


def test_reads_and_searches_keep_their_words_and_other_calls_do_not() -> None:
    read = read_tool_call("Read", {"file_path": "/a.py"}, "     1→import shop\n     2→pass").use.result
    search = read_tool_call("Grep", {"pattern": "x"}, "/src/shop.py:1:x").use.result
    shell = read_tool_call("Bash", {"command": "make all"}, "shop is built").use.result
    assert read is not None
    assert search is not None
    assert shell is not None
    assert occurs("shop", [read.words])
    assert occurs("shop", [search.words])
    assert shell.words is None


def test_a_picture_has_no_words() -> None:
    picture = [{"type": "image", "source": {"type": "base64", "data": "A" * 4_000}}]
    result = read_tool_call("Read", {"file_path": "/a.png"}, picture).use.result
    assert result is not None
    assert result.words is None
