"""One owner per wasted token: what of each issue's claims counts, after the issues before it.

Issues overlap: a big file read three times is a large file and a repeated read. Their claims are taken out of the
ledger one issue after the other, in a fixed order of owners, and each counts what its step saves beyond those before
(`replay.py`). So all that counts adds up to exactly the bill less the replay without all of them: it cannot exceed the
bill, another issue can only raise it, and the order in which issues arrive cannot change it. Premiums (tokens that were
billed dearer than they had to be) come after everything else, in the same order, on what is left.

An issue can count a little more than it does alone: what two calls in a row let enter later is put off twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from otel_sessionopt.analyzers.claim_kinds import LedgerClaim
from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue
from otel_sessionopt.analyzers.replay import Removal, Replay, Taken
from otel_sessionopt.session.facts.bill import bill
from otel_sessionopt.session.facts.ledger_amounts import usd_of, whole_tokens
from otel_sessionopt.session.model import Session

# Who owns a token that several rules claim: the first one here. Rules on one line share a rank. Rules that only cost
# dollars (a dearer price class) come after all that waste tokens. Ids without a rule yet keep their place.
OWNER_ORDER: Final[tuple[tuple[str, ...], ...]] = (
    ("duplicate-model-call",),
    ("truncated-output",),
    ("no-progress-loop",),
    ("redundant-tool-call", "repeated-file-read", "repeated-search"),
    ("failed-retry",),
    ("sub-agent-overlap",),
    ("oversized-tool-result", "large-file"),
    ("prompt-cache-break", "idle-cache-expiry", "never-cached-context"),
    ("unused-tools",),
    ("compaction-churn",),
)
_RANKS: Final = {code: rank for rank, codes in enumerate(OWNER_ORDER) for code in codes}
_LAST: Final = len(OWNER_ORDER)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedWaste:
    """What of one issue's waste enters the totals.

    Attributes:
        tokens: 0 for waste that never counts (heuristic, at risk, what-if, preview).
        cost_usd: their price; `None` when no price is known.
        already_counted_by: codes of the issues that own the rest, in the order of owners.
    """

    tokens: int
    cost_usd: Decimal | None
    already_counted_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WasteLedger:
    """Waste of a session with every token counted once.

    Attributes:
        by_issue: by issue id.
        avoidable_tokens, avoidable_cost_usd: measured + estimated; never more than the bill. The cost is `None` when
            nothing in the session is priced; it covers the priced calls.
        tokens_by_basis, cost_usd_by_basis: every basis has an entry. Measured and estimated add up to the avoidable
            totals. The others are sums of what issues say, may overlap, and are cut at the bill: never add them.
        replay: the session without all that counts.
    """

    by_issue: Mapping[str, CountedWaste]
    avoidable_tokens: int
    avoidable_cost_usd: Decimal | None
    tokens_by_basis: Mapping[Basis, int]
    cost_usd_by_basis: Mapping[Basis, Decimal | None]
    replay: Replay


def resolve_overlaps(session: Session, issues: Iterable[EfficiencyIssue]) -> WasteLedger:
    """Count the claims of all issues, each billed token once.

    Only claims count: an issue without claims adds nothing, whatever its basis. Previews and issues whose basis is
    neither measured nor estimated never count.
    """
    charged = bill(session)
    nothing = None if charged.cost_usd is None else Decimal(0)
    removal = Removal(session)
    served = sorted(issues, key=_owner_key)
    claims = [_claims_that_count(issue) for issue in served]
    taken = [removal.take_out(claimed, issue.code) for issue, claimed in zip(served, claims, strict=True)]
    read = [removal.read_from_cache(claimed, issue.code) for issue, claimed in zip(served, claims, strict=True)]
    by_issue: dict[str, CountedWaste] = {}
    tokens = dict.fromkeys(Basis, 0)
    costs: dict[Basis, Decimal | None] = dict.fromkeys(Basis, nothing)
    units = 0
    for issue, claimed, first, then in zip(served, claims, taken, read, strict=True):
        before = whole_tokens(units)
        units += sum(first.charge[:-1])
        counted = _counted(whole_tokens(units) - before, first, then, None if claimed else nothing)
        by_issue[issue.id] = counted
        waste = issue.waste
        if waste is None or issue.is_preview:
            continue
        if waste.basis.counts:
            tokens[waste.basis] += counted.tokens
            costs[waste.basis] = _plus(costs[waste.basis], counted.cost_usd)
        else:
            tokens[waste.basis] = min(tokens[waste.basis] + waste.tokens, charged.total_tokens)
            costs[waste.basis] = _capped(_plus(costs[waste.basis], waste.cost_usd), charged.cost_usd)
    return WasteLedger(
        by_issue=MappingProxyType(by_issue),
        avoidable_tokens=tokens[Basis.MEASURED] + tokens[Basis.ESTIMATED],
        avoidable_cost_usd=_plus(costs[Basis.MEASURED], costs[Basis.ESTIMATED]),
        tokens_by_basis=MappingProxyType(tokens),
        cost_usd_by_basis=MappingProxyType(costs),
        replay=removal.replay(),
    )


def _claims_that_count(issue: EfficiencyIssue) -> tuple[LedgerClaim, ...]:
    waste = issue.waste
    return () if waste is None or issue.is_preview or not waste.basis.counts else waste.claims


def _counted(tokens: int, taken: Taken, read: Taken, nothing: Decimal | None) -> CountedWaste:
    is_priced = taken.is_priced or read.is_priced
    return CountedWaste(
        tokens=tokens,
        cost_usd=usd_of(taken.charge[-1] + read.charge[-1]) if is_priced else nothing,
        already_counted_by=tuple(sorted(taken.owners | read.owners, key=_code_key)),
    )


def _owner_key(issue: EfficiencyIssue) -> tuple[int, str, str]:
    return (*_code_key(issue.code), issue.id)


def _code_key(code: str) -> tuple[int, str]:
    return (_RANKS.get(code, _LAST), code)


def _plus(left: Decimal | None, right: Decimal | None) -> Decimal | None:
    if left is None or right is None:
        return left if right is None else right
    return left + right


def _capped(amount: Decimal | None, limit: Decimal | None) -> Decimal | None:
    return amount if amount is None or limit is None else min(amount, limit)
