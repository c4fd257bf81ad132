"""Names of the tools of real agents and what they do, as data; and the prefixes that protocol servers put before.

Names are compared in lower case without `_`, `-` and spaces: `read_file`, `readFile` and `ReadFile` are one row.

Source: genai-conventions §19.1 (coding agents) and §19.2 (libraries and protocol servers).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from otel_sessionopt.dialects.digest import ToolKind


class ToolRow(NamedTuple):
    """What the name of a tool tells.

    Attributes:
        kind: what the tool does; `None` where the arguments decide.
        is_poll: asks a running process or agent for news.
        is_cursor: moves a cursor that the arguments do not show.
        is_typing: types into a running program; with nothing typed it asks for news.
        may_write: may change files that its arguments do not name.
    """

    kind: ToolKind | None = None
    is_poll: bool = False
    is_cursor: bool = False
    is_typing: bool = False
    may_write: bool = False


class ToolName(NamedTuple):
    """A tool name as sent, taken apart.

    Attributes:
        name: without the prefix of a protocol server.
        key: the form that tables are asked with.
        row: `None` for a tool that no table knows.
    """

    name: str
    key: str
    row: ToolRow | None


def _rows(names: str, row: ToolRow) -> dict[str, ToolRow]:
    return dict.fromkeys((fold_name(name) for name in names.split()), row)


def fold_name(name: str) -> str:
    """The form in which names are compared."""
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


_READ: Final = """
    Read NotebookRead read_file view_image read_many_files read_files view view_file look_at fs_read open_file
    read_image copilot_readFile read_text_file read_media_file read_multiple_files read_a_files_content open cat_file
    get_file_contents get_file_content read_notebook
"""
_WRITE: Final = """
    Write Edit MultiEdit NotebookEdit apply_patch write_file replace create_file replace_string_in_file
    multi_replace_string_in_file insert_edit_into_file create edit_file search_replace StrReplace delete_file
    write_to_file replace_in_file appliedDiff apply_diff insert_content search_and_replace patch replace_file_content
    multi_replace_file_content str_replace multi_patch move_file copy_file file_delete remove_file rename_file
    apply_patch_call file_writer_tool create_text_file replace_lines insert_lines delete_lines edit_notebook_file
    copilot_createFile copilot_replaceString copilot_applyPatch edit_notebook
"""
_SEARCH: Final = """
    Grep Glob LSP grep_files grep_search search_file_content file_search semantic_search list_code_usages
    codebase_search glob_file_search search_files list_code_definition_names search_codebase codebaseSearch finder
    fs_search keyword_search code_searcher find search_for_pattern search_dir search_file find_file search_code
    find_symbol find_referencing_symbols file_search_call copilot_findTextInFiles copilot_findFiles
    copilot_searchCodebase search_memory
"""
_LISTING: Final = """
    LS list_dir list_directory list_files listFiles list ls tree list_directory_with_sizes directory_tree
    get_file_info list_allowed_directories list_files_in_directory filemap copilot_listDirectory
"""
_SHELL: Final = """
    Bash PowerShell exec_command shell shell_command local_shell_call exec run_shell_command run_in_terminal
    run_terminal_cmd run_terminal_command execute_command executeCommand run_commands execute_bash terminal
    run_command execute sh cmd execute_shell_command run_bash_command container_exec copilot_runInTerminal
"""
# Programs in a language that is not read here.
_CODE: Final = """
    execute_ipython_cell code_execution code_interpreter_call python_interpreter runCode python javascript_tool
    execute_code run_python code_interpreter eval
"""
_WEB: Final = """
    WebFetch WebSearch google_web_search web_search web_fetch fetch_webpage webfetch websearch browser_action
    fetch_web_content web_scrape browser fetch read_web_page search_web read_url_content duckduckgo_search
    tavily_search wikipedia_search visit_webpage search_the_internet_with_serper read_website_content web_search_call
    brave_web_search navigate get_page_text read_page
"""
_SUB_AGENT: Final = """
    Agent Task spawn_agent invoke_agent runSubagent new_task use_subagents delegate invoke_subagent spawn_agents
    delegate_task subagent call_agent transfer_to_agent
"""
_OTHER: Final = """
    Skill TodoWrite TodoRead TaskCreate TaskGet TaskList TaskUpdate TaskStop ToolSearch ReadMcpResourceTool
    AskUserQuestion ExitPlanMode EnterPlanMode update_plan close_agent write_todos save_memory activate_skill
    read_mcp_resource manage_todo_list report_intent todo_write switch_mode todowrite todoread think task_tracker
    finish submit final_answer attempt_completion ask_followup_question use_mcp_tool mcp_call computer_call
"""
# Their `command` argument says which of the kinds it is.
_EDITORS: Final = """
    str_replace_editor str_replace_based_edit_tool text_editor file_editor editor memory
"""
_POLL: Final = """
    BashOutput TaskOutput AgentOutputTool get_terminal_output read_bash wait_agent wait get_command_status
    command_status get_task_output check_command_status sleep process_status get_terminal_last_command
    copilot_getTerminalOutput
"""
_TYPING: Final = "write_stdin write_bash send_input send_to_terminal"
_CURSOR: Final = """
    scroll_down scroll_up scroll goto next_page previous_page prev_page page_down page_up load_more browser_scroll
    go_back go_forward next_match next_result show_more computer
"""

_ROWS: Final[dict[str, ToolRow]] = {
    **_rows(_READ, ToolRow(ToolKind.READ)),
    **_rows(_WRITE, ToolRow(ToolKind.WRITE)),
    **_rows(_SEARCH, ToolRow(ToolKind.SEARCH)),
    **_rows(_LISTING, ToolRow(ToolKind.SEARCH)),
    **_rows(_SHELL, ToolRow(ToolKind.SHELL)),
    **_rows(_CODE, ToolRow(ToolKind.SHELL, may_write=True)),
    **_rows(_WEB, ToolRow(ToolKind.WEB)),
    # What an agent below did is in its own spans, where there are any.
    **_rows(_SUB_AGENT, ToolRow(ToolKind.SUB_AGENT, may_write=True)),
    **_rows(_OTHER, ToolRow(ToolKind.OTHER)),
    **_rows(_EDITORS, ToolRow()),
    **_rows(_POLL, ToolRow(ToolKind.OTHER, is_poll=True)),
    **_rows(_TYPING, ToolRow(ToolKind.SHELL, is_typing=True)),
    **_rows(_CURSOR, ToolRow(ToolKind.OTHER, is_cursor=True)),
}


@lru_cache(maxsize=1024)  # an agent has tens of tools; the bound is for hostile input
def tool_name(sent: str) -> ToolName:
    """Take a tool name apart: `mcp__files__read_file` is `read_file`, and a read.

    Prefixes: `mcp__{server}__{tool}`, `{server}__{tool}`, `mcp_{server}_{tool}` and `{server}_{tool}`. The last two
    cannot be told from a plain name, so there only a known tool name of two words or more counts as the tool.
    """
    name = sent.rpartition("__")[2] or sent
    key = fold_name(name)
    row = _ROWS.get(key)
    if row is None and name.startswith("mcp_"):
        name = name[4:]
    if row is None:
        parts = name.split("_")
        for at in range(1, len(parts) - 1):
            tail_key = fold_name("".join(parts[at:]))
            if tail_key in _ROWS:
                return ToolName(name, tail_key, _ROWS[tail_key])
        key = fold_name(name)
    return ToolName(name, key, row or _ROWS.get(key))
