"""Reports of 44 real Claude Code sessions against an independent recount of them."""

from __future__ import annotations

import json
from pathlib import Path

from otel_sessionopt.errors import InputError
from otel_sessionopt.ingest.files import find_inputs
from otel_sessionopt.pipeline import Pipeline, analyze_inputs
from otel_sessionopt.pricing.catalog import PriceClass
from tests.report.reports import validate


def test_every_report_counts_what_the_recount_counts(shared_data: Path) -> None:
    folder = shared_data / "claude-code-sessions"
    facts = [json.loads(line) for line in (folder / "facts.jsonl").read_text(encoding="utf-8").splitlines()]
    errors: list[InputError] = []
    pipeline = Pipeline()
    told = {}
    for fact in facts:
        inputs = find_inputs([folder / fact["file"]], errors.append)
        (report,) = analyze_inputs(inputs, pipeline, on_error=errors.append)
        validate(report)
        cached = (
            report.bill.classes[PriceClass.CACHE_WRITE].tokens + report.bill.classes[PriceClass.CACHE_WRITE_1H].tokens
        )
        told[fact["id"]] = {
            "llm_calls": report.counts.model_calls,
            "tool_calls": report.counts.tool_calls,
            "tool_errors": report.counts.tool_errors,
            "tool_rejections": report.counts.rejections,
            "compactions": report.counts.compactions,
            "input_fresh": report.bill.classes[PriceClass.INPUT].tokens,
            "cache_read": report.bill.classes[PriceClass.CACHE_READ].tokens,
            "cache_write": cached,
            "output": report.bill.classes[PriceClass.OUTPUT].tokens,
        }
        assert report.waste.avoidable.tokens <= report.bill.total.tokens
        assert (report.waste.avoidable.cost_usd or 0) <= (report.bill.total.cost_usd or 0)

    assert errors == []
    assert len(told) == 44
    assert told == {fact["id"]: {name: fact[name] for name in told[fact["id"]]} for fact in facts}
