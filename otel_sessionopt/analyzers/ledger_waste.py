"""What the claims of one issue come to: the bill as it is, less the bill without what they claim."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from otel_sessionopt.analyzers.claim_kinds import LedgerClaim, PremiumClaim
from otel_sessionopt.analyzers.issue import Basis, Waste
from otel_sessionopt.analyzers.replay import Removal
from otel_sessionopt.session.facts.bill import bill
from otel_sessionopt.session.facts.ledger_amounts import usd_of, whole_tokens
from otel_sessionopt.session.model import Session


def ledger_waste(session: Session, claims: Iterable[LedgerClaim], basis: Basis) -> Waste:
    """Waste of what is claimed, each billed token once, before overlaps with other issues are resolved.

    The same arithmetic as that of all issues together (`replay.py`). Claims on what the session does not have come to
    nothing. The cost is `None` where no call concerned has a price.
    """
    kept = tuple(claims)
    removal = Removal(session)
    taken, read = removal.take_out(kept), removal.read_from_cache(kept)
    cost_usd = None
    if taken.is_priced or read.is_priced:
        cost_usd = usd_of(taken.charge[-1] + read.charge[-1])
    elif not kept and bill(session).cost_usd is not None:
        cost_usd = Decimal(0)
    premiums = tuple([claim for claim in kept if isinstance(claim, PremiumClaim)])
    return Waste(
        tokens=whole_tokens(sum(taken.charge[:-1])),
        basis=basis,
        cost_usd=cost_usd,
        ledger_claims=tuple([claim for claim in kept if not isinstance(claim, PremiumClaim)]) if premiums else kept,
        premiums=premiums,
    )
