"""Reports for tests: from sessions of the trace builder, and from rules made up on the spot."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

import otel_sessionopt.report
from otel_sessionopt.analyzers.base import BaseAnalyzer
from otel_sessionopt.analyzers.catalog import default_analyzers
from otel_sessionopt.analyzers.issue import EfficiencyIssue, IssueType, Severity
from otel_sessionopt.analyzers.runner import run_analyzers
from otel_sessionopt.report import OptimizationReport, as_json, as_markdown, as_text, build_report
from otel_sessionopt.session import Session
from tests.support.digest_builder import TraceBuilder

GENERATED_AT = "2026-01-05T10:00:00+00:00"
SCHEMA: dict[str, Any] = json.loads(
    (Path(otel_sessionopt.report.__file__).parent / "schema.json").read_text(encoding="utf-8")
)
_VALIDATOR = Draft202012Validator(SCHEMA)


@dataclass(frozen=True, slots=True)
class Says(BaseAnalyzer):
    """A rule that yields what it was given."""

    issues: tuple[EfficiencyIssue, ...]

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        return self.issues


def report_of(session: Session, analyzers: Sequence[BaseAnalyzer] | None = None) -> OptimizationReport:
    """The report of `session`, checked against the schema."""
    outcomes = run_analyzers(session, default_analyzers() if analyzers is None else analyzers)
    report = build_report(session, outcomes, generated_at=GENERATED_AT)
    validate(report)
    return report


def validate(report: OptimizationReport) -> None:
    """Every form can be made, and the JSON one is what the schema says."""
    document = json.loads(as_json(report))
    _VALIDATOR.validate(document)
    assert document == json.loads(json.dumps(report.to_dict()))
    assert as_markdown(report)
    assert max(map(len, as_text(report).splitlines())) <= 80


def issue(**fields: Any) -> EfficiencyIssue:
    """An issue with defaults."""
    given: dict[str, Any] = {
        "id": "some-rule-1",
        "issue_type": IssueType.INEFFICIENT_TOOL_USE,
        "severity": Severity.MEDIUM,
        "description": "Something was done twice.",
        "suggestion": "Do it once.",
    }
    return EfficiencyIssue(**{**given, **fields})


def quiet_session() -> TraceBuilder:
    """A session in which nothing is to be found: $0.0033 for 600 tokens."""
    return TraceBuilder().agent("coder").user_message().model_call(input=500, output=100, finish_reason="end_turn")


def wasteful_session() -> TraceBuilder:
    """A session with five kinds of waste."""
    return (
        TraceBuilder()
        .agent("coder", task="make the tests pass")
        .user_message()
        .model_call(input=4_000, output=200)
        .read("/repo/src/big.py", tokens=12_000)
        .model_call(cache_read=4_000, cache_write=12_300, output=150)
        .search("def main")
        .model_call(cache_read=16_000, cache_write=300, output=90)
        .search("DEF  main")
        .model_call(cache_read=16_300, cache_write=300, output=90)
        .read("/repo/src/big.py", tokens=12_000)
        .model_call(cache_read=16_600, cache_write=12_300, output=150)
        .shell("make test", error="exit-1")
        .model_call(cache_read=28_900, cache_write=500, output=100)
        .shell("make test", error="exit-1")
        .model_call(cache_read=29_400, cache_write=500, output=100)
        .tool("deploy", rejected=True)
        .model_call(cache_read=29_900, cache_write=500, output=100, finish_reason="end_turn")
    )
