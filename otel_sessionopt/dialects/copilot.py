"""GitHub Copilot, in VS Code and on the command line: OTel names; who made the model is not said.

Its cost counts premium requests, not dollars, and is not read.

Source: genai-conventions §18, §20.1, §21.2.
"""

from __future__ import annotations

from typing import Final

from otel_sessionopt.dialects.base import Markers
from otel_sessionopt.dialects.digest import SpanDigest
from otel_sessionopt.dialects.otel_genai import KEYS, read_genai
from otel_sessionopt.dialects.usage import CacheVerdict
from otel_sessionopt.ingest.span_record import SpanRecord

SCOPE: Final = "github.copilot"
_RESOURCE: Final = ("service.name", "copilot-chat")
_OWN: Final = frozenset({"copilot_chat.turn_count", "copilot_chat.debug_name", "copilot_chat.time_to_first_token"})
_GENAI: Final = KEYS.keys - {"session.id"}


class Copilot:
    """Spans of Copilot's tracers."""

    id = "copilot"
    markers = Markers(_OWN, scopes=(SCOPE,), resources=frozenset({_RESOURCE}))

    def matches(self, record: SpanRecord) -> bool:
        """Whether scope, attributes or, for spans about models, the service are Copilot's."""
        if record.scope_name.startswith(SCOPE) or not _OWN.isdisjoint(record.attributes):
            return True
        is_own = record.resource.get(_RESOURCE[0]) == _RESOURCE[1]
        return is_own and not _GENAI.isdisjoint(record.attributes)

    def read(self, record: SpanRecord) -> SpanDigest:
        """What the span says."""
        return read_genai(record, self.id, by_dialect=CacheVerdict.UNKNOWN)
