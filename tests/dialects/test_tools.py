from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_sessionopt.dialects.digest import END_LINE, FileAccess, ToolKind, ToolUse
from otel_sessionopt.dialects.tool_names import tool_name
from otel_sessionopt.dialects.tools import MAX_SHOWN_CHARS, classify_tool

READ, WRITE, SEARCH, SHELL = ToolKind.READ, ToolKind.WRITE, ToolKind.SEARCH, ToolKind.SHELL
WEB, SUB_AGENT, OTHER = ToolKind.WEB, ToolKind.SUB_AGENT, ToolKind.OTHER


@pytest.mark.parametrize(
    ("name", "arguments", "kind"),
    [
        # Claude Code
        ("Read", {"file_path": "/a"}, READ),
        ("Edit", {"file_path": "/a", "old_string": "x", "new_string": "y"}, WRITE),
        ("MultiEdit", {"file_path": "/a", "edits": []}, WRITE),
        ("NotebookEdit", {"notebook_path": "/a.ipynb", "new_source": "x"}, WRITE),
        ("Grep", {"pattern": "x"}, SEARCH),
        ("Glob", {"pattern": "*.py"}, SEARCH),
        ("Bash", {"command": "go test ./..."}, SHELL),
        ("Bash", {"command": "cat a.py"}, READ),
        ("Bash", {"command": "rg x"}, SEARCH),
        ("Bash", {"command": "echo x > a.py"}, WRITE),
        ("WebFetch", {"url": "https://x", "prompt": "p"}, WEB),
        ("Task", {"prompt": "p", "subagent_type": "explore"}, SUB_AGENT),
        ("TodoWrite", {"todos": []}, OTHER),
        # Codex
        ("exec_command", {"cmd": "sed -n '1,5p' a"}, READ),
        ("shell", {"command": ["bash", "-lc", "rg x"]}, SEARCH),
        ("local_shell_call", {"action": {"command": ["cat", "a"]}}, READ),
        ("apply_patch", "*** Begin Patch\n*** Add File: a\n+x\n*** End Patch", WRITE),
        ("update_plan", {"plan": []}, OTHER),
        # Gemini, Copilot, Cursor, Cline, opencode, goose, SWE-agent, OpenHands
        ("read_many_files", {"include": ["a", "b"]}, READ),
        ("search_file_content", {"pattern": "x"}, SEARCH),
        ("replace", {"file_path": "/a", "old_string": "x", "new_string": "y"}, WRITE),
        ("copilot_readFile", {"filePath": "/a"}, READ),
        ("multi_replace_string_in_file", {"replacements": [{"filePath": "/a"}]}, WRITE),
        ("run_in_terminal", {"command": "ls"}, SEARCH),
        ("StrReplace", {"path": "/a", "old_string": "x"}, WRITE),
        ("codebase_search", {"query": "where"}, SEARCH),
        ("replace_in_file", {"path": "/a", "diff": "x"}, WRITE),
        ("run_commands", {"commands": ["cat a", "cat b"]}, READ),
        ("webfetch", {"url": "https://x"}, WEB),
        ("developer__text_editor", {"command": "view", "path": "/a"}, READ),
        ("developer__text_editor", {"command": "str_replace", "path": "/a"}, WRITE),
        ("str_replace_editor", {"command": "view", "path": "/a"}, READ),
        ("str_replace_based_edit_tool", {"command": "create", "path": "/a", "file_text": "x"}, WRITE),
        ("execute_bash", {"command": "pytest"}, SHELL),
        ("execute_ipython_cell", {"code": "open('a')"}, SHELL),
        ("runSubagent", {"prompt": "p"}, SUB_AGENT),
        # Protocol servers and libraries
        ("mcp__filesystem__read_text_file", {"path": "/a"}, READ),
        ("mcp_filesystem_read_text_file", {"path": "/a"}, READ),
        ("filesystem_write_file", {"path": "/a", "content": "x"}, WRITE),
        ("move_file", {"source": "/a", "destination": "/b"}, WRITE),
        ("directory_tree", {"path": "/a"}, SEARCH),
        ("use_mcp_tool", {"server_name": "fs", "tool_name": "read_file", "arguments": {"path": "/a"}}, READ),
        ("tavily_search", {"query": "x"}, WEB),
    ],
)
def test_known_names(name: str, arguments: object, kind: ToolKind) -> None:
    assert classify_tool(name, arguments, "/w").kind is kind


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"patch": "x"}, WRITE),
        ({"path": "/a", "content": "x"}, WRITE),
        ({"path": "/a", "command": "view"}, READ),
        ({"command": "cat a"}, READ),
        ({"cmd": "make install"}, SHELL),
        ({"pattern": "x", "path": "/a"}, SEARCH),
        ({"query": "x", "url": "https://x"}, WEB),
        ({"url": "https://x"}, WEB),
        ({"path": "/a"}, READ),
        ({"path": "/a", "offset": 3, "limit": 4}, READ),
        ({"directory": "/a"}, SEARCH),
        ({"content": "no path"}, OTHER),
        ({"city": "Bergen"}, OTHER),
        ({}, OTHER),
    ],
)
def test_unknown_names_are_classified_by_arguments(arguments: Mapping[str, Any], kind: ToolKind) -> None:
    assert classify_tool("frobnicate", arguments, "/w").kind is kind


def test_an_unknown_tool_that_does_something_with_a_file_is_no_read() -> None:
    # A design tool on one document: repeated calls with other operations are no repeated reads.
    use = classify_tool("mcp__pencil__batch_design", {"filePath": "/a.pen", "operations": "x"}, "/w")

    assert (use.name, use.kind, use.accesses, use.may_write) == ("batch_design", OTHER, (), True)


def test_an_unknown_tool_whose_name_says_that_it_writes_is_no_read() -> None:
    assert classify_tool("format_document", {"path": "/a"}, None).kind is WRITE


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Read", "Read"),
        ("mcp__files__read_file", "read_file"),
        ("developer__shell", "shell"),
        ("mcp_github_create_issue", "github_create_issue"),
        ("__", "__"),
        ("my_search", "my_search"),
    ],
)
def test_prefixes_of_servers_are_removed(name: str, expected: str) -> None:
    assert tool_name(name).name == expected


def test_a_short_name_behind_an_underscore_is_no_known_tool() -> None:
    # `bash` is known, but `db_bash` may be anything.
    assert tool_name("db_bash").row is None


@pytest.mark.parametrize(
    ("name", "arguments", "first", "last"),
    [
        pytest.param("Read", {"file_path": "/a"}, None, None, id="whole"),
        pytest.param("Read", {"file_path": "/a", "offset": 100, "limit": 50}, 100, 149, id="claude-code-from-1"),
        pytest.param("Read", {"file_path": "/a", "limit": 50}, None, 50, id="limit-only"),
        pytest.param("Read", {"file_path": "/a", "offset": 100}, 100, None, id="offset-only"),
        pytest.param("read", {"filePath": "/a", "offset": 100, "limit": 50}, 101, 150, id="opencode-from-0"),
        pytest.param("read_file", {"absolute_path": "/a", "offset": 0, "limit": 50}, 1, 50, id="old-gemini-from-0"),
        pytest.param("read_file", {"target_file": "/a", "offset": 10, "limit": 5}, 10, 14, id="cursor-from-1"),
        pytest.param("read_file", {"target_file": "/a", "offset": -20}, END_LINE - 20, None, id="cursor-from-end"),
        pytest.param("read_file", {"file_path": "/a", "start_line": 5, "end_line": 9}, 5, 9, id="gemini"),
        pytest.param("read_file", {"filePath": "/a", "startLine": 5, "endLine": 9}, 5, 9, id="copilot"),
        pytest.param(
            "read_file",
            {"target_file": "/a", "start_line_one_indexed": 5, "end_line_one_indexed_inclusive": 9},
            5,
            9,
            id="old-cursor",
        ),
        pytest.param("view", {"path": "/a", "view_range": [5, 9]}, 5, 9, id="view-range"),
        pytest.param("view", {"path": "/a", "view_range": [5, -1]}, 5, None, id="view-range-to-end"),
        pytest.param("view", {"path": "/a", "view_range": "[5, 9]"}, 5, 9, id="view-range-text"),
        pytest.param("read_text_file", {"path": "/a", "head": 9}, None, 9, id="head"),
        pytest.param("read_text_file", {"path": "/a", "tail": 9}, END_LINE - 9, None, id="tail"),
        pytest.param("Read", {"file_path": "/a", "offset": "100", "limit": 50.0}, 100, 149, id="numbers-as-sent"),
        pytest.param("open", {"path": "/a", "line_number": 200}, 150, 249, id="swe-agent-window"),
        pytest.param("open", {"path": "/a"}, 1, 100, id="swe-agent-top"),
    ],
)
def test_line_ranges_of_every_convention(
    name: str, arguments: Mapping[str, Any], first: int | None, last: int | None
) -> None:
    assert classify_tool(name, arguments, None).accesses == (FileAccess("/a", False, first, last),)


@pytest.mark.parametrize(
    "arguments",
    [
        {"file_path": "/a", "offset": "far"},
        {"file_path": "/a", "view_range": [5]},
        {"file_path": "/a", "view_range": "some"},
        {"file_path": "/a", "limit": -4},
        {"file_path": "/a", "pages": "1-5"},
    ],
)
def test_a_range_that_is_not_understood_names_no_lines_at_all(arguments: Mapping[str, Any]) -> None:
    # The whole file would make later reads of other lines look like repeats.
    assert classify_tool("Read", arguments, None).accesses == ()


def test_several_files_in_one_call() -> None:
    files = {"files": [{"path": "a", "start_line": 2, "end_line": 3}, {"path": "b"}, "c", 7, None]}

    assert classify_tool("read_files", files, "/w").accesses == (
        FileAccess("/w/a", False, 2, 3),
        FileAccess("/w/b"),
        FileAccess("/w/c"),
    )


def test_a_patch_names_every_file_it_changes() -> None:
    patch = "*** Begin Patch\n*** Update File: a.py\n*** Move to: b.py\n@@\n*** Delete File: c.py\n*** End Patch"

    use = classify_tool("apply_patch", {"input": patch}, "/w")

    assert use.accesses == (FileAccess("/w/a.py", True), FileAccess("/w/b.py", True), FileAccess("/w/c.py", True))
    assert not use.may_write


def test_a_unified_diff_names_its_targets() -> None:
    diff = "--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n--- a/y.py\n+++ /dev/null\n"

    assert classify_tool("patch", {"diff": diff}, "/w").accesses == (FileAccess("/w/x.py", True),)


def test_a_move_changes_both_ends() -> None:
    use = classify_tool("move_file", {"source": "/a", "destination": "/b"}, None)

    assert use.accesses == (FileAccess("/a", True), FileAccess("/b", True))


@pytest.mark.parametrize(
    ("name", "may_write"),
    [("Read", False), ("Grep", False), ("Edit", True), ("Bash", True), ("Task", True), ("get_weather", False)],
)
def test_without_arguments_whatever_writes_may_have_written_anything(name: str, may_write: bool) -> None:
    use = classify_tool(name, None, "/w")

    assert use.may_write is may_write
    assert (use.arguments_hash, use.accesses, use.query) == (None, (), None)


def test_search_queries_and_scopes() -> None:
    use = classify_tool("Grep", {"pattern": "def main", "path": "src", "glob": "*.py", "-n": True}, "/w")

    assert (use.query, use.scope) == ("def main", "grep -n=true glob=*.py /w/src")


def test_searches_repeat_only_within_one_scope() -> None:
    base = {"pattern": "x", "path": "/w/src"}
    same = [base, {"path": "src", "pattern": "x"}, {**base, "description": "again"}]
    other = [{**base, "path": "/w/lib"}, {**base, "glob": "*.py"}, {**base, "output_mode": "count"}, {"pattern": "x"}]

    assert len({classify_tool("Grep", arguments, "/w").scope for arguments in same}) == 1
    assert len({classify_tool("Grep", arguments, "/w").scope for arguments in same[:1] + other}) == 5


def test_the_folder_that_is_searched_anyway_is_no_other_scope() -> None:
    assert (
        classify_tool("Grep", {"pattern": "x"}, "/w").scope
        == classify_tool("Grep", {"pattern": "x", "path": "."}, "/w").scope
    )


def test_query_hashes_fold_case_and_white_space() -> None:
    hashes = {
        classify_tool("Grep", {"pattern": text}, None).query_hash for text in ("Find  Me", "find me", " FIND\nME ")
    }

    assert len(hashes) == 1
    assert classify_tool("Grep", {"pattern": "find you"}, None).query_hash not in hashes


def test_long_texts_are_cut_and_still_told_apart() -> None:
    first, second = (classify_tool("Grep", {"pattern": "x" * 500 + end}, None) for end in "ab")

    assert first.query == second.query == "x" * MAX_SHOWN_CHARS
    assert first.query_hash != second.query_hash
    command = classify_tool("Bash", {"command": "echo " + "x" * 500}, None).command
    assert command is not None
    assert len(command) == MAX_SHOWN_CHARS


def test_long_scopes_are_cut_and_still_told_apart() -> None:
    first, second = (classify_tool("Bash", {"command": f"rg x {'/a' * 400}{end}"}, None).scope for end in "ab")

    assert len(first) < 450
    assert first != second


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("write_stdin", {"session_id": 1, "chars": ""}),
        ("write_stdin", {"session_id": 1}),
        ("BashOutput", {"bash_id": "x"}),
        ("TaskOutput", {"task_id": "x"}),
        ("get_terminal_output", {"id": "x"}),
        ("read_bash", {"sessionId": "x"}),
        ("wait_agent", {"ids": ["x"]}),
        ("Bash", {"command": "sleep 30"}),
        ("Bash", {"command": "gh run watch 7"}),
        ("process", {"action": "poll", "id": 3}),
    ],
)
def test_calls_that_ask_for_news(name: str, arguments: Mapping[str, Any]) -> None:
    use = classify_tool(name, arguments, None)

    assert (use.is_poll, use.may_write) == (True, False)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("write_stdin", {"chars": "y\n"}), ("Read", {"file_path": "/a"}), ("Bash", {"command": "git status"})],
)
def test_calls_that_do_not(name: str, arguments: Mapping[str, Any]) -> None:
    assert not classify_tool(name, arguments, None).is_poll


@pytest.mark.parametrize("name", ["scroll_down", "next_page", "browser_scroll", "goto"])
def test_calls_that_move_a_cursor(name: str) -> None:
    assert classify_tool(name, {}, None).is_cursor


def test_typing_into_a_program_may_write() -> None:
    assert classify_tool("write_stdin", {"chars": "rm a\n"}, None).may_write


def test_arguments_hash_does_not_depend_on_form_or_order() -> None:
    forms: list[object] = [
        {"file_path": "/a", "offset": 1, "tags": ["x", "y"]},
        {"tags": ("x", "y"), "offset": 1, "file_path": "/a"},
        '{"offset": 1,  "file_path": "/a", "tags": ["x","y"]}',
        '"{\\"offset\\": 1, \\"file_path\\": \\"/a\\", \\"tags\\": [\\"x\\", \\"y\\"]}"',
    ]

    assert len({classify_tool("Read", form, None).arguments_hash for form in forms}) == 1
    assert classify_tool("Read", {"file_path": "/b"}, None).arguments_hash is not None


def test_arguments_hash_is_the_same_in_every_process() -> None:
    assert classify_tool("Read", {"file_path": "/a"}, None).arguments_hash == 345106876774472289


def test_the_length_of_arguments_is_that_of_their_canonical_text() -> None:
    assert classify_tool("Read", '{ "file_path" : "/a" }', None).arguments_chars == len('{"file_path":"/a"}')
    assert classify_tool("Read", None, None).arguments_chars is None


def test_a_cut_write_keeps_its_path_and_no_hash() -> None:
    use = classify_tool("Write", '{"file_path":"/a/b.py","content":"import os\\nimp', None)

    assert (use.kind, use.accesses, use.arguments_hash) == (WRITE, (FileAccess("/a/b.py", True),), None)
    assert use.may_write


def test_an_unknown_tool_with_cut_content_is_seen_to_write() -> None:
    assert classify_tool("put", '{"path":"/a","content":"long te', None).kind is WRITE


@pytest.mark.parametrize(
    "arguments", ['{"file_path":"/a/b.py","off', '{"file_path":"/a/b.p', '{"file_path":"/a/b.py"', "{broken}"]
)
def test_a_cut_read_names_no_file_because_its_lines_may_be_behind_the_cut(arguments: str) -> None:
    use = classify_tool("Read", arguments, None)

    assert (use.kind, use.accesses, use.arguments_hash) == (READ, (), None)


def test_a_cut_command_may_write() -> None:
    use = classify_tool("Bash", '{"command":"cat a.py && ls', None)

    assert (use.kind, use.may_write, use.accesses) == (SHELL, True, ())


def test_a_cut_search_has_no_query() -> None:
    assert classify_tool("Grep", '{"pattern":"x","path":"/a","glo', None).query is None


def test_the_folder_of_a_command_is_its_own() -> None:
    use = classify_tool("exec_command", {"cmd": "cat a.py", "workdir": "sub"}, "/w")

    assert use.accesses == (FileAccess("/w/sub/a.py"),)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(
    [
        "file_path",
        "path",
        "paths",
        "files",
        "offset",
        "limit",
        "view_range",
        "command",
        "cmd",
        "commands",
        "action",
        "pattern",
        "query",
        "url",
        "content",
        "edits",
        "patch",
        "input",
        "args",
        "start_line",
        "tail",
        "head",
        "pages",
        "workdir",
        "chars",
        "name",
        "tool_name",
        "arguments",
    ]
)
NAMES = st.sampled_from(
    [
        "Read",
        "Edit",
        "Grep",
        "LS",
        "Bash",
        "PowerShell",
        "write_stdin",
        "WebFetch",
        "Task",
        "str_replace_editor",
        "apply_patch",
        "use_mcp_tool",
        "open",
        "x",
    ]
)


@settings(deadline=None)  # the machine may be busy
@given(NAMES, st.dictionaries(KEYS, JSON, max_size=5) | JSON | st.text(max_size=30), st.none() | st.text(max_size=10))
def test_no_arguments_make_it_raise(name: str, arguments: object, workdir: str | None) -> None:
    use = classify_tool(name, arguments, workdir)

    assert isinstance(use, ToolUse)
    assert len(use.query or "") <= MAX_SHOWN_CHARS
    for access in use.accesses:
        assert access.path
        assert (access.first_line or 1) >= 1


@settings(deadline=None)  # the machine may be busy
@given(st.text(max_size=40))
def test_no_name_makes_it_raise(name: str) -> None:
    assert isinstance(classify_tool(name, {"path": "/a"}, None), ToolUse)


@pytest.mark.parametrize(
    ("name", "text", "path", "query"),
    [
        ("read_file", "src/a.py", "src/a.py", None),
        ("web_search", "weather in Bergen", None, "weather in Bergen"),
        ("grep", "def main", None, "def main"),
        ("read_file", "two\nlines", None, None),
        ("lookup", "src/a.py", None, None),
    ],
)
def test_a_bare_text_is_the_one_argument_that_the_tool_has(
    name: str, text: str, path: str | None, query: str | None
) -> None:
    use = classify_tool(name, text, None)

    assert [access.path for access in use.accesses] == ([] if path is None else [path])
    assert use.query == query
