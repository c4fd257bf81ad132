"""Real sessions of Codex, pi and older Claude Code, recounted from their spans, against counts that came with them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otel_sessionopt import semconv
from otel_sessionopt.dialects import read_span
from otel_sessionopt.ingest.files import InputFile, read_spans
from otel_sessionopt.ingest.span_record import SpanRecord
from tests.ingest.otlp_samples import Errors
from tests.ingest.test_claude_code_recount import COUNTS, assert_one_tree, recount

FOLDERS = {"codex-copilot-sessions": 5, "pi-sessions": 2, "claude-code-fixtures": 2}
# A tool of a protocol server that answered `isError`: the count looks at exit codes alone.
UNCOUNTED_ERRORS = {"agentv__019ed936-c4f5-7a21-ad41-d1eed95dc4df": 1}


def real_transcripts(shared_data: Path, folder: str) -> Iterator[tuple[dict[str, Any], list[SpanRecord]]]:
    """What the count says of each session, and its spans."""
    errors = Errors()
    for line in (shared_data / folder / "facts.jsonl").read_text("utf-8").splitlines():
        fact = json.loads(line)
        yield fact, list(read_spans(InputFile(path=shared_data / folder / fact["file"]), errors))
    assert not errors


def of_type(records: list[SpanRecord], event_type: str) -> int:
    return sum(record.attributes.get(semconv.EVENT_TYPE) == event_type for record in records)


def failed_calls(records: list[SpanRecord]) -> int:
    """Calls that failed, and commands that ended with another exit code than 0, whatever it means."""
    uses = [(record, read_span(record).tool) for record in records if semconv.TOOL_NAME in record.attributes]
    return sum(
        record.is_error or bool(use is not None and use.result is not None and use.result.exit_code)
        for record, use in uses
    )


@pytest.mark.parametrize("folder", FOLDERS)
def test_all_real_sessions_are_counted_exactly(shared_data: Path, folder: str) -> None:
    seen = 0
    for fact, records in real_transcripts(shared_data, folder):
        assert_one_tree(records)
        tools = Counter(record.attributes.get(semconv.TOOL_NAME) for record in records)
        models = Counter(record.attributes.get(semconv.REQUEST_MODEL) for record in records)
        reasoning = sum(record.attributes.get(semconv.REASONING_TOKENS, 0) for record in records)
        prompts = [record.attributes.get(semconv.INPUT_TOKENS, 0) for record in records]

        counted = recount(records) | {"tool_errors": failed_calls(records), "tool_rejections": 0}
        expected = {count: fact.get(count, 0) for count in COUNTS}
        expected["tool_errors"] += UNCOUNTED_ERRORS.get(fact["id"], 0)

        assert counted == expected, fact["id"]
        assert tools == Counter(fact["tools"]) + Counter({None: tools[None]})
        assert models == Counter(fact["models"]) + Counter({None: models[None]})
        assert (reasoning, max(prompts)) == (fact["reason_tokens"], fact["ctx_max"])
        assert of_type(records, "USER_MESSAGE") == fact["user_turns"]
        seen += 1
    assert seen == FOLDERS[folder]


def test_sizes_of_results_are_those_of_the_count(shared_data: Path) -> None:
    for fact, records in real_transcripts(shared_data, "pi-sessions"):
        results = [record.attributes.get(semconv.TOOL_RESULT) for record in records]
        assert sum(len(text) for text in results if text is not None) == fact["result_chars"]


def test_writing_nothing_to_a_running_program_is_polling(shared_data: Path) -> None:
    polls = {}
    for fact, records in real_transcripts(shared_data, "codex-copilot-sessions"):
        uses = [read_span(record).tool for record in records if record.name == "execute_tool write_stdin"]
        polls[fact["id"]] = sum(use is not None and use.is_poll for use in uses)
        assert polls[fact["id"]] == fact["poll_calls"]
    assert sorted(polls.values()) == [0, 0, 0, 9, 59]
