"""A dialect as a table: its names for what the OTel conventions name too, so that one reader serves them all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from otel_sessionopt import semconv
from otel_sessionopt.dialects.base import KeyTable
from otel_sessionopt.dialects.digest import SpanDigest
from otel_sessionopt.dialects.otel_genai import KEYS
from otel_sessionopt.dialects.values import read_count, read_structure

COST: Final = "gen_ai.usage.cost"
TOTAL_TOKENS: Final = "gen_ai.usage.total_tokens"


class Renaming:
    """OTel names, each with a dialect's names for the same, best first.

    What a span says in OTel names counts too, where it says nothing in the dialect's own: many products write both.

    Args:
        names: OTel name → names in the dialect.
    """

    def __init__(self, names: Mapping[str, Iterable[str]]) -> None:
        rows = {standard: tuple(own) for standard, own in names.items()}
        self.own_names: Final = frozenset(name for own in rows.values() for name in own)
        """The dialect's names."""
        # A name that the dialect uses for something else does not stand for itself as well.
        for standard in (KEYS.keys | {semconv.ERROR_TYPE}) - self.own_names:
            rows[standard] = (*rows.get(standard, ()), standard)
        self._table = KeyTable(rows)

    def standard(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        """The facts of a span under OTel names; a new mapping of the caller's own."""
        return {standard: attributes[name] for standard, name in self._table.find(attributes).items()}


def name_broken_usage(digest: SpanDigest, attributes: Mapping[str, Any], names: Iterable[str]) -> SpanDigest:
    """The digest with a warning for each of these attributes that should be a mapping of counts and is not."""
    problems = [problem for name in names if name in attributes and (problem := _usage_problem(attributes[name]))]
    return digest._replace(warnings=tuple(dict.fromkeys((*digest.warnings, *problems)))) if problems else digest


def _usage_problem(value: object) -> str | None:
    usage, warning = read_structure(value)
    if not isinstance(usage, Mapping):
        return None if usage is None else warning or "unusable-usage"
    counts = (count for count in usage.values() if count is not None and not isinstance(count, Mapping))
    return "unusable-usage" if any(read_count(count) is None for count in counts) else None
