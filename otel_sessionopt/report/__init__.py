"""The report: one document, and its forms as text, Markdown, HTML and JSON."""

from __future__ import annotations

from otel_sessionopt.report.as_html import as_html
from otel_sessionopt.report.as_json import as_json, report_to_dict
from otel_sessionopt.report.as_markdown import as_markdown
from otel_sessionopt.report.as_text import as_text
from otel_sessionopt.report.document import SCHEMA_VERSION, OptimizationReport, build_report

__all__ = [
    "SCHEMA_VERSION",
    "OptimizationReport",
    "as_html",
    "as_json",
    "as_markdown",
    "as_text",
    "build_report",
    "report_to_dict",
]
