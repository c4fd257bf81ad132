"""Rule `serial-tool-calls`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

from otel_sessionopt.analyzers.base import AnalyzerMeta, BaseAnalyzer, Category, Fact, threshold
from otel_sessionopt.analyzers.costs import cost_of
from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue, IssueType, Severity, Waste, issue_id
from otel_sessionopt.dialects.result_words import occurs
from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.session.facts.bill import CallBill
from otel_sessionopt.session.facts.continuity import CallRow, call_rows
from otel_sessionopt.session.facts.requests import requests
from otel_sessionopt.session.model import EventType, Session, SessionEvent

# What a model says along with a tool call. A longer text draws a conclusion from what came before.
_REMARK_TOKENS: Final = 120
# What a prompt that was sent before is billed as: a cache read, or input where nothing is cached. What was written to
# the cache is new, or belongs to the rules about caches.
_RESENT_CLASSES: Final = (PriceClass.CACHE_READ, PriceClass.INPUT)


_WORD: Final = re.compile(r"\w+")
# "No matches found", an empty file: what comes next is another try.
_FOUND_CHARS: Final = 100


class _Look(NamedTuple):
    """A model call that asked for one read or search, and nothing else.

    Attributes:
        place: of the call in its row.
        paths: files that it read.
        query: what it searched for; `None` for a read.
    """

    place: int
    call: CallBill
    event: SessionEvent
    paths: tuple[str, ...]
    query: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialToolCallsAnalyzer(BaseAnalyzer):
    """Finds files read and searches made one by one that could have been asked for together.

    ## Why it matters

    Each model call sends the whole prompt again. Four reads asked for by one call cost one prompt, asked for one by one
    they cost four.

    ## How it is detected

    Model calls in a row that each asked for one successful read or search, where nothing of what is asked for occurs in
    the results since the first of them: not the name of the file, not a word of the query. Rows of `min_calls` or more
    are told.

    ## How waste is estimated

    What all calls of a row but the first sent again: the prompt of the call before, at the price of cache reads (or of
    input, where nothing is cached). `what_if`: what the model knew when it asked is not in the trace. It claims nothing
    and never enters totals or score. The time that would be saved is not judged.

    ## When it stays silent

    - The name of a file, or all words of it, occur in an earlier result of the row; so does any word of a query.
    - Other lines of the same file, words of an earlier query of the row, reads that failed, searches that found
      nothing: what came back decided what to ask next.
    - Long results, names in other scripts and results that were not recorded: they may contain anything.
    - Calls that asked for several tools, or said more than a remark; a person's message or a compaction in between.
    - Other tools than reads and searches.

    ## What to do

    Tell the agent to ask for all files that it knows it needs in one turn.

    ## Sources

    - NousResearch/hermes-agent#77291: 13.3 % of 81,392 turns could have been sent with the one before.
    """

    meta: ClassVar[AnalyzerMeta] = AnalyzerMeta(
        id="serial-tool-calls",
        title="Serial tool calls",
        category=Category.CONTEXT,
        severity=Severity.LOW,
        requires=frozenset({Fact.USAGE, Fact.TOOL_CALLS, Fact.TOOL_ARGUMENTS, Fact.TOOL_SIZES}),
    )

    min_calls: int = threshold(
        3, unit="calls", ge=2, le=1000, doc="Calls of a row before it is told; two may have been a second thought."
    )

    def analyze(self, session: Session) -> Iterable[EfficiencyIssue]:
        """One issue per context."""
        for context, row in call_rows(session).items():
            found = [group for group in _groups(session, row, self.min_calls) if len(group) >= self.min_calls]
            if found:
                yield self._issue(session, context, row, found)

    def _issue(
        self, session: Session, context: str, row: CallRow, groups: Sequence[Sequence[_Look]]
    ) -> EfficiencyIssue:
        late = [look for group in groups for look in group[1:]]
        amounts = [amount for look in late for amount in _resent(row, look)]
        longest = max(len(group) for group in groups)
        rows = "one row" if len(groups) == 1 else f"{len(groups)} rows"
        return EfficiencyIssue(
            id=issue_id(self.meta.id, context),
            issue_type=IssueType.SERIAL_TOOL_CALLS,
            severity=Severity.LOW,
            description=(
                f"{len(late) + len(groups)} reads and searches in {rows} of up to {longest} were asked for one by one, "
                "though none named what the one before had found."
            ),
            suggestion="Ask for all files that are known to be needed in one turn.",
            events_involved=[look.event.id for group in groups for look in group],
            metadata={"rows": len(groups), "longest_row": longest, "calls_to_spare": len(late)},
            waste=Waste(
                tokens=sum(tokens for _, _, tokens in amounts),
                basis=Basis.WHAT_IF,
                cost_usd=cost_of(session, amounts),
            ),
        )


def _groups(session: Session, row: CallRow, least: int) -> Iterator[list[_Look]]:
    """Looks in a row of which none needed an earlier one, as far as the words of the results tell.

    Where fewer than `least` calls in a row look at something, there is nothing to tell by words.
    """
    for looks in _looks_in_a_row(session, row):
        if len(looks) < least:
            continue
        group = looks[:1]
        for look in looks[1:]:
            if row.step(look.place - 1).is_of_agent and _is_free(look, group):
                group.append(look)
            else:
                yield group
                group = [look]
        yield group


def _looks_in_a_row(session: Session, row: CallRow) -> Iterator[list[_Look]]:
    events_of = requests(session).events_of
    looks: list[_Look] = []
    for index, call in enumerate(row.calls):
        look = _look(events_of.get(call.event.id, ()), index, call)
        if look is not None:
            looks.append(look)
        elif looks:
            yield looks
            looks = []
    if looks:
        yield looks


def _look(asked: Sequence[SessionEvent], index: int, call: CallBill) -> _Look | None:
    if len(asked) != 1 or (call.event.content_tokens or 0) > _REMARK_TOKENS:
        return None
    event = asked[0]
    tool = event.tool
    if tool is None or tool.is_rejected or event.error is not None:
        return None
    if tool.result is None or (tool.result.chars or 0) < _FOUND_CHARS:
        return None
    if event.event_type is EventType.FILE_READ:
        paths = tuple(access.path for access in tool.accesses)
        return _Look(index, call, event, paths, None) if paths else None
    if event.event_type is EventType.SEARCH and tool.query and not tool.is_cursor:
        return _Look(index, call, event, (), tool.query)
    return None


def _is_free(look: _Look, group: Sequence[_Look]) -> bool:
    """Whether nothing that is asked for occurs in what the group has found, or was asked for in it."""
    results = [each.event.tool.result for each in group if each.event.tool is not None]
    words = [None if result is None else result.words for result in results]
    if look.query is None:
        shown = {path for each in group for path in each.paths}
        return not any(path in shown or occurs(_stem(path), words) for path in look.paths)
    asked = _WORD.findall(look.query.lower())
    before = [word for each in group if each.query for word in _WORD.findall(each.query.lower())]
    is_narrower = any(word in earlier or earlier in word for word in asked for earlier in before)
    return bool(asked) and not is_narrower and not any(occurs(word, words) for word in asked)


def _stem(path: str) -> str:
    """Name of the file without its last suffix."""
    name = path.replace("\\", "/").rpartition("/")[2]
    return name.rpartition(".")[0] or name


def _resent(row: CallRow, look: _Look) -> Iterator[tuple[str, PriceClass, int]]:
    """What a call sent that the call before it had sent already, by price class."""
    rest = row.calls[look.place - 1].event.tokens_input
    for price_class in _RESENT_CLASSES:
        tokens = min(look.call.tokens[price_class], rest)
        if tokens > 0:
            yield look.call.event.id, price_class, tokens
            rest -= tokens
