"""`SessionSpans`: makes the spans of one session from what a transcript says, alike for all formats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from otel_sessionopt import semconv
from otel_sessionopt.ingest.span_record import SpanRecord
from otel_sessionopt.ingest.transcripts.span_ids import span_id_of, trace_id_of

_INTERNAL: Final = 1
_CLIENT: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """One model call and what it was billed.

    Attributes:
        usage: token numbers under the names of `semconv`; empty where the transcript gives none.
        text_chars: length of the text it answered, without thoughts and tool arguments; `None` where it is not told.
        error: error type of a failed call, else empty.
    """

    response_id: str
    model: str
    provider: str
    start_ns: int
    end_ns: int
    usage: Mapping[str, int]
    finish_reason: str = ""
    text_chars: int | None = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One tool call.

    Attributes:
        arguments: as the model gave them; `None` where they are not told.
        result: text of the result, or a mapping of it and of an exit code; `None` where there is none.
        error: error type of a failed call, else empty.
        is_rejected: the user refused it.
    """

    call_id: str
    name: str
    start_ns: int
    end_ns: int
    arguments: Any = None
    result: str | Mapping[str, Any] | None = None
    workdir: str = ""
    error: str = ""
    is_rejected: bool = False


class SessionSpans:
    """Gives the spans of one session.

    A *chain* is a conversation of its own: empty for the main one, else the id of a sub-agent. What happens in a chain
    is a child of its agent's span.

    Args:
        session_id: the session's own id; the trace id is made from it.
        agent: name of the agent that keeps such transcripts.
        version: its version, may be empty.
    """

    def __init__(self, session_id: str, agent: str, version: str) -> None:
        self._session_id = session_id
        self._trace_id = trace_id_of(session_id)
        self._agent = agent
        self._version = version
        self._resource = MappingProxyType({"service.name": agent})

    def agent_span_id(self, chain: str) -> int:
        """Id of the span that everything in a chain is a child of."""
        return self._span_id("agent", chain)

    def tool_span_id(self, call_id: str) -> int:
        """Id of the span of a tool call."""
        return self._span_id("tool", call_id)

    def root(self, start_ns: int, end_ns: int, task: str) -> SpanRecord:
        """The session's root span. `task` is no text of a prompt; empty where nothing is known."""
        attributes = self._agent_attributes(self._agent)
        if task:
            attributes[semconv.TASK] = task
        return self._record(self.agent_span_id(""), None, f"invoke_agent {self._agent}", start_ns, end_ns, attributes)

    def sub_agent(self, chain: str, parent: int, name: str, start_ns: int, end_ns: int) -> SpanRecord:
        """The span of a sub-agent below the span with id `parent`."""
        span_id = self.agent_span_id(chain)
        return self._record(span_id, parent, f"invoke_agent {name}", start_ns, end_ns, self._agent_attributes(name))

    def model_call(self, chain: str, call: ModelCall) -> SpanRecord:
        """The span of a model call."""
        attributes: dict[str, Any] = {
            semconv.OPERATION_NAME: "chat",
            semconv.PROVIDER_NAME: call.provider,
            semconv.CONVERSATION_ID: self._session_id,
            semconv.RESPONSE_ID: call.response_id,
            **call.usage,
        }
        if call.model:
            attributes[semconv.REQUEST_MODEL] = attributes[semconv.RESPONSE_MODEL] = call.model
        if call.finish_reason:
            attributes[semconv.FINISH_REASONS] = [call.finish_reason]
        if call.text_chars is not None:
            attributes[semconv.CONTENT_CHARS] = call.text_chars
        if call.error:
            attributes[semconv.ERROR_TYPE] = call.error
        name = f"chat {call.model}".rstrip()
        return self._record(
            self._span_id("model", call.response_id), self.agent_span_id(chain), name, call.start_ns, call.end_ns,
            attributes, _CLIENT, call.error,
        )  # fmt: skip

    def tool_call(self, chain: str, call: ToolCall) -> SpanRecord:
        """The span of a tool call."""
        attributes: dict[str, Any] = {
            semconv.OPERATION_NAME: "execute_tool",
            semconv.TOOL_NAME: call.name,
            semconv.TOOL_CALL_ID: call.call_id,
        }
        if call.arguments is not None:
            attributes[semconv.TOOL_ARGUMENTS] = call.arguments
        if call.result is not None:
            attributes[semconv.TOOL_RESULT] = call.result
        if call.workdir:
            attributes[semconv.WORKDIR] = call.workdir
        if call.error:
            attributes[semconv.ERROR_TYPE] = call.error
        if call.is_rejected:
            attributes[semconv.TOOL_REJECTED] = True
        name = f"execute_tool {call.name}".rstrip()
        parent = self.agent_span_id(chain)
        return self._record(
            self.tool_span_id(call.call_id), parent, name, call.start_ns, call.end_ns, attributes, _INTERNAL, call.error
        )

    def event(
        self, chain: str, key: str, time_ns: int, event_type: str, chars: int | None, attributes: Mapping[str, Any] = {}
    ) -> SpanRecord:
        """A span without length for something that is no call.

        Args:
            key: own id of the thing, unique among those of its type.
            event_type: a member of `EventType`.
            chars: length of its text; `None` where that is not known.
            attributes: further ones. An `error.type` makes it a failed span.
        """
        span_id = self._span_id(event_type, key)
        every = {semconv.EVENT_TYPE: event_type, **attributes}
        if chars is not None:
            every[semconv.CONTENT_CHARS] = chars
        error = str(attributes.get(semconv.ERROR_TYPE, ""))
        name = event_type.lower()
        return self._record(span_id, self.agent_span_id(chain), name, time_ns, time_ns, every, _INTERNAL, error)

    def link(self, chain: str, parent: int, time_ns: int) -> SpanRecord:
        """An ordinary span that only joins a sub-agent, told of elsewhere, to what started it.

        The part that tells of the sub-agent knows this span's id, but not its parent.
        """
        return self._record(self.link_span_id(chain), parent, "sub-agent", time_ns, time_ns, {})

    def link_span_id(self, chain: str) -> int:
        """Id of the span that joins a sub-agent to what started it."""
        return self._span_id("link", chain)

    def _span_id(self, kind: str, key: str) -> int:
        return span_id_of(self._session_id, kind, key)

    def _agent_attributes(self, name: str) -> dict[str, Any]:
        return {
            semconv.OPERATION_NAME: "invoke_agent",
            semconv.CONVERSATION_ID: self._session_id,
            semconv.AGENT_NAME: name,
        }

    def _record(
        self,
        span_id: int,
        parent: int | None,
        name: str,
        start_ns: int,
        end_ns: int,
        attributes: Mapping[str, Any],
        kind: int = _INTERNAL,
        error: str = "",
    ) -> SpanRecord:
        return SpanRecord(
            self._trace_id,
            span_id,
            parent,
            name,
            start_ns,
            max(start_ns, end_ns),
            attributes,
            kind,
            is_error=bool(error),
            resource=self._resource,
            scope_name=self._agent,
            scope_version=self._version,
        )
