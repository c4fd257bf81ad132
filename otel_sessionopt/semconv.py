"""Attribute names that more than one stage needs: OTel GenAI (current form) and the project's own.

Names that only one dialect reads (deprecated forms, other conventions) live in that dialect's module.

Source: open-telemetry/semantic-conventions-genai, `docs/gen-ai/`, September 2026.
"""

from __future__ import annotations

from typing import Final

# OTel GenAI
OPERATION_NAME: Final = "gen_ai.operation.name"
PROVIDER_NAME: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_ID: Final = "gen_ai.response.id"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
CONVERSATION_COMPACTED: Final = "gen_ai.conversation.compacted"
AGENT_NAME: Final = "gen_ai.agent.name"
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
TOOL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_RESULT: Final = "gen_ai.tool.call.result"
TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"  # includes cache reads and writes
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"  # includes reasoning
CACHE_READ_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"
REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
ERROR_TYPE: Final = "error.type"
# Anthropic's split of cache writes by time-to-live, as its own SDK names it
CACHE_WRITE_1H_TOKENS: Final = "anthropic.usage.cache_creation.ephemeral_1h_input_tokens"

# Evaluation results, shown first by Jaeger's GenAI view
EVALUATION_EVENT: Final = "gen_ai.evaluation.result"
EVALUATION_NAME: Final = "gen_ai.evaluation.name"
EVALUATION_SCORE_VALUE: Final = "gen_ai.evaluation.score.value"
EVALUATION_SCORE_LABEL: Final = "gen_ai.evaluation.score.label"
EVALUATION_EXPLANATION: Final = "gen_ai.evaluation.explanation"

# Our own attributes on spans that we read: recordings by hand, transcripts, and whoever wants to help us
EVENT_TYPE: Final = "sessionopt.event.type"  # a member of EventType
EVENT_DATA: Final = "sessionopt.event.data"  # JSON object or mapping
EVENT_TOKENS_INPUT: Final = "sessionopt.event.tokens_input"  # billed, recordings by hand
EVENT_TOKENS_OUTPUT: Final = "sessionopt.event.tokens_output"
CONTENT_TOKENS: Final = "sessionopt.content.tokens"  # size of a result or message, stated
CONTENT_CHARS: Final = "sessionopt.content.chars"  # its text length where the text itself is not sent
COMPACTION: Final = "sessionopt.compaction"  # true: the context was compacted here
TOOL_REJECTED: Final = "sessionopt.tool.rejected"  # true: the user refused the call
WORKDIR: Final = "sessionopt.workdir"  # directory that relative paths of the call start from
TASK: Final = "sessionopt.task"

# Our own names on what we write
SCOPE_NAME: Final = "otel_sessionopt"
FINDING_EVENT: Final = "sessionopt.finding"
SUMMARY_EVENT: Final = "sessionopt.summary"
REPORT_SPAN: Final = "sessionopt.report"
FINDING_PREFIX: Final = "sessionopt.finding."
