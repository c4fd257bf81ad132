"""Whole reports in every form, compared with the ones kept beside this file."""

from __future__ import annotations

import pytest

from otel_sessionopt.report import OptimizationReport
from tests.golden.cases import cases
from tests.golden.remake import COMMAND, FOLDER, FORMS, forms_of, golden_file
from tests.report.reports import validate

CASES = dict(cases())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("name", "report"), CASES.items(), ids=CASES)
def test_a_report_is_as_it_was(name: str, report: OptimizationReport, form: str) -> None:
    path = golden_file(name, form)
    assert path.is_file(), f"{path.name} is missing; if the case is new, run: {COMMAND}"

    assert forms_of(report)[form] == path.read_text(encoding="utf-8"), (
        f"{path.name} has changed; if that is wanted, run: {COMMAND}"
    )


@pytest.mark.parametrize("report", CASES.values(), ids=CASES)
def test_every_golden_report_is_what_the_schema_says(report: OptimizationReport) -> None:
    validate(report)


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.{form}" for name in CASES for form in FORMS}
