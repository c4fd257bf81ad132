from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal

import pytest

from otel_sessionopt.pricing.genai import GenaiPrices

AUGUST_2026 = int(datetime(2026, 8, 1, tzinfo=timezone.utc).timestamp()) * 1_000_000_000


@pytest.mark.parametrize(
    ("model", "provider", "input_usd"),
    [
        # as tools and gateways write them
        ("claude-opus-4-8[1m]", "anthropic", "5"),
        ("claude-opus-5[1m]", "anthropic", "5"),
        ("Claude-Opus-4-5", "Anthropic", "5"),
        ("openai/gpt-4o", None, "2.5"),
        ("openai/gpt-4o", "openai", "2.5"),
        ("anthropic/claude-sonnet-4.5", "openrouter", "3"),
        ("anthropic/claude-opus-4-5", "openai", "5"),
        ("models/gemini-2.5-flash", "gcp.gemini", "0.3"),
        ("projects/p/locations/global/publishers/google/models/gemini-2.5-flash", "gcp.vertex_ai", "0.3"),
        ("claude-opus-4-5@20251101", "gcp.vertex_ai", "5"),
        ("vertex_ai/gemini-2.5-flash", "litellm", "0.3"),
        # as OTel names the providers
        ("gpt-4o", "azure.ai.openai", "2.5"),
        ("gpt-4o", "azure.ai.inference", "2.5"),
        ("grok-4", "x_ai", "3"),
        ("gemini-2.5-flash", "gcp.gen_ai", "0.3"),
        ("mistral-large-latest", "mistral_ai", "2"),
        # a client that speaks one company's protocol to another's model, or a framework in between
        ("claude-opus-4-5", "openai", "5"),
        ("claude-opus-4-5", "my-framework", "5"),
        # Bedrock charges a tenth more for regional than for global inference
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws.bedrock", "3.3"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", None, "3.3"),
        ("bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", None, "3.3"),
        ("global.anthropic.claude-opus-4-5-20251101-v1:0", "aws.bedrock", "5"),
        (
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-opus-4-5-20251101-v1:0",
            None,
            "5.5",
        ),
    ],
)
def test_a_model_is_found_under_the_names_that_spans_give_it(model: str, provider: str | None, input_usd: str) -> None:
    rates = GenaiPrices().rates(model, provider, AUGUST_2026, 1_000)

    assert rates is not None
    assert rates.input * 1_000_000 == Decimal(input_usd)
