"""`EfficiencyIssue`: what an analyzer yields, with its `Waste` and the claims behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple

from otel_sessionopt.pricing.catalog import PriceClass


class Severity(str, Enum):
    """How much an issue matters."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"


class IssueType(str, Enum):
    """Kinds of issue: the twelve of the known API and one for each further analyzer."""

    REPEATED_FILE_READ = "REPEATED_FILE_READ"
    REPEATED_SEARCH = "REPEATED_SEARCH"
    LARGE_FILE_UNCOMPRESSED = "LARGE_FILE_UNCOMPRESSED"
    EXCESSIVE_THINKING = "EXCESSIVE_THINKING"
    UNUSED_CONTEXT = "UNUSED_CONTEXT"
    FAILED_RETRY = "FAILED_RETRY"
    CIRCULAR_SEARCH = "CIRCULAR_SEARCH"
    LONG_SESSION = "LONG_SESSION"
    HIGH_ERROR_RATE = "HIGH_ERROR_RATE"
    INEFFICIENT_TOOL_USE = "INEFFICIENT_TOOL_USE"
    TOKEN_SPIKE = "TOKEN_SPIKE"
    CONTEXT_OVERFLOW = "CONTEXT_OVERFLOW"


class Basis(str, Enum):
    """How sure a waste figure is. Totals and score take the first two only."""

    MEASURED = "measured"
    ESTIMATED = "estimated"
    HEURISTIC = "heuristic"
    AT_RISK = "at_risk"
    WHAT_IF = "what_if"

    @property
    def counts(self) -> bool:
        """Whether waste of this basis enters totals and score."""
        return self in (Basis.MEASURED, Basis.ESTIMATED)


class Claim(NamedTuple):
    """A share of the bill that an issue holds to be wasted.

    Attributes:
        item_id: event whose content or output it is (a file read, a search, a failed call).
        call_id: event that was billed for it (a model call; on recordings by hand the item itself).
        price_class: how it was billed there.
        tokens: how many, > 0.
    """

    item_id: str
    call_id: str
    price_class: PriceClass
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waste:
    """Tokens and money that would not have been spent without the issue.

    Attributes:
        tokens: ≥ 0; before overlaps with other issues are resolved.
        basis: how sure.
        cost_usd: `None` when no price is known, never 0 for that.
        duration_ns: time lost, ≥ 0.
        claims: the billed units behind it; empty for heuristic, at-risk and what-if waste.
    """

    tokens: int
    basis: Basis
    cost_usd: Decimal | None = None
    duration_ns: int = 0
    claims: tuple[Claim, ...] = ()


@dataclass(slots=True)
class EfficiencyIssue:
    """One thing that wasted tokens, or may have.

    The first nine fields are the known public shape. `waste` carries the honest figures; when it is given,
    `estimated_waste_tokens` and `estimated_waste_cost` follow from it.

    Attributes:
        id: unique in a report and stable over runs: code plus a fingerprint of the thing to fix (path, tool), not of user text.
        description: what happened, one sentence, the number that matters first; hostile text from spans is masked and cut
            by the report, not here.
        suggestion: what to do, one sentence.
        events_involved: ids of the evidence events in order; the first is the necessary one that would remain.
        metadata: small facts for machines (`file_path`, `query`, `tool_name`, counts).
        code: the analyzer's id, filled in by the runner.
    """

    id: str
    issue_type: IssueType
    severity: Severity
    description: str
    suggestion: str
    estimated_waste_tokens: int = 0
    estimated_waste_cost: float | None = 0.0
    events_involved: list[str] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    waste: Waste | None = None
    code: str = ""

    def __post_init__(self) -> None:
        if self.waste is not None:
            self.estimated_waste_tokens = self.waste.tokens
            self.estimated_waste_cost = None if self.waste.cost_usd is None else float(self.waste.cost_usd)

    def to_dict(self) -> dict[str, Any]:
        """The known JSON shape plus `code` and `waste`."""
        raise NotImplementedError

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> EfficiencyIssue:
        """Read what `to_dict` wrote, or the earlier tool's shape. Raises `ValueError` or `KeyError` on anything else."""
        raise NotImplementedError
