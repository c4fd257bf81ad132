from __future__ import annotations

from typing import Final

from tests.dialects.table import (
    claude_code,
    codex,
    frameworks,
    gemini_cli,
    openinference,
    otel_genai,
    platforms,
    qwen_code,
    vercel,
)
from tests.dialects.table.sample import Sample

SAMPLES: Final[list[Sample]] = [
    *otel_genai.SAMPLES,
    *claude_code.SAMPLES,
    *codex.SAMPLES,
    *gemini_cli.SAMPLES,
    *qwen_code.SAMPLES,
    *openinference.SAMPLES,
    *vercel.SAMPLES,
    *frameworks.SAMPLES,
    *platforms.SAMPLES,
]
