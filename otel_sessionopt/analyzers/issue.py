"""`EfficiencyIssue`: what an analyzer yields, with its `Waste` and the claims behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import Enum
from hashlib import blake2b
from math import isfinite
from typing import Any

from otel_sessionopt.analyzers.claim_kinds import LedgerClaim, PremiumClaim, claim_from_dict, claim_to_dict


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
    PROMPT_CACHE_BREAK = "PROMPT_CACHE_BREAK"
    IDLE_CACHE_EXPIRY = "IDLE_CACHE_EXPIRY"
    NEVER_CACHED_CONTEXT = "NEVER_CACHED_CONTEXT"
    OVERSIZED_TOOL_RESULT = "OVERSIZED_TOOL_RESULT"
    REDUNDANT_TOOL_CALL = "REDUNDANT_TOOL_CALL"
    NO_PROGRESS_LOOP = "NO_PROGRESS_LOOP"
    DUPLICATE_MODEL_CALL = "DUPLICATE_MODEL_CALL"
    TRUNCATED_OUTPUT = "TRUNCATED_OUTPUT"
    COMPACTION_CHURN = "COMPACTION_CHURN"
    SUB_AGENT_OVERLAP = "SUB_AGENT_OVERLAP"
    UNUSED_TOOLS = "UNUSED_TOOLS"
    SIDE_REQUEST_OVERHEAD = "SIDE_REQUEST_OVERHEAD"
    SERIAL_TOOL_CALLS = "SERIAL_TOOL_CALLS"
    MODEL_OVERPROVISION = "MODEL_OVERPROVISION"
    ABANDONED_RUN = "ABANDONED_RUN"
    EDIT_CHURN = "EDIT_CHURN"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Waste:
    """Tokens and money that would not have been spent without the issue.

    Attributes:
        tokens: ≥ 0; before overlaps with other issues are resolved.
        basis: how sure.
        cost_usd: `None` when no price is known, never 0 for that.
        duration_ns: time lost, ≥ 0.
        ledger_claims: what was in vain, as the context ledger has it: content, model calls, output. Empty for
            heuristic, at-risk and what-if waste.
        premiums: billed units that were dearer than they had to be; they add dollars and no tokens.
    """

    tokens: int
    basis: Basis
    cost_usd: Decimal | None = None
    duration_ns: int = 0
    premiums: tuple[PremiumClaim, ...] = ()
    ledger_claims: tuple[LedgerClaim, ...] = ()

    @property
    def claims(self) -> tuple[LedgerClaim, ...]:
        """Everything that the issue claims on the ledger."""
        return (*self.ledger_claims, *self.premiums)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; money as a float, `None` when unpriced."""
        return {
            "tokens": self.tokens,
            "basis": self.basis.value,
            "cost_usd": None if self.cost_usd is None else float(self.cost_usd),
            "duration_ns": self.duration_ns,
            "claims": [claim_to_dict(claim) for claim in self.claims],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Waste:
        """Read what `to_dict` wrote. Raises `ValueError` on a wrong value, `KeyError` on a missing key."""
        cost = data.get("cost_usd")
        claims = [claim_from_dict(claim) for claim in data.get("claims", ())]
        return cls(
            tokens=_whole(data["tokens"], "waste.tokens"),
            basis=Basis(data["basis"]),
            cost_usd=None if cost is None else _money(cost, "waste.cost_usd"),
            duration_ns=_whole(data.get("duration_ns", 0), "waste.duration_ns"),
            premiums=tuple(claim for claim in claims if isinstance(claim, PremiumClaim)),
            ledger_claims=tuple(claim for claim in claims if not isinstance(claim, PremiumClaim)),
        )


@dataclass(slots=True)
class EfficiencyIssue:
    """One thing that wasted tokens, or may have.

    The first nine fields are the known public shape. `waste` carries the honest figures; when it is given,
    `estimated_waste_tokens` and `estimated_waste_cost` follow from it.

    Attributes:
        id: unique in a report and stable over runs: code plus a fingerprint of the thing to fix (path, tool), not of
            user text.
        description: what happened, one sentence, the number that matters first; hostile text from spans is masked and
            cut by the report, not here.
        suggestion: what to do, one sentence.
        events_involved: ids of the evidence events in order; the first is the necessary one that would remain.
        metadata: small facts for machines (`file_path`, `query`, `tool_name`, counts).
        code: the analyzer's id, filled in by the runner.
        is_preview: the rule is a preview: listed, never in totals or score; filled in by the runner.
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
    is_preview: bool = False

    def __post_init__(self) -> None:
        if self.waste is not None:
            self.estimated_waste_tokens = self.waste.tokens
            self.estimated_waste_cost = None if self.waste.cost_usd is None else float(self.waste.cost_usd)

    def to_dict(self) -> dict[str, Any]:
        """The known JSON shape plus `code` and `waste` (`None` without one); `is_preview` only where it is true."""
        shape: dict[str, Any] = {
            "id": self.id,
            "issue_type": self.issue_type.value,
            "severity": self.severity.value,
            "description": self.description,
            "suggestion": self.suggestion,
            "estimated_waste_tokens": self.estimated_waste_tokens,
            "estimated_waste_cost": self.estimated_waste_cost,
            "events_involved": list(self.events_involved),
            "metadata": dict(self.metadata),
            "code": self.code,
            "waste": None if self.waste is None else self.waste.to_dict(),
        }
        if self.is_preview:
            shape["is_preview"] = True
        return shape

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> EfficiencyIssue:
        """Read what `to_dict` wrote, or the earlier tool's shape. Raises `ValueError` or `KeyError` on anything else.

        Unknown keys are ignored: a report of a later version stays readable.
        """
        events = data.get("events_involved", [])
        if not isinstance(events, (list, tuple)):
            raise ValueError(f"events_involved is {type(events).__name__}; a list of event ids is wanted")
        metadata = data.get("metadata") or {}
        if not isinstance(metadata, Mapping):
            raise ValueError(f"metadata is {type(metadata).__name__}; a mapping is wanted")
        cost = data.get("estimated_waste_cost", 0.0)
        waste = data.get("waste")
        if waste is not None and not isinstance(waste, Mapping):
            raise ValueError(f"waste is {type(waste).__name__}; a mapping is wanted")
        return cls(
            id=str(data["id"]),
            issue_type=IssueType(data["issue_type"]),
            severity=Severity(data["severity"]),
            description=str(data["description"]),
            suggestion=str(data["suggestion"]),
            estimated_waste_tokens=_whole(data.get("estimated_waste_tokens", 0), "estimated_waste_tokens"),
            estimated_waste_cost=None if cost is None else float(_money(cost, "estimated_waste_cost")),
            events_involved=[str(event) for event in events],
            metadata=dict(metadata),
            waste=None if waste is None else Waste.from_dict(waste),
            code=str(data.get("code", "")),
            is_preview=data.get("is_preview") is True,
        )


def issue_id(code: str, *thing: str) -> str:
    """Id of an issue: the code and eight hex digits of the thing to fix (context, path, tool), stable over runs."""
    # The separator keeps ("a", "bc") and ("ab", "c") apart; no id, path or tool name contains it.
    return f"{code}-{blake2b(chr(31).join(thing).encode('utf-8', 'surrogatepass'), digest_size=4).hexdigest()}"


def _whole(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        raise ValueError(f"{name} is {value!r}; a whole number is wanted")
    return int(value)


def _money(value: object, name: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"{name} is {type(value).__name__}; an amount is wanted")
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{name} is {value!r}; an amount is wanted") from None
    if not amount.is_finite():
        raise ValueError(f"{name} is {value!r}; a finite amount is wanted")
    return amount
