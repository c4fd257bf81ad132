"""The repeated-read rule against an independent recount of 44 real sessions (`calls.jsonl.xz` beside them)."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from otel_sessionopt.analyzers.repeated_file_read import RepeatedFileReadAnalyzer
from otel_sessionopt.dialects import read_span
from otel_sessionopt.dialects.digest import SpanDigest
from otel_sessionopt.errors import InputError
from otel_sessionopt.ingest.files import find_inputs, read_spans
from otel_sessionopt.session import Release, Session, build_session
from tests.analyzers.cases import FLAT

SESSIONS = "claude-code-sessions"
WHOLE_RATIO = 0.9


class Reread(NamedTuple):
    """One read of the recount: who it was, its text, and the share of it that had been shown before."""

    session: str
    call_id: str
    line_chars: int
    already_shown: float


class Flagged(NamedTuple):
    """One read that the rule calls wholly redundant."""

    session: str
    call_id: str
    repeated_chars: int


@pytest.fixture(scope="module")
def recounted(shared_data: Path) -> dict[tuple[str, str], Reread]:
    """Reads of the recount that bring back at least 90 % of what an earlier read of the path had shown."""
    with lzma.open(shared_data / SESSIONS / "calls.jsonl.xz", "rt") as lines:
        calls = [json.loads(line) for line in lines]
    rereads = [
        Reread(call["session"], call["call_id"], call["line_chars"], call["already_shown"])
        for call in calls
        if call.get("prev_read_i") is not None and call.get("already_shown", 0) >= WHOLE_RATIO
    ]
    return {(each.session, each.call_id): each for each in rereads}


@pytest.fixture(scope="module")
def flagged(shared_data: Path) -> dict[tuple[str, str], Flagged]:
    """Reads that the rule flags as wholly redundant in all 44 sessions."""
    found = [each for path in sorted((shared_data / SESSIONS).glob("*__*.jsonl.xz")) for each in _flagged_in(path)]
    return {(each.session, each.call_id): each for each in found}


def _flagged_in(path: Path) -> Iterator[Flagged]:
    name = path.name.removesuffix(".jsonl.xz")
    rule = RepeatedFileReadAnalyzer()
    for session in _sessions(path):
        call_ids = {event.id: event.tool.call_id for event in session.events if event.tool is not None}
        for issue in rule.analyze(session):
            for repeat in issue.metadata["repeats"]:
                if repeat["repeated_ratio"] >= WHOLE_RATIO:
                    yield Flagged(name, call_ids[repeat["event_id"]] or "", repeat["repeated_chars"])


def _sessions(path: Path) -> Iterator[Session]:
    errors: list[InputError] = []
    (source,) = find_inputs([str(path)], errors.append)
    digests: dict[int, list[SpanDigest]] = {}
    for record in read_spans(source, errors.append):
        digests.setdefault(record.trace_id, []).append(read_span(record))
    assert not errors
    for trace_id, spans in digests.items():
        yield build_session(trace_id, spans, Release(), FLAT)


def test_the_recount_is_the_one_that_is_meant(recounted: dict[tuple[str, str], Reread]) -> None:
    assert len(recounted) == 21
    assert round(sum(each.line_chars * each.already_shown for each in recounted.values())) == 23_766


def test_at_most_one_redundant_read_is_missed(
    recounted: dict[tuple[str, str], Reread], flagged: dict[tuple[str, str], Flagged]
) -> None:
    missed = recounted.keys() - flagged.keys()
    assert len(missed) <= 1, sorted(missed)


def test_at_most_one_other_read_is_called_wholly_redundant(
    recounted: dict[tuple[str, str], Reread], flagged: dict[tuple[str, str], Flagged]
) -> None:
    others = flagged.keys() - recounted.keys()
    assert len(others) <= 1, sorted(others)


def test_the_characters_claimed_are_those_of_the_recount_within_a_tenth(
    recounted: dict[tuple[str, str], Reread], flagged: dict[tuple[str, str], Flagged]
) -> None:
    claimed = sum(flagged[key].repeated_chars for key in recounted.keys() & flagged.keys())
    expected = sum(each.line_chars * each.already_shown for each in recounted.values())
    assert claimed == pytest.approx(expected, rel=0.1)
