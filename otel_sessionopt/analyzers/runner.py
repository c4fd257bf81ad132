"""Runs analyzers over one session, each behind a fence of its own."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from fnmatch import fnmatchcase
from pathlib import PurePath
from traceback import extract_tb
from typing import Final

from otel_sessionopt.analyzers.base import BaseAnalyzer, Fact
from otel_sessionopt.analyzers.catalog import analyzer_id
from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue, IssueType, Severity, Waste
from otel_sessionopt.analyzers.presence import missing_facts
from otel_sessionopt.session.model import Session

_MESSAGE_CHARS: Final = 200
# What an error message quotes may be text of the session: KeyError, int() and many others quote the value they met.
_QUOTED: Final = re.compile(r"'[^']*'?|\"[^\"]*\"?|`[^`]*`?")


class OutcomeStatus(str, Enum):
    """How a rule's run ended."""

    OK = "ok"  # judged; with issues or none
    NOT_APPLICABLE = "not_applicable"  # facts are missing; see `missing`
    FAILED = "failed"  # the rule raised; see `error`


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzerOutcome:
    """What one rule said about one session.

    Attributes:
        code: the analyzer's id.
        issues: by the place of their first evidence in the session, then by id; each with `code`, `waste` and an id
            that is unique in the run. They are copies: what the analyzer yielded is left alone.
        missing: facts that the session lacks, where the status is `not_applicable`.
        error: type, message without quoted values, and place in the code, where the status is `failed`.
        is_preview: the rule is a preview: listed, never in totals or score.
    """

    code: str
    status: OutcomeStatus
    issues: tuple[EfficiencyIssue, ...] = ()
    missing: tuple[Fact, ...] = ()
    error: str | None = None
    is_preview: bool = False


def run_analyzers(
    session: Session, analyzers: Iterable[BaseAnalyzer], ignore_paths: Sequence[str] = ()
) -> tuple[AnalyzerOutcome, ...]:
    """One outcome an analyzer, in their order. Never raises because of one of them.

    Args:
        session: judged as a whole; not changed.
        analyzers: rules as configured.
        ignore_paths: globs (`*` also matches `/`; a relative one matches at any depth). An issue whose
            `metadata["file_path"]` matches one is dropped.
    """
    places = {event.id: place for place, event in enumerate(session.events)}
    taken: set[str] = set()
    outcomes = []
    for analyzer in analyzers:
        outcome = _run(session, analyzer, places)
        if outcome.issues:
            kept = (issue for issue in outcome.issues if not is_ignored(issue, ignore_paths))
            outcome = dataclasses.replace(outcome, issues=tuple(_with_own_id(issue, taken) for issue in kept))
        outcomes.append(outcome)
    return tuple(outcomes)


def is_ignored(issue: EfficiencyIssue, ignore_paths: Iterable[str]) -> bool:
    """Whether the issue is about a file that one of the globs matches."""
    path = issue.metadata.get("file_path")
    if not isinstance(path, str):
        return False
    path = path.replace("\\", "/")
    return any(fnmatchcase(path, glob) or fnmatchcase(path, f"*/{glob}") for glob in ignore_paths)


def _run(session: Session, analyzer: BaseAnalyzer, places: dict[str, int]) -> AnalyzerOutcome:
    code = analyzer_id(analyzer)
    meta = analyzer.meta
    is_preview = meta is not None and meta.preview
    try:
        if meta is not None and (missing := missing_facts(session, meta.requires)):
            return AnalyzerOutcome(
                code=code, status=OutcomeStatus.NOT_APPLICABLE, missing=missing, is_preview=is_preview
            )
        issues = [_checked(issue, code, is_preview) for issue in _issues_of(analyzer, session)]
    except Exception as error:  # noqa: BLE001 - a rule, also a user's own, must not keep the others from running
        return AnalyzerOutcome(
            code=code, status=OutcomeStatus.FAILED, error=describe_error(error), is_preview=is_preview
        )
    issues.sort(key=lambda issue: (_place(issue, places), issue.id))
    return AnalyzerOutcome(code=code, status=OutcomeStatus.OK, issues=tuple(issues), is_preview=is_preview)


def _issues_of(analyzer: BaseAnalyzer, session: Session) -> Iterable[EfficiencyIssue]:
    found: object = analyzer.analyze(session)
    if isinstance(found, (str, bytes)) or not isinstance(found, Iterable):
        raise TypeError(f"analyze returned {type(found).__name__}; an iterable of EfficiencyIssue is wanted")
    return found


def _checked(issue: object, code: str, is_preview: bool) -> EfficiencyIssue:
    """A copy that every later stage can rely on, or `TypeError` or `ValueError`."""
    if not isinstance(issue, EfficiencyIssue):
        raise TypeError(f"analyze yielded {type(issue).__name__}; EfficiencyIssue is wanted")
    waste = issue.waste
    if waste is None:
        # Without claims nothing shows which billed tokens are meant, so it cannot count: a heuristic.
        cost = issue.estimated_waste_cost
        tokens = max(int(issue.estimated_waste_tokens), 0)
        is_unpriced = cost is None or (cost == 0 and tokens > 0)
        cost_usd = None if is_unpriced else max(Decimal(str(cost)), Decimal(0))
        waste = Waste(tokens=tokens, basis=Basis.HEURISTIC, cost_usd=cost_usd)
    elif not isinstance(waste, Waste):
        raise TypeError(f"the issue's waste is {type(waste).__name__}; Waste is wanted")
    return dataclasses.replace(
        issue,
        id=str(issue.id),
        issue_type=IssueType(issue.issue_type),
        severity=Severity(issue.severity),
        events_involved=[str(event) for event in issue.events_involved],
        metadata=dict(issue.metadata),
        waste=waste,
        code=code,
        is_preview=is_preview,
    )


def _with_own_id(issue: EfficiencyIssue, taken: set[str]) -> EfficiencyIssue:
    """The issue with an id that no earlier one has: totals are kept by id."""
    own, count = issue.id, 1
    while own in taken:
        count += 1
        own = f"{issue.id}-{count}"
    taken.add(own)
    return issue if own == issue.id else dataclasses.replace(issue, id=own)


def _place(issue: EfficiencyIssue, places: dict[str, int]) -> int:
    return min((places[event] for event in issue.events_involved if event in places), default=len(places))


def describe_error(error: BaseException) -> str:
    """Type, message and place of an error, fit for a report: what the message quotes is left out."""
    message = " ".join(_QUOTED.sub("…", str(error)).split())[:_MESSAGE_CHARS]
    frames = extract_tb(error.__traceback__)
    place = f" ({PurePath(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}{': ' if message else ''}{message}{place}"
