"""Spans and log records of a real instrumentation, see `tests/traces/README.md`."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_sessionopt.ingest.files import find_inputs
from otel_sessionopt.pipeline import Pipeline, analyze_inputs
from otel_sessionopt.report.document import OptimizationReport
from tests.ingest.otlp_samples import Errors

TRACES = Path(__file__).parent / "traces"
FILES = ("openai-v2-message-logs", "openai-v2-details-logs")


def report_of(*lines: str, folder: Path) -> OptimizationReport:
    (folder / "recorded.jsonl").write_text("".join(lines))
    errors = Errors()
    (report,) = analyze_inputs(find_inputs([folder], errors), Pipeline(), on_error=errors)
    assert not errors
    return report


@pytest.mark.parametrize("name", FILES)
def test_two_calls_and_one_tool_call_whatever_the_generation_and_the_order(name: str, tmp_path: Path) -> None:
    spans, logs = (TRACES / f"{name}.jsonl").read_text().splitlines(keepends=True)

    for lines in ((spans, logs), (logs, spans), (spans, logs, logs, spans)):
        report = report_of(*lines, folder=tmp_path)
        assert (report.counts.model_calls, report.counts.tool_calls, report.counts.events) == (2, 1, 3)
        assert report.bill.total.tokens == 1_200 + 300 + 2_400 + 300


def test_the_messages_of_the_older_generation_are_in_the_log_records_only(tmp_path: Path) -> None:
    counts = {}
    for name in FILES:
        spans, _ = (TRACES / f"{name}.jsonl").read_text().splitlines(keepends=True)
        counts[name] = report_of(spans, folder=tmp_path).counts.tool_calls

    assert counts == {"openai-v2-message-logs": 0, "openai-v2-details-logs": 1}
