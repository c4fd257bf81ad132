"""OpenLIT: OTel names with the provider's own figures; and the spans of its hooks in coding agents.

Source: genai-conventions §18, §20.1, §21.2.
"""

from __future__ import annotations

from typing import Final

from otel_sessionopt import semconv
from otel_sessionopt.dialects.base import Markers
from otel_sessionopt.dialects.digest import Operation, SpanDigest
from otel_sessionopt.dialects.otel_genai import KEYS, SYSTEM, read_genai
from otel_sessionopt.dialects.renaming import Renaming
from otel_sessionopt.dialects.usage import CacheVerdict
from otel_sessionopt.ingest.span_record import SpanRecord

_RESOURCE: Final = ("telemetry.sdk.name", "openlit")
_AGENT_SPANS: Final = "coding_agent."
_NAMES: Final = Renaming(
    {
        semconv.TOOL_ARGUMENTS: (semconv.TOOL_ARGUMENTS, "gen_ai.tool.args"),
        semconv.CONVERSATION_ID: (semconv.CONVERSATION_ID, "coding_agent.session.id"),
    }
)
_OPERATIONS: Final = {
    "coding_agent.session": Operation.AGENT,
    "coding_agent.subagent": Operation.AGENT,
    "coding_agent.llm.turn": Operation.MODEL_CALL,
    "coding_agent.tool.call": Operation.TOOL_CALL,
    "coding_agent.edit.decision": Operation.OTHER,
}
_OWN: Final = frozenset({"coding_agent.client", "coding_agent.session.id"})
_GENAI: Final = KEYS.keys - {"session.id"}


class OpenLit:
    """GenAI spans of a program that OpenLIT has set up, and `coding_agent.*` spans."""

    id = "openlit"
    markers = Markers(_OWN, names=(_AGENT_SPANS,), resources=frozenset({_RESOURCE}))

    def matches(self, record: SpanRecord) -> bool:
        """Whether the span is a coding agent's, or about models in a program with OpenLIT's resource."""
        if record.name.startswith(_AGENT_SPANS) or not _OWN.isdisjoint(record.attributes):
            return True
        is_own = record.resource.get(_RESOURCE[0]) == _RESOURCE[1]
        return is_own and not _GENAI.isdisjoint(record.attributes)

    def read(self, record: SpanRecord) -> SpanDigest:
        """What the span says."""
        attributes = record.attributes
        standard = _NAMES.standard(attributes)
        provider = standard.get(semconv.PROVIDER_NAME) or standard.get(SYSTEM)
        is_coding_agent = record.name.startswith(_AGENT_SPANS)
        client = attributes.get("coding_agent.client")
        is_raw = provider == "anthropic" or (is_coding_agent and isinstance(client, str) and "claude" in client.lower())
        return read_genai(
            record._replace(attributes=standard),
            self.id,
            operation=_OPERATIONS.get(record.name.partition(" ")[0]),
            by_dialect=CacheVerdict.EXCLUSIVE if is_raw else CacheVerdict.UNKNOWN,
        )
