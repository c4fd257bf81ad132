"""The pages of the rules, made from their classes. `python -m otel_sessionopt.analyzers.pages` prints README.md."""

from __future__ import annotations

import inspect
import sys
from typing import Final

from otel_sessionopt.analyzers.base import BaseAnalyzer
from otel_sessionopt.analyzers.catalog import ANALYZER_CLASSES, Threshold, meta_of, number_text, thresholds_of

HEADINGS: Final = (
    "Why it matters",
    "How it is detected",
    "How waste is estimated",
    "When it stays silent",
    "What to do",
    "Sources",
)
REMAKE_COMMAND: Final = "python -m otel_sessionopt.analyzers.pages > otel_sessionopt/analyzers/README.md"

_INTRODUCTION: Final = f"""\
# Rules

One file a rule: its id, page, thresholds, detection and waste. An instance is a configured rule, its fields are the
thresholds. A new rule is that file, its test file in `tests/analyzers/`, and one line in `catalog.py`; a rule of your
own is a subclass of `BaseAnalyzer` with `analyze(session)`, passed wherever analyzers are accepted.

Set thresholds in the configuration under `[rules.<id>]`, switch a rule off with `enabled = false`.

This page is made from the classes. After a change: `{REMAKE_COMMAND}`
"""


def rule_page(analyzer_class: type[BaseAnalyzer]) -> str:
    """Markdown page of one rule: what it finds, its sections and its thresholds. Ends with a newline."""
    meta = meta_of(analyzer_class)
    text = inspect.cleandoc(analyzer_class.__doc__ or "")
    facts = ", ".join(sorted(fact.value for fact in meta.requires)) or "nothing in particular"
    preview = " · preview: listed, not scored" if meta.preview else ""
    return "\n".join(
        (
            f"# {meta.title} (`{meta.id}`)",
            "",
            f"Usual severity {meta.severity.value} · category {meta.category.value} · since {meta.since}{preview} · "
            f"needs {facts}",
            "",
            text,
            "",
            "## Thresholds",
            "",
            *_threshold_rows(thresholds_of(analyzer_class)),
            "",
        )
    )


def rules_table() -> str:
    """Markdown table of all shipped rules, in the order in which they run. Ends with a newline."""
    rows = ["| rule | finds | severity | category | thresholds |", "|---|---|---|---|---|"]
    for analyzer_class in ANALYZER_CLASSES:
        meta = meta_of(analyzer_class)
        defaults = ", ".join(f"{each.name} {number_text(each.default)}" for each in thresholds_of(analyzer_class))
        rows.append(f"| `{meta.id}` | {meta.title} | {meta.severity.value} | {meta.category.value} | {defaults} |")
    return "\n".join(rows) + "\n"


def readme() -> str:
    """The whole README.md of the rules."""
    # Pages begin with a first-level heading of their own; in one file with others they go one level down.
    pages = [
        "\n".join(f"#{line}" if line.startswith("#") else line for line in rule_page(analyzer_class).splitlines())
        for analyzer_class in ANALYZER_CLASSES
    ]
    return "\n".join((_INTRODUCTION, rules_table(), "\n\n".join(pages), ""))


def _threshold_rows(thresholds: tuple[Threshold, ...]) -> list[str]:
    if not thresholds:
        return ["None."]
    return [
        "| name | default | unit | allowed | meaning |",
        "|---|---|---|---|---|",
        *(
            f"| `{each.name}` | {number_text(each.default)} | {each.unit} | {each.allowed} | {each.doc} |"
            for each in thresholds
        ),
    ]


if __name__ == "__main__":
    sys.stdout.buffer.write(readme().encode())  # the same bytes whatever the console takes
