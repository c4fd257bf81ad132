"""All 44 real sessions, recounted from their spans alone, against the counts that came with them."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from otel_sessionopt import semconv
from otel_sessionopt.ingest.files import InputFile, find_inputs, read_spans
from otel_sessionopt.ingest.span_record import SpanRecord
from tests.ingest.otlp_samples import Errors
from tests.ingest.transcripts.transcript_samples import TRANSCRIPT

COUNTS = (
    "llm_calls",
    "input_fresh",
    "cache_read",
    "cache_write",
    "output",
    "tool_calls",
    "tool_errors",
    "tool_rejections",
    "compactions",
    "think_chars",
)


def recount(records: Iterable[SpanRecord]) -> dict[str, int]:
    counts = dict.fromkeys(COUNTS, 0)
    for record in records:
        get = record.attributes.get
        if get(semconv.OPERATION_NAME) == "chat":
            cache_read, cache_write = get(semconv.CACHE_READ_TOKENS, 0), get(semconv.CACHE_WRITE_TOKENS, 0)
            counts["llm_calls"] += 1
            counts["input_fresh"] += get(semconv.INPUT_TOKENS, 0) - cache_read - cache_write
            counts["cache_read"] += cache_read
            counts["cache_write"] += cache_write
            counts["output"] += get(semconv.OUTPUT_TOKENS, 0)
        elif get(semconv.OPERATION_NAME) == "execute_tool":
            counts["tool_calls"] += 1
            counts["tool_errors"] += record.is_error
            counts["tool_rejections"] += get(semconv.TOOL_REJECTED) is True
        elif get(semconv.EVENT_TYPE) == "THINKING":
            counts["think_chars"] += get(semconv.CONTENT_CHARS, 0)
        counts["compactions"] += get(semconv.COMPACTION) is True
    return counts


def test_a_small_session_is_counted_as_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    path.write_text(TRANSCRIPT)
    errors = Errors()

    counts = recount(read_spans(InputFile(path=path), errors))

    assert not errors
    assert counts == {
        "llm_calls": 3,  # msg_1 on three lines, msg_2, msg_3; the API error is none
        "input_fresh": 3 * 10,
        "cache_read": 3 * 1_000,
        "cache_write": 3 * 300,
        "output": 40 + 5 + 30,
        "tool_calls": 3,
        "tool_errors": 1,
        "tool_rejections": 1,
        "compactions": 1,
        "think_chars": 10,
    }


def test_all_real_sessions_are_counted_exactly(shared_data: Path) -> None:
    folder = shared_data / "claude-code-sessions"
    facts = {fact["id"]: fact for fact in map(json.loads, (folder / "facts.jsonl").read_text().splitlines())}
    errors = Errors()
    counted: dict[str, dict[str, Any]] = {}

    for file in find_inputs([folder], errors):
        records = list(read_spans(file, errors))
        if records:
            assert_one_tree(records)
            counted[Path(file.source).name.removesuffix(".jsonl.xz")] = recount(records)

    assert not errors
    assert len(counted) == 44
    assert counted == {name: {count: fact[count] for count in COUNTS} for name, fact in facts.items()}


def assert_one_tree(records: list[SpanRecord]) -> None:
    """One trace with one root that covers everything, and no id twice."""
    ids = {record.span_id for record in records}
    (root,) = [record for record in records if record.parent_span_id is None]
    assert len(ids) == len(records)
    assert len({record.trace_id for record in records}) == 1
    for record in records:
        assert record.parent_span_id is None or record.parent_span_id in ids
        assert root.start_ns <= record.start_ns <= record.end_ns <= root.end_ns


def test_every_result_ends_before_the_call_that_carries_it_starts(shared_data: Path) -> None:
    # `llm_i` counts answers that no model gave: sessions with such ones are left out.
    folder = shared_data / "claude-code-sessions"
    facts = [json.loads(line) for line in (folder / "facts.jsonl").read_text().splitlines()]
    sessions = {fact["id"] for fact in facts if not fact["synthetic_messages"]}
    with lzma.open(folder / "calls.jsonl.xz", "rt") as lines:
        calls = [call for call in map(json.loads, lines) if call["session"] in sessions]
    checked = 0
    for session in sessions:
        records = list(read_spans(InputFile(path=folder / f"{session}.jsonl.xz"), Errors()))
        models = sorted(record.start_ns for record in records if record.name.startswith("chat "))
        ends = {record.attributes.get(semconv.TOOL_CALL_ID): record.end_ns for record in records}
        for call in calls:
            if call["session"] == session:
                carriers = [number for number, start_ns in enumerate(models) if start_ns >= ends[call["call_id"]]]
                assert not carriers or carriers[0] == call["llm_i"] + 1
                checked += bool(carriers)
    assert checked > 1_400
