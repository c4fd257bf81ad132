"""All dialects, in the order in which a span is offered to them."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from otel_sessionopt import semconv
from otel_sessionopt.dialects.agent_framework import AgentFramework
from otel_sessionopt.dialects.agentops import AgentOps
from otel_sessionopt.dialects.anthropic_sdk import AnthropicSdk
from otel_sessionopt.dialects.base import Dialect, is_one_of
from otel_sessionopt.dialects.claude_code import ClaudeCode
from otel_sessionopt.dialects.codex import Codex
from otel_sessionopt.dialects.copilot import Copilot
from otel_sessionopt.dialects.crewai import CrewAi
from otel_sessionopt.dialects.gemini_cli import GeminiCli
from otel_sessionopt.dialects.google_adk import GoogleAdk
from otel_sessionopt.dialects.langfuse import Langfuse
from otel_sessionopt.dialects.langsmith import LangSmith
from otel_sessionopt.dialects.litellm import LiteLlm
from otel_sessionopt.dialects.mlflow import MlFlow
from otel_sessionopt.dialects.openinference import OpenInference
from otel_sessionopt.dialects.openlit import OpenLit
from otel_sessionopt.dialects.openllmetry import OpenLLMetry
from otel_sessionopt.dialects.otel_genai import SYSTEM, OtelGenAi
from otel_sessionopt.dialects.plain import Plain
from otel_sessionopt.dialects.pydantic_ai import PydanticAi
from otel_sessionopt.dialects.qwen_code import QwenCode
from otel_sessionopt.dialects.sessionopt import SessionOpt
from otel_sessionopt.dialects.strands import Strands
from otel_sessionopt.dialects.vercel import Vercel7, VercelLegacy
from otel_sessionopt.ingest.span_record import SpanRecord

# Order matters: the first that matches reads the span. Our own attributes stand beside OTel names and say more, so
# they come first. Dialects of single products use `gen_ai.*` names too, with meanings of their own: they go between the
# two, so that OTel GenAI gets what nobody else claims (§2).
DIALECTS: Final[tuple[Dialect, ...]] = (
    SessionOpt(),
    AnthropicSdk(),
    ClaudeCode(),
    Codex(),
    GeminiCli(),
    QwenCode(),
    OpenInference(),
    Langfuse(),
    MlFlow(),
    LangSmith(),
    # These two use names of OpenLLMetry's: they come before it.
    AgentOps(),
    LiteLlm(),
    OpenLLMetry(),
    VercelLegacy(),
    Vercel7(),
    PydanticAi(),
    GoogleAdk(),
    Strands(),
    AgentFramework(),
    Copilot(),
    CrewAi(),
    # Told by its resource, which spans of all the others may have as well.
    OpenLit(),
    OtelGenAi(),
)
PLAIN: Final[Dialect] = Plain()

# Spans of the standard and ordinary ones are nearly all there are: a few cheap tests, which only spans of the others
# pass, keep them away from the long list.
_OWN_WORDS: Final = DIALECTS[:-1]
_STANDARD: Final = DIALECTS[-1]
_OWN_ATTRIBUTES: Final = frozenset().union(*(dialect.markers.attributes for dialect in _OWN_WORDS))
_STANDARD_ATTRIBUTES: Final = _STANDARD.markers.attributes  # any of them is all that it is told by
_ATTRIBUTES: Final = _OWN_ATTRIBUTES | _STANDARD_ATTRIBUTES
_SCOPES: Final = tuple(scope for dialect in _OWN_WORDS for scope in dialect.markers.scopes)
_NAMES: Final = tuple(name for dialect in _OWN_WORDS for name in dialect.markers.names)
_PROVIDERS: Final = frozenset().union(*(dialect.markers.providers for dialect in _OWN_WORDS))
_RESOURCES: Final = tuple(pair for dialect in _OWN_WORDS for pair in dialect.markers.resources)


def find_dialect(record: SpanRecord) -> Dialect:
    """The dialect that a span is written in; `PLAIN` for ordinary spans."""
    has_words = not _ATTRIBUTES.isdisjoint(record.attributes)
    is_own = _is_own_scope(record.scope_name) or record.name.startswith(_NAMES)
    if is_own or (has_words and _has_own_words(record)):
        for dialect in _OWN_WORDS:
            if dialect.matches(record):
                return dialect
    return _STANDARD if has_words and not _STANDARD_ATTRIBUTES.isdisjoint(record.attributes) else PLAIN


def _has_own_words(record: SpanRecord) -> bool:
    """Whether a span about models has words of one product, or comes from one by its provider or resource."""
    attributes, resource = record.attributes, record.resource
    if (
        not _OWN_ATTRIBUTES.isdisjoint(attributes)
        or is_one_of(_PROVIDERS, attributes.get(SYSTEM))
        or is_one_of(_PROVIDERS, attributes.get(semconv.PROVIDER_NAME))
    ):
        return True
    for key, value in _RESOURCES if resource else ():  # noqa: SIM110 - a generator costs more
        if resource.get(key) == value:
            return True
    return False


@lru_cache(maxsize=256)  # a program has tens of scopes; the bound is for hostile input
def _is_own_scope(scope: str) -> bool:
    return scope.startswith(_SCOPES)
