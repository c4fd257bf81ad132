"""Under which provider and name a price list may know a model, given what a span calls it.

Only notations are taken apart, so that a model never gets the price of another: what hosts a model is told from what
made it, a context marker or a path is left out. Everything else stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple


class ListedName(NamedTuple):
    """A name to look up; `provider` is an id of the price list, `None` = the one that the name itself points to."""

    provider: str | None
    model: str


# OTel `gen_ai.provider.name` values (and common others) that the price list does not know under that name.
# Source: open-telemetry/semantic-conventions-genai, registry of provider names; genai-prices provider ids.
_PROVIDER_IDS: Final = {
    "az.ai.inference": "azure",
    "az.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "azure_openai": "azure",
    "aws.bedrock": "aws",
    "aws_bedrock": "aws",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshotai",
    "x_ai": "x-ai",
    "xai": "x-ai",
}

# Programs that run open weights on one's own machine: nobody bills their tokens, and their model names
# (`deepseek-r1:8b`) look like those of models that somebody does bill.
_LOCAL_RUNNERS: Final = frozenset({"ollama", "lmstudio", "lm_studio", "llama.cpp", "llamacpp", "vllm", "llamafile"})
_LOCAL_TAG: Final = re.compile(r":(latest|e?\d+(\.\d+)?b)\b")

# Clients and gateways through which people reach other companies' models.
_GO_BETWEENS: Final = frozenset({"openai", "azure", "litellm", "openrouter", "github-copilot"})

_CONTEXT_MARKER: Final = re.compile(r"\[[^\]]*\]$")  # `claude-opus-4-8[1m]`, as Claude Code writes it
_BEDROCK_NAME: Final = re.compile(
    r"^(arn:aws[a-z-]*:bedrock:|([a-z-]+\.)?(anthropic|amazon|meta|mistral|cohere|ai21|deepseek|openai|qwen)\.)"
)
_PATH: Final = re.compile(
    r"^(?:projects/.+/)?(?:locations/.+/)?(?:publishers/[^/]+/)?models/([^/]+)$"
)  # Gemini API, Vertex


def listed_names(model: str, provider: str | None, known_providers: frozenset[str]) -> Iterator[ListedName]:
    """Names to look a model up by, the likeliest first; none for models that nobody bills.

    Args:
        model: as sent.
        provider: as sent; `None` = unknown.
        known_providers: provider ids of the price list.
    """
    name = _CONTEXT_MARKER.sub("", model.strip().lower())
    path = _PATH.match(name)
    if path:
        name = path.group(1)
    provider_id = provider.strip().lower() if provider else None
    if provider_id in _LOCAL_RUNNERS or not name:
        return
    if provider_id is not None:
        provider_id = _PROVIDER_IDS.get(provider_id, provider_id)
        yield ListedName(provider_id, name)
    if _BEDROCK_NAME.match(name):
        yield ListedName("aws", name)
    vendor, slash, rest = name.partition("/")
    vendor = _PROVIDER_IDS.get(
        vendor, {"bedrock": "aws", "vertex_ai": "google", "gemini": "google"}.get(vendor, vendor)
    )
    if slash and vendor in known_providers:
        yield ListedName(vendor, rest)
    # A company that hosts models has prices of its own: another's would be wrong.
    if (
        not slash
        and not _LOCAL_TAG.search(name)
        and (provider_id not in known_providers or provider_id in _GO_BETWEENS)
    ):
        yield ListedName(None, name)
