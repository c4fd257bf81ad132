"""`BaseAnalyzer`, what describes one, and its thresholds."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar

from otel_sessionopt.analyzers.issue import EfficiencyIssue, Severity
from otel_sessionopt.session.model import Session


class Category(str, Enum):
    """What kind of loss a rule is about."""

    REDUNDANCY = "redundancy"
    CONTEXT = "context"
    RELIABILITY = "reliability"
    OUTPUT = "output"
    SESSION = "session"


class Fact(str, Enum):
    """What a session must contain for a rule to judge it; the value is how a report names it when it is missing."""

    USAGE = "token usage of model calls"
    REASONING = "reasoning tokens"
    TOOL_CALLS = "tool calls"
    TOOL_ARGUMENTS = "tool arguments"
    TOOL_SIZES = "sizes of tool results"
    TOOL_DEFINITIONS = "tool definitions"
    TIMES = "event times"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzerMeta:
    """What describes a rule: `rules`, the generated pages and the runner read it.

    Attributes:
        id: kebab-case of the file name; also the issue's `code`.
        title: a noun phrase of the failing state.
        severity: the usual one.
        requires: facts without which the outcome is `not_applicable`.
        since: first version that had it.
        preview: listed and run, not scored.
    """

    id: str
    title: str
    category: Category
    severity: Severity
    requires: frozenset[Fact] = frozenset()
    since: str = "0.1"
    preview: bool = False


def threshold(default: int | float, *, unit: str, ge: float | None = None, le: float | None = None, doc: str) -> Any:
    """Declare a tunable field of an analyzer: default, unit, closed range and one-sentence meaning (with origin)."""
    return dataclasses.field(default=default, metadata={"unit": unit, "ge": ge, "le": le, "doc": doc})


class BaseAnalyzer(ABC):
    """A rule. Subclass it, implement `analyze`, and pass an instance wherever analyzers are accepted.

    `meta` is optional on a user's own rule: its id then is the class name in kebab-case.
    """

    __slots__ = ()
    meta: ClassVar[AnalyzerMeta | None] = None

    @abstractmethod
    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        """Issues found in one whole session. Pure: no I/O, no clock, no state, and the session stays as it is."""
