"""One owner per wasted token: what of each issue's claims counts, after the issues before it.

Issues overlap: a big file read three times is a large file and a repeated read. Every issue claims billed tokens as
(item, model call, price class, amount). Owners are served in a fixed order; a later claim on the same item in the same
call and class counts only what exceeds the earlier ones, and nothing counts beyond what that call was billed in that
class. So the total of a (call, class) is `min(bill, Σ over items of the largest claim)`: it cannot exceed the bill,
another issue can only raise it, and the order in which issues arrive cannot change it. A premium (a token that was
billed dearer than it had to be) counts on what is left after that, in dollars only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from otel_sessionopt.analyzers.claims import cost_of, premium_of
from otel_sessionopt.analyzers.issue import Basis, Claim, EfficiencyIssue, PremiumClaim
from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.session.facts.bill import Bill, bill
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
    """

    by_issue: Mapping[str, CountedWaste]
    avoidable_tokens: int
    avoidable_cost_usd: Decimal | None
    tokens_by_basis: Mapping[Basis, int]
    cost_usd_by_basis: Mapping[Basis, Decimal | None]


_Unit = tuple[str, str, PriceClass]  # item, call, class
_Account = tuple[str, PriceClass]  # call, class


class _Accounts:
    """What is already counted, per unit and per account, and by whom."""

    def __init__(self, ledger: Bill) -> None:
        self._left = {(c.event.id, kind): amount for c in ledger.calls for kind, amount in c.tokens.items()}
        self._counted: dict[_Unit, int] = {}
        self._unit_owners: dict[_Unit, set[str]] = {}
        self._account_owners: dict[_Account, set[str]] = {}

    def count(self, claim: Claim, code: str) -> tuple[int, set[str]]:
        """Tokens of the claim that count now, and who owns the rest."""
        unit = (claim.item_id, claim.call_id, claim.price_class)
        account = (claim.call_id, claim.price_class)
        before = self._counted.get(unit, 0)
        wanted = max(claim.tokens - before, 0)
        granted = min(wanted, self._left.get(account, 0))
        owners: set[str] = set()
        if before:
            owners |= self._unit_owners[unit]
        if granted < wanted:
            owners |= self._account_owners.get(account, set())
        if granted:
            self._counted[unit] = before + granted
            self._left[account] -= granted
            self._unit_owners.setdefault(unit, set()).add(code)
            self._account_owners.setdefault(account, set()).add(code)
        return granted, owners - {code}

    def count_premium(self, claim: PremiumClaim, code: str) -> tuple[int, set[str]]:
        """Tokens whose premium counts now: of those that nobody holds to be wasted as a whole."""
        account = (claim.call_id, claim.price_class)
        granted = min(claim.tokens, self._left.get(account, 0))
        owners = self._account_owners.get(account, set()) if granted < claim.tokens else set()
        if granted:
            self._left[account] -= granted
            self._account_owners.setdefault(account, set()).add(code)
        return granted, owners - {code}


def resolve_overlaps(session: Session, issues: Iterable[EfficiencyIssue]) -> WasteLedger:
    """Count the claims of all issues, each billed token once.

    Only claims count: an issue without claims adds nothing, whatever its basis. Previews and issues whose basis is
    neither measured nor estimated never count.
    """
    ledger = bill(session)
    accounts = _Accounts(ledger)
    by_issue: dict[str, CountedWaste] = {}
    tokens = dict.fromkeys(Basis, 0)
    costs: dict[Basis, Decimal | None] = dict.fromkeys(Basis, None)
    if ledger.cost_usd is not None:
        costs = dict.fromkeys(Basis, Decimal(0))
    for issue in sorted(issues, key=_owner_key):
        counted = _count(session, accounts, issue)
        by_issue[issue.id] = counted
        waste = issue.waste
        if waste is None or issue.is_preview:
            continue
        if waste.basis.counts:
            tokens[waste.basis] += counted.tokens
            costs[waste.basis] = _plus(costs[waste.basis], counted.cost_usd)
        else:
            tokens[waste.basis] = min(tokens[waste.basis] + waste.tokens, ledger.total_tokens)
            costs[waste.basis] = _capped(_plus(costs[waste.basis], waste.cost_usd), ledger.cost_usd)
    return WasteLedger(
        by_issue=MappingProxyType(by_issue),
        avoidable_tokens=tokens[Basis.MEASURED] + tokens[Basis.ESTIMATED],
        avoidable_cost_usd=_plus(costs[Basis.MEASURED], costs[Basis.ESTIMATED]),
        tokens_by_basis=MappingProxyType(tokens),
        cost_usd_by_basis=MappingProxyType(costs),
    )


def _count(session: Session, accounts: _Accounts, issue: EfficiencyIssue) -> CountedWaste:
    waste = issue.waste
    if waste is None or issue.is_preview or not waste.basis.counts:
        return CountedWaste(tokens=0, cost_usd=cost_of(session, ()))
    amounts: list[tuple[str, PriceClass, int]] = []
    owners: set[str] = set()
    for claim in _merged(waste.claims):
        granted, others = accounts.count(claim, issue.code)
        owners |= others
        if granted:
            amounts.append((claim.call_id, claim.price_class, granted))
    premiums: list[tuple[str, PriceClass, int]] = []
    for premium in waste.premiums:
        granted, others = accounts.count_premium(premium, issue.code)
        owners |= others
        if granted:
            premiums.append((premium.call_id, premium.price_class, granted))
    return CountedWaste(
        tokens=sum(amount for _, _, amount in amounts),
        cost_usd=_plus(cost_of(session, amounts), premium_of(session, premiums) if premiums else None),
        already_counted_by=tuple(sorted(owners, key=_code_key)),
    )


def _merged(claims: Iterable[Claim]) -> list[Claim]:
    """One claim a unit: within one issue, claims on the same item add up."""
    amounts: dict[_Unit, int] = {}
    for claim in claims:
        unit = (claim.item_id, claim.call_id, claim.price_class)
        amounts[unit] = amounts.get(unit, 0) + max(claim.tokens, 0)
    return [Claim(*unit, amount) for unit, amount in sorted(amounts.items())]


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
