"""Which providers can cache a prompt, and from which length on."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from otel_sessionopt.session.model import SessionEvent

# Models whose client says what to cache: the shortest prefix, by a part of the model's name; the first that fits.
# Later models are taken to want the most. Source: Anthropic, "Prompt caching", minimum cacheable prompt length.
_LEAST_PREFIX: Final = (
    ("sonnet-4-6", 2_048),
    ("3-haiku", 2_048),
    ("3-5-haiku", 2_048),
    ("claude-3", 1_024),
    ("sonnet-4", 1_024),
    ("opus-4-5", 4_096),
    ("opus-4-6", 4_096),
    ("opus-4-7", 4_096),
    ("opus-4-8", 4_096),
    ("opus-4", 1_024),
    ("claude", 4_096),
)
# Providers that cache by themselves, by a part of their name. Source: "prompt caching" guides of OpenAI, DeepSeek, xAI;
# Google, "Implicit caching" (2,048 on its larger models).
_BY_THEMSELVES: Final = (
    ("openai", 1_024),
    ("deepseek", 1_024),
    ("x_ai", 1_024),
    ("xai", 1_024),
    ("google", 2_048),
    ("gemini", 2_048),
    ("gcp", 2_048),
)


def least_prefix(call: SessionEvent, recorded: Collection[str | None]) -> int | None:
    """Tokens of the shortest prefix that can be cached for a model call; `None` where that, or whether, is not known.

    Args:
        call: the model call.
        recorded: providers of which the session has cache reads. Where a provider caches by itself, calls without
            cache reads show only with such a proof that it did not, and not that nobody wrote them down.
    """
    model, provider = (call.model or "").lower(), (call.provider or "").lower()
    if "claude" in model:
        return next((tokens for name, tokens in _LEAST_PREFIX if name in model), None)
    if call.provider in recorded:
        return next((tokens for name, tokens in _BY_THEMSELVES if name in provider), None)
    return None
