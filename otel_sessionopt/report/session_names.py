"""What people call a session: what it was about, when it was, and as much of its id as tells it from others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from otel_sessionopt.report.document import OptimizationReport

# Trace ids and UUIDs: nobody can tell them apart by reading, so their first characters do. Other ids are names.
_MADE_BY_CHANCE: Final = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHORTEST: Final = 8


def title_of(report: OptimizationReport) -> str:
    """What the session was about, as shortly as it is known."""
    return report.session.task or (f"Session of {report.session.agent}" if report.session.agent else "Agent session")


def dated_title(report: OptimizationReport) -> str:
    """`billing, 2026-01-05 09:00 UTC`."""
    return ", ".join(part for part in (title_of(report), moment(report.session.started_at)) if part)


def moment(text: str) -> str:
    """`2026-01-05 09:00 UTC` of an ISO 8601 time; any other text as it is."""
    date, mark, clock = text.partition("T")
    if not mark:
        return text
    zone = " UTC" if clock.endswith(("+00:00", "Z")) else ""
    return f"{date} {clock[:5]}{zone}"


def short_ids(ids: Sequence[str]) -> list[str]:
    """The ids as a table shows them: of trace ids and UUIDs the first characters that differ, others whole.

    The commands take these for the ids, as long as no other session in the history begins so.
    """
    shown = set(ids)
    return [_shortened(each, shown) for each in ids]


def _shortened(text: str, others: set[str]) -> str:
    if not _MADE_BY_CHANCE.fullmatch(text):
        return text
    for length in range(_SHORTEST, len(text), 4):
        if not any(other.startswith(text[:length]) for other in others if other != text):
            return text[:length]
    return text
