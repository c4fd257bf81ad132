"""Model calls whose dialect names the model on the turn around them only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.session.call_tree import NO_PARENT, CallTree

_DIALECTS: Final = frozenset({"codex"})  # whose turns have one model each


def with_models(tree: CallTree) -> CallTree:
    """The tree with the turn's model on its calls that state none."""
    if not any(span.dialect in _DIALECTS for span in tree.spans):
        return tree
    spans: list[SpanDigest] = list(tree.spans)
    models: list[str | None] = [None] * len(spans)
    for i in tree.top_down:
        span = spans[i]
        models[i] = _model(span, tree.parents, models, i)
        if span.operation is Operation.MODEL_CALL and span.model is not None and span.model.model is None:
            spans[i] = span._replace(model=span.model._replace(model=models[i]))
    return replace(tree, spans=spans)


def _model(span: SpanDigest, parents: Sequence[int], models: Sequence[str | None], i: int) -> str | None:
    if span.dialect in _DIALECTS and span.model is not None and span.model.model is not None:
        return span.model.model
    return models[parents[i]] if parents[i] != NO_PARENT else None
