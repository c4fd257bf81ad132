"""Sums over the items of a ledger: by source, tool and file, and how sure they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from otel_sessionopt.session.facts.ledger_amounts import CLASSES, TOKEN_UNITS, Billing
from otel_sessionopt.session.facts.ledger_context import ContextLedger
from otel_sessionopt.session.facts.ledger_items import Source, is_tool_call, path_of, tool_of

_OUTPUT: Final = CLASSES[4]
_UNATTRIBUTED: Final = Source.UNATTRIBUTED

_Key = tuple[Source, str | None, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerNode:
    """A part of the bill, in parts.

    Attributes:
        name: of the source, tool or file; `None` for what has no tool or file.
        billing: the sum over `children`, where there are any.
        children: the dearest first.
    """

    name: str | None
    billing: Billing
    children: tuple[LedgerNode, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """How the sizes behind billed input are known: shares of the input tokens, which add up to 1.

    Attributes:
        measured: the numbers of the calls say it: growth of one thing, stated output, the first prompt.
        estimated: shared by the sizes of texts.
        unattributed: nothing recorded explains it.
    """

    measured: float
    estimated: float
    unattributed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """All sums of some contexts; `confidence` is `None` where no input was billed."""

    tree: LedgerNode
    confidence: Confidence | None


class _Sum:
    """Amounts added up."""

    __slots__ = ("is_priced", "money", "output", "read", "uncached", "write", "write_1h")

    def __init__(self) -> None:
        self.uncached = self.read = self.write = self.write_1h = self.output = 0
        self.money = 0
        self.is_priced = False

    def billing(self) -> Billing:
        units = (self.uncached, self.read, self.write, self.write_1h, self.output)
        return Billing(units, self.money if self.is_priced else None)


def tally(contexts: Iterable[ContextLedger]) -> Tally:
    """Add up everything that these contexts were billed. What rounding leaves over is unattributed."""
    sums: dict[_Key, _Sum] = {}
    certainty = {True: 0, False: 0}
    total = Billing()
    for ledger in contexts:
        _add_items(sums, certainty, ledger)
        total += ledger.total
        if ledger.context:
            _add_outputs(sums, ledger)
    _add_rest(sums, total)
    tree = _tree(sums)
    return Tally(tree=tree, confidence=_confidence(certainty, sum(total.units[:4])))


def _add_items(sums: dict[_Key, _Sum], certainty: dict[bool, int], ledger: ContextLedger) -> None:
    priced, table = ledger.charges.priced, ledger.table
    rows = zip(table.events, table.sources, ledger.amounts, table.measured, table.entries, table.ends, strict=True)
    plain: dict[Source, _Sum] = {}
    for event, source, (a, b, c, d, e, money), is_measured, entry, end in rows:
        if event is not None and is_tool_call(event):
            into = _sum_at(sums, (source, tool_of(event), path_of(event)))
        elif source in plain:
            into = plain[source]
        else:
            into = plain[source] = _sum_at(sums, (source, None, None))
        into.uncached += a
        into.read += b
        into.write += c
        if d or e:
            into.write_1h += d
            into.output += e
        into.money += money
        if not into.is_priced:
            into.is_priced = priced[end] > priced[entry]
        if source is not _UNATTRIBUTED:
            certainty[is_measured] += a + b + c + d


def _sum_at(sums: dict[_Key, _Sum], key: _Key) -> _Sum:
    found = sums.get(key)
    if found is None:
        found = sums[key] = _Sum()
    return found


def _add_outputs(sums: dict[_Key, _Sum], ledger: ContextLedger) -> None:
    """What the calls generated, beside what of it is carried on later."""
    for call, rates in zip(ledger.calls, ledger.charges.rates, strict=True):
        output = call.tokens[_OUTPUT]
        reasoning = min(call.event.reasoning_tokens or 0, output)
        for source, tokens in ((Source.OUTPUT, output - reasoning), (Source.REASONING, reasoning)):
            if tokens:
                into = _sum_at(sums, (source, None, None))
                into.output += tokens * TOKEN_UNITS
                into.money += tokens * TOKEN_UNITS * rates[4]
                into.is_priced = into.is_priced or call.cost_usd is not None


def _add_rest(sums: dict[_Key, _Sum], total: Billing) -> None:
    rest = total
    for each in sums.values():
        rest -= each.billing()
    if any(rest.units) or rest.money:
        into = _sum_at(sums, (_UNATTRIBUTED, None, None))
        uncached, read, write, write_1h, output = rest.units
        into.uncached += uncached
        into.read += read
        into.write += write
        into.write_1h += write_1h
        into.output += output
        into.money += rest.money or 0
        into.is_priced = into.is_priced or rest.money is not None


def _confidence(certainty: Mapping[bool, int], whole: int) -> Confidence | None:
    if not whole:
        return None
    measured, estimated = certainty[True], certainty[False]
    return Confidence(
        measured=measured / whole,
        estimated=estimated / whole,
        unattributed=(whole - measured - estimated) / whole,
    )


def _tree(sums: Mapping[_Key, _Sum]) -> LedgerNode:
    by_source: dict[str, dict[str | None, list[LedgerNode]]] = {}
    for (source, tool, path), each in sums.items():
        leaf = LedgerNode(name=path, billing=each.billing())
        by_source.setdefault(source.value, {}).setdefault(tool, []).append(leaf)
    return _node(
        None,
        [_node(source, [_node(tool, paths) for tool, paths in tools.items()]) for source, tools in by_source.items()],
    )


def _node(name: str | None, children: list[LedgerNode]) -> LedgerNode:
    """A node over its parts; the only part, where it has no name, is the node itself."""
    billing = Billing()
    for child in children:
        billing += child.billing
    if len(children) == 1 and children[0].name is None:
        children = list(children[0].children)
    children.sort(key=lambda node: (-(node.billing.money or 0), -sum(node.billing.units), node.name or ""))
    return LedgerNode(name=name, billing=billing, children=tuple(children))
