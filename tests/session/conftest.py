"""Real sessions, built once for the tests of this folder."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from otel_sessionopt.dialects import read_span
from otel_sessionopt.dialects.digest import SpanDigest
from otel_sessionopt.errors import InputError
from otel_sessionopt.ingest.files import find_inputs, read_spans
from otel_sessionopt.session import Release, Session, build_session


class RealSession(NamedTuple):
    """A session of a working developer and what an independent count says about it."""

    facts: Mapping[str, Any]
    session: Session


@pytest.fixture(scope="session")
def real_sessions(shared_data: Path) -> dict[str, RealSession]:
    """By the id that the independent count uses."""
    folder = shared_data / "claude-code-sessions"
    counted = [json.loads(line) for line in (folder / "facts.jsonl").read_text("utf-8").splitlines()]
    return {facts["id"]: RealSession(facts, _build(folder / facts["file"])) for facts in counted}


def _build(path: Path) -> Session:
    problems: list[InputError] = []
    digests: defaultdict[int, list[SpanDigest]] = defaultdict(list)
    for input_file in find_inputs([path], problems.append):
        for record in read_spans(input_file, problems.append):
            digests[record.trace_id].append(read_span(record))
    ((trace_id, spans),) = digests.items()  # a transcript is one trace
    return build_session(trace_id, spans, Release())
