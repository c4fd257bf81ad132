"""What single lines of Claude Code transcripts say: usage, results, and who wrote them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from otel_sessionopt import semconv
from otel_sessionopt.ingest.transcripts.fields import count_at, mapping_at, text_at

# How the result of a call begins that the user refused.
_REJECTIONS: Final = (
    "The user doesn't want to proceed with this tool use",
    "[Request interrupted by user for tool use]",
)
# How the result of a call begins that was dropped because another one beside it failed or was refused: an error.
_CANCELLED: Final = ("The user doesn't want to take this action right now", "<tool_use_error>Sibling tool call errored")
_EXIT_CODE: Final = re.compile(r"Exit code \d")
# Lines of users that nobody typed, for versions that do not state the origin.
_NOT_TYPED: Final = re.compile(
    r"\s*(?:<(?:local-command-|bash-std|task-notification|system-reminder)|\[Request interrupted by user|Caveat: )"
)


def token_numbers(usage: Mapping[str, Any]) -> dict[str, int]:
    """The usage of a response under the names of `semconv`; empty where there is none."""
    if not usage:
        return {}
    cache_read = count_at(usage, "cache_read_input_tokens")
    cache_write = count_at(usage, "cache_creation_input_tokens")
    tokens = {
        # Anthropic counts cached tokens beside the input, OTel inside it.
        semconv.INPUT_TOKENS: count_at(usage, "input_tokens") + cache_read + cache_write,
        semconv.OUTPUT_TOKENS: count_at(usage, "output_tokens"),
        semconv.CACHE_READ_TOKENS: cache_read,
        semconv.CACHE_WRITE_TOKENS: cache_write,
        semconv.CACHE_WRITE_1H_TOKENS: count_at(mapping_at(usage, "cache_creation"), "ephemeral_1h_input_tokens"),
    }
    details = mapping_at(usage, "output_tokens_details")
    if "thinking_tokens" in details:
        tokens[semconv.REASONING_TOKENS] = count_at(details, "thinking_tokens")
    return tokens


def is_rejection(result: Mapping[str, Any]) -> bool:
    """Whether a tool result says that the user refused the call."""
    return result.get("is_error") is True and plain_text(result.get("content")).startswith(_REJECTIONS)


def error_type(result: Mapping[str, Any]) -> str:
    """Kind of failure that a tool result tells; empty where the call succeeded or was refused."""
    if result.get("is_error") is not True or is_rejection(result):
        return ""
    text = plain_text(result.get("content"))
    if text.startswith(_CANCELLED):
        return "cancelled"
    return "exit_code" if _EXIT_CODE.match(text) else "tool_error"


def is_typed(value: Mapping[str, Any], text: str) -> bool:
    """Whether a person wrote this user line with this text."""
    if value.get("isMeta") is True or not text:
        return False
    origin = text_at(mapping_at(value, "origin"), "kind")
    return origin == "human" if origin else not _NOT_TYPED.match(text)


def attached_text(attachment: Mapping[str, Any]) -> str:
    """Contents of a file in an attachment; empty for attachments of other kinds."""
    kind, content = attachment.get("type"), mapping_at(attachment, "content")
    if kind == "file":
        return text_at(mapping_at(content, "file"), "content")
    if kind == "edited_text_file":
        return text_at(attachment, "snippet")
    return text_at(content, "content") if kind == "nested_memory" else ""


def plain_text(content: Any) -> str:
    """The text of a message or result: a text, or its text blocks, one below the other. Images are no text."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    blocks = (block for block in content if isinstance(block, dict) and block.get("type") == "text")
    return "\n".join(text_at(block, "text") for block in blocks)
