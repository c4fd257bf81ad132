"""Rule `never-cached-context`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import ClassVar, Final, NamedTuple

from otel_sessionopt.analyzers.base import AnalyzerMeta, BaseAnalyzer, Category, Fact, threshold
from otel_sessionopt.analyzers.cache_support import least_prefix
from otel_sessionopt.analyzers.claim_kinds import PremiumClaim
from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue, IssueType, Severity, Waste, issue_id
from otel_sessionopt.analyzers.premiums import severity_of
from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.session.facts.bill import bill
from otel_sessionopt.session.facts.cache import USUAL_LIFE_NS, conversation_rows
from otel_sessionopt.session.facts.ledger import ledger
from otel_sessionopt.session.facts.ledger_amounts import CLASSES
from otel_sessionopt.session.facts.ledger_context import ContextLedger
from otel_sessionopt.session.model import Session, SessionEvent

# A prompt below this share of the one before is another one, as in `prompt-cache-break`.
_KEPT_RATIO: Final = 0.8
# The share of steps in which the prompt has to grow. Conversations grow nearly always, prompts about different things
# every other time.
_GROWING_RATIO: Final = 0.8


_INPUT: Final = CLASSES.index(PriceClass.INPUT)
_READ: Final = CLASSES.index(PriceClass.CACHE_READ)
_WRITE: Final = CLASSES.index(PriceClass.CACHE_WRITE)


class _Saving(NamedTuple):
    """What a cache would have saved in a row of calls: claims on the rereads, less what it costs to write it once."""

    claims: tuple[PremiumClaim, ...]
    cost_usd: Decimal | None
    prefix_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NeverCachedContextAnalyzer(BaseAnalyzer):
    """Finds conversations whose growing prompt was billed in full in every call, with no cache at all.

    ## Why it matters

    Each call sends all that was said before. Read from a cache that costs a tenth; without one, a conversation of 30
    calls pays for its beginning 30 times.

    ## How it is detected

    `min_calls` calls of one context and model without a token read from or written to a cache, though the provider has
    one for prompts of this length, and prompts that grow from call to call as a conversation does. At providers that
    cache by themselves only where another call of the session shows that cache reads are recorded at all. `HIGH` from
    `high_ratio` of the session's cost and $0.50, `MEDIUM` from `medium_ratio` and $0.10.

    ## How waste is estimated

    In every call after the first, the prompt of the call before × (input price − cache-read price), less the price of
    writing everything once. `estimated`, and the most it can be: the numbers do not prove that the prefixes are equal.
    After a pause longer than five minutes nothing would have been read, and the prompt would have been written again.

    ## When it stays silent

    - A single token read from or written to a cache: then `prompt-cache-break` judges.
    - Prompts that do not grow: questions of their own behind one instruction, chunks of a text.
    - Prefixes that are too short for the model, unknown models, providers without a cache.
    - Fewer than `min_calls` calls, embeddings, side requests.

    ## What to do

    Mark the end of the prompt for caching (`cache_control`), or find what at its beginning changes in every call.

    ## Sources

    - for-all-dev/git-history-evals#188: 281M uncached tokens, about $10 a minute; tembo/agent-studio#124: a static
      prefix of 30,000 tokens billed 11 times.
    - Prompt caching saves 41–80 % of cost (arXiv 2601.06007).
    - Minimum lengths: Anthropic and OpenAI, "Prompt caching"; Google, "Implicit caching".
    """

    meta: ClassVar[AnalyzerMeta] = AnalyzerMeta(
        id="never-cached-context",
        title="Never cached context",
        category=Category.CONTEXT,
        severity=Severity.MEDIUM,
        requires=frozenset({Fact.USAGE}),
    )

    min_calls: int = threshold(
        5, unit="calls", ge=2, le=10_000, doc="Calls of one context and model from which caching is worth it."
    )
    min_prefix_tokens: int = threshold(
        1_024, unit="tokens", ge=1_024, le=10_000_000, doc="Shortest prefix that counts; some models want more."
    )
    medium_ratio: float = threshold(
        0.05, unit="ratio", ge=0.0, le=1.0, doc="Share of the session's cost from which it is MEDIUM."
    )
    high_ratio: float = threshold(
        0.15, unit="ratio", ge=0.0, le=1.0, doc="Share of the session's cost from which it is HIGH."
    )

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        """One issue per context and model."""
        recorded = {call.event.provider for call in bill(session).calls if call.event.cache_read_tokens}
        for context in ledger(session).contexts:
            for row in conversation_rows(context).values():
                least = least_prefix(context.calls[row[0]].event, recorded)
                if least is not None and len(row) >= self.min_calls and _is_uncached_conversation(context, row):
                    saving = _saving(context, row, max(least, self.min_prefix_tokens))
                    if saving.claims:
                        yield self._issue(session, [context.calls[index].event for index in row], saving)

    def _issue(self, session: Session, calls: Sequence[SessionEvent], saving: _Saving) -> EfficiencyIssue:
        first = calls[0]
        return EfficiencyIssue(
            id=issue_id(self.meta.id, first.context, first.model or ""),
            issue_type=IssueType.NEVER_CACHED_CONTEXT,
            severity=severity_of(session, saving.cost_usd, medium_ratio=self.medium_ratio, high_ratio=self.high_ratio),
            description=(
                f"{len(calls)} calls sent up to {saving.prefix_tokens:,} tokens that had been sent before, "
                "none of them from a cache."
            ),
            suggestion="Mark the prompt for caching, or find what at its beginning changes in every call.",
            events_involved=[call.id for call in calls],
            metadata={
                "agent": first.agent or "",
                "model": first.model or "",
                "calls": len(calls),
                "resent_tokens": saving.prefix_tokens,
            },
            waste=Waste(tokens=0, basis=Basis.ESTIMATED, cost_usd=saving.cost_usd, premiums=saving.claims),
        )


def _is_uncached_conversation(context: ContextLedger, row: Sequence[int]) -> bool:
    events = [context.calls[index].event for index in row]
    if any(event.cache_read_tokens or event.cache_write_tokens for event in events):
        return False
    growing = sum(context.sizes[b] > context.sizes[a] for a, b in pairwise(row))
    return growing >= _GROWING_RATIO * (len(row) - 1)


def _saving(context: ContextLedger, row: Sequence[int], least: int) -> _Saving:
    """What reading instead of sending would have saved, less what writing costs, which is taken off the first claims.

    Calls are named by their index; those whose cache reads are not known to be cheaper are left out.
    """
    written = 0  # price of writing, beyond that of input, in rate units
    wanted: list[tuple[int, int, int]] = []
    for before, index in _steps(context, row):
        rates = context.charges.rates[index]
        is_priced = context.calls[index].cost_usd is not None
        gain = rates[_INPUT] - rates[_READ] if is_priced else 0
        if is_priced and gain <= 0:
            continue
        size = context.sizes[index]
        prefix = 0 if before is None else min(context.sizes[before], size)
        if prefix >= least:
            wanted.append((index, prefix, gain))
        written += (size - prefix if prefix >= least else size) * max(rates[_WRITE] - rates[_INPUT], 0)
    saved = 0
    claims: list[PremiumClaim] = []
    for index, prefix, gain in wanted:
        unsaved = min(prefix, -(-written // gain)) if gain else 0
        written = max(written - unsaved * gain, 0)
        saved += (prefix - unsaved) * gain
        if prefix > unsaved:
            claims.append(PremiumClaim(context.calls[index].event.id, PriceClass.INPUT, prefix - unsaved))
    return _Saving(
        tuple(claims),
        Decimal(f"{saved}E-18") if any(gain for _, _, gain in wanted) else None,
        sum(prefix for _, prefix, _ in wanted),
    )


def _steps(context: ContextLedger, row: Sequence[int]) -> Iterator[tuple[int | None, int]]:
    """Each call with the one before it, where a cache would have kept that one's prompt."""
    before: int | None = None
    for index in row:
        if before is not None:
            gap_ns = (context.calls[index].event.start_ns or 0) - (context.calls[before].event.start_ns or 0)
            if gap_ns > USUAL_LIFE_NS or context.sizes[index] < _KEPT_RATIO * context.sizes[before]:
                before = None
        yield before, index
        before = index
