"""`replay`: a session as it would have been billed without some issues.

It is no estimate of its own: what is claimed is taken out of the context ledger, and the rest is what remains. So waste
is the bill less the replay, to the last digit, for one issue as for all together.

What "without" means:
- Content claimed (`ItemClaim`) is not billed where it entered, nor in any later call. Of several claims on one item the
  largest counts.
- A call claimed (`CallClaim`) is not billed at all. What was new in it and is not claimed enters with the next call of
  the conversation that stays, at the price it entered at; after the last one nobody pays for it. What it had to send
  anew because the cache had lost it, that next one has to: the cache stays lost.
- Output claimed (`OutputClaim`) is not generated.
- A premium (`PremiumClaim`) comes last: of what then is left of that call and price class, so many tokens are cache
  reads. They stay on the bill.

By price class a replay is a net amount over the session: a class is never below zero after it. Only cache reads can be
more than before, where premiums make them of something dearer. One more claim never makes the whole dearer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_sessionopt.analyzers.claim_kinds import CallClaim, ItemClaim, LedgerClaim, OutputClaim, PremiumClaim
from otel_sessionopt.analyzers.context_removal import ContextRemoval
from otel_sessionopt.analyzers.packed_charges import packed_charges
from otel_sessionopt.session.events import UNATTRIBUTED
from otel_sessionopt.session.facts.bill import bill
from otel_sessionopt.session.facts.ledger import ledger
from otel_sessionopt.session.facts.ledger_amounts import NO_CHARGE, Billing, Charge, total_billing
from otel_sessionopt.session.model import EventType

if TYPE_CHECKING:
    from otel_sessionopt.analyzers.issue import EfficiencyIssue
    from otel_sessionopt.analyzers.packed_charges import PackedCharges
    from otel_sessionopt.session.facts.ledger_context import ContextLedger
    from otel_sessionopt.session.model import Session, SessionEvent

_NOBODY: Final = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A session with and without some issues.

    Attributes:
        before: the whole bill.
        after: what of it remains.
        calls_before, calls_after: billed model calls.
    """

    before: Billing
    after: Billing
    calls_before: int
    calls_after: int

    @property
    def waste(self) -> Billing:
        """The difference, exactly. Cache reads may be negative in it."""
        return self.before - self.after


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one step of a removal saved.

    Attributes:
        charge: token units by price class, and money units.
        is_priced: one of the calls concerned has a price.
        owners: who had taken parts of it before.
    """

    charge: Charge = NO_CHARGE
    is_priced: bool = False
    owners: frozenset[str] = frozenset()


def replay(session: Session, issues: Iterable[EfficiencyIssue]) -> Replay:
    """The session without these issues, whatever their basis. An issue without claims changes nothing.

    Their order does not matter. A claim on something that the session does not have changes nothing either.
    """
    removal = Removal(session)
    claims = [issue.waste.claims for issue in issues if issue.waste is not None]
    for each in claims:
        removal.take_out(each)
    for each in claims:
        removal.read_from_cache(each)
    return removal.replay()


class Removal:
    """A session with claims taken out of it, one set after the other.

    Each step costs what its own claims cost, however many came before.
    """

    def __init__(self, session: Session) -> None:
        self._bill = bill(session)
        self._book = ledger(session)
        self._charges = packed_charges(session)
        self._contexts: dict[str, ContextRemoval] = {}

    def take_out(self, claims: Iterable[LedgerClaim], owner: str = _NOBODY) -> Taken:
        """Take out what one issue claims, all but premiums; what that saves beyond the steps before."""
        items: dict[str, int] = {}
        outputs: dict[str, int] = {}
        book, step = self._book, _Step(self._contexts, self._charges)
        for claim in claims:
            if isinstance(claim, ItemClaim):
                item_id, tokens = claim
                if tokens > items.get(item_id, 0):
                    items[item_id] = tokens
            elif isinstance(claim, OutputClaim):
                outputs[claim.call_id] = outputs.get(claim.call_id, 0) + max(claim.tokens, 0)
            elif isinstance(claim, CallClaim) and (found := book.find_call(claim.call_id)) is not None:
                context, index = found
                step.enter(context, index, index + 1).remove_call(index, owner)
        for item_id, tokens in items.items():
            found = book.find_place(item_id)
            if found is not None:
                context, row = found
                table = context.table
                step.enter(context, table.entries[row], table.ends[row]).remove_tokens(row, tokens, owner)
        for call_id, tokens in outputs.items():
            if tokens and (found := book.find_call(call_id)) is not None:
                context, index = found
                step.enter(context, index, index + 1).remove_output(index, tokens, owner)
        return step.taken(owner)

    def read_from_cache(self, claims: Iterable[LedgerClaim], owner: str = _NOBODY) -> Taken:
        """Apply the premiums that one issue claims. Has to come after everything that is taken out."""
        step = _Step(self._contexts, self._charges)
        for claim in claims:
            if isinstance(claim, PremiumClaim) and claim.tokens > 0:
                found = self._book.find_call(claim.call_id)
                if found is not None:
                    context, index = found
                    removal = step.enter(context, index, index + 1)
                    removal.read_from_cache(index, claim.price_class, claim.tokens, owner)
        return step.taken(owner)

    def replay(self) -> Replay:
        """The session without all that was taken out so far."""
        charged = self._bill
        before = total_billing(charged.tokens, charged.cost_usd)
        calls_before = sum(_is_model_call(call.event) for call in charged.calls)
        saved, calls_removed = NO_CHARGE, 0
        for context, removal in self._contexts.items():
            saved = _plus(saved, self._charges[context].unpack(removal.saved))
            calls_removed += sum(_is_model_call(event) for event in removal.removed_events())
        a, b, c, d, e, money = saved
        return Replay(
            before=before,
            after=before - Billing((a, b, c, d, e), money),
            calls_before=calls_before,
            calls_after=calls_before - calls_removed,
        )


class _Step:
    """What one step does in all the contexts that it concerns."""

    def __init__(self, contexts: dict[str, ContextRemoval], charges: Mapping[str, PackedCharges]) -> None:
        self._contexts = contexts
        self._charges = charges
        self._before: dict[str, tuple[ContextRemoval, int]] = {}
        self._is_priced = False

    def enter(self, context: ContextLedger, first: int, stop: int) -> ContextRemoval:
        """The context, with what it had saved before noted, and whether one of these calls has a price."""
        if not self._is_priced:
            priced = context.charges.priced
            self._is_priced = priced[stop] > priced[first]
        name = context.context
        entered = self._before.get(name)
        if entered is not None:
            return entered[0]
        removal = self._contexts.get(name)
        if removal is None:
            removal = self._contexts[name] = ContextRemoval(context, self._charges[name])
        removal.owners.clear()
        self._before[name] = (removal, removal.saved)
        return removal

    def taken(self, owner: str) -> Taken:
        """What it saved in all."""
        total, owners = NO_CHARGE, set[str]()
        for context, (removal, before) in self._before.items():
            total = _plus(total, self._charges[context].unpack(removal.saved - before))
            owners |= removal.owners
        # Taking out an unpriced call can change what the next one is billed, which has a price.
        is_priced = self._is_priced or total[-1] != 0
        return Taken(charge=total, is_priced=is_priced, owners=frozenset(owners - {owner}))


def _plus(left: Charge, right: Charge) -> Charge:
    a, b, c, d, e, money = left
    return (a + right[0], b + right[1], c + right[2], d + right[3], e + right[4], money + right[5])


def _is_model_call(event: SessionEvent) -> bool:
    # What a container states beyond its calls is billed, and is no call.
    return event.event_type is EventType.AI_RESPONSE and UNATTRIBUTED not in event.data
