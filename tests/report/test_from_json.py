from __future__ import annotations

import json

import pytest

from otel_sessionopt.report import OptimizationReport, as_markdown, as_text, report_to_dict
from otel_sessionopt.report.from_json import report_from_dict
from tests.golden.cases import cases

CASES = dict(cases())


@pytest.mark.parametrize("report", CASES.values(), ids=CASES)
def test_a_report_is_written_the_same_after_it_was_read(report: OptimizationReport) -> None:
    document = json.loads(json.dumps(report_to_dict(report)))
    again = report_from_dict(document)

    assert report_to_dict(again) == document
    # Money below a billionth of a dollar is none in JSON: it may differ in the last digits shown, and nowhere else.
    assert len(as_text(again).splitlines()) == len(as_text(report).splitlines())
    assert as_text(again).splitlines()[0] == as_text(report).splitlines()[0]
    assert as_markdown(again).splitlines()[0] == as_markdown(report).splitlines()[0]


def test_a_report_of_an_earlier_version_has_no_ledger() -> None:
    document = report_to_dict(CASES["wasteful"])
    del document["ledger"]

    assert report_from_dict(document).ledger is None


@pytest.mark.parametrize("key", ["waste", "issues", "bill", "session", "release"])
def test_what_is_no_report_is_an_error(key: str) -> None:
    document = report_to_dict(CASES["wasteful"])
    del document[key]

    with pytest.raises(KeyError, match=key):
        report_from_dict(document)
