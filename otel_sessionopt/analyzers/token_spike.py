"""Rule `token-spike`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

from otel_sessionopt.analyzers.base import AnalyzerMeta, BaseAnalyzer, Category, Fact, threshold
from otel_sessionopt.analyzers.costs import cost_of
from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue, IssueType, Severity, Waste, issue_id
from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.session.events import UNATTRIBUTED
from otel_sessionopt.session.facts.bill import CallBill, bill
from otel_sessionopt.session.model import Session

# Three calls say what a session's usual call is; with fewer there is no usual one.
_MIN_CALLS: Final = 3
_INPUT: Final = PriceClass.INPUT
_OUTPUT: Final = PriceClass.OUTPUT
_NEW_CLASSES: Final = (_INPUT, _OUTPUT)


class _Sized(NamedTuple):
    """A billed call and its new tokens: uncached input and output."""

    call: CallBill
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSpikeAnalyzer(BaseAnalyzer):
    """Finds model calls with far more new tokens than the session's usual call.

    ## Why it matters

    One call that stands out often carries something by accident: a pasted log, a dumped file, an answer that rewrote a
    whole document, a prompt that fell out of the cache.

    ## How it is detected

    New tokens of a model call, which are its uncached input and its output, over `factor` × the mean of all
    token-bearing calls of the session, itself included; at least 3 such calls. On spans only from `min_new_tokens` on:
    where nearly everything is cached the mean is some hundred tokens, and an ordinary answer is several times that.

    ## How waste is estimated

    What is over `kept_factor` × the mean, at the prices of the call. `heuristic`: whether the tokens were needed is not
    in the trace, so it claims nothing and never enters totals or score.

    ## When it stays silent

    - Cached input, read or written: a growing prompt is no spike.
    - Totals that an agent or workflow span repeats or adds, and embeddings.
    - Sessions with fewer than 3 token-bearing calls.

    ## What to do

    Look at what entered the prompt right before the call, or at the answer it gave: send a file path instead of the
    content, ask for a change instead of a whole file.

    ## Sources

    - 44 published Claude Code sessions: without the floor of 2,000 new tokens 38 of them have a spike, with it 8.
    - The factors of 3 and 1.5 are those of the tool that this project succeeds.
    """

    meta: ClassVar[AnalyzerMeta] = AnalyzerMeta(
        id="token-spike",
        title="Token spike",
        category=Category.CONTEXT,
        severity=Severity.MEDIUM,
        requires=frozenset({Fact.USAGE}),
    )

    factor: float = threshold(
        3.0, unit="× mean", ge=1.0, le=1000.0, doc="Multiple of the mean new tokens over which a call is a spike."
    )
    kept_factor: float = threshold(
        1.5, unit="× mean", ge=0.0, le=1000.0, doc="Multiple of the mean that a spike may have without being waste."
    )
    min_new_tokens: int = threshold(
        2_000, unit="tokens", ge=0, le=10_000_000, doc="New tokens from which a call on a span can be a spike at all."
    )

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        """At most one issue a session, with its spikes in order."""
        charged = bill(session).calls
        large = [call for call in charged if _new_tokens(call) >= self.min_new_tokens or not call.event.context]
        if not large:
            return
        calls = [sized for call in charged if (sized := _sized(call)).tokens > 0 and _is_one_call(call)]
        if len(calls) < _MIN_CALLS:
            return
        mean = sum(sized.tokens for sized in calls) / len(calls)
        spikes = [sized for sized in calls if sized.tokens > self.factor * mean and self._is_large(sized)]
        if spikes:
            yield self._issue(session, spikes, mean)

    def _is_large(self, sized: _Sized) -> bool:
        is_recorded = not sized.call.event.context
        return is_recorded or sized.tokens >= self.min_new_tokens

    def _issue(self, session: Session, spikes: Sequence[_Sized], mean: float) -> EfficiencyIssue:
        largest = max(sized.tokens for sized in spikes)
        calls = "1 call" if len(spikes) == 1 else f"{len(spikes)} calls"
        return EfficiencyIssue(
            id=issue_id(self.meta.id, session.agent),
            issue_type=IssueType.TOKEN_SPIKE,
            severity=Severity.MEDIUM,
            description=(
                f"{calls} had more than {self.factor:g} × the mean of {mean:,.0f} new tokens "
                f"(the largest {largest:,}, {largest / mean:.1f} ×)."
            ),
            suggestion="Look at what entered the prompt before the spike; pass a path or range, not whole content.",
            events_involved=[sized.call.event.id for sized in spikes],
            metadata={
                "mean_new_tokens": round(mean, 1),
                "spikes": [{"event_id": sized.call.event.id, "new_tokens": sized.tokens} for sized in spikes],
            },
            waste=self._waste(session, spikes, mean),
        )

    def _waste(self, session: Session, spikes: Sequence[_Sized], mean: float) -> Waste:
        excess = [max(sized.tokens - self.kept_factor * mean, 0.0) for sized in spikes]
        return Waste(
            tokens=round(sum(excess)),
            basis=Basis.HEURISTIC,
            cost_usd=cost_of(session, _shares(zip(spikes, excess, strict=True))),
        )


def _is_one_call(call: CallBill) -> bool:
    """Whether it is one prompt and its answer: a container's rest is a sum, an embedding is a batch."""
    data = call.event.data
    return not data.get(UNATTRIBUTED) and data.get("operation") != "embedding"


def _sized(call: CallBill) -> _Sized:
    return _Sized(call, _new_tokens(call))


def _new_tokens(call: CallBill) -> int:
    return call.tokens[_INPUT] + call.tokens[_OUTPUT]


def _shares(excesses: Iterable[tuple[_Sized, float]]) -> Iterator[tuple[str, PriceClass, float]]:
    """The excess of each spike, in the mix of classes that the call has."""
    for sized, excess in excesses:
        for price_class in _NEW_CLASSES:
            if amount := sized.call.tokens[price_class]:
                yield sized.call.event.id, price_class, excess * amount / sized.tokens
