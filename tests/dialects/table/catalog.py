from __future__ import annotations

from typing import Final

from tests.dialects.table import frameworks, openinference, otel_genai, platforms, vercel
from tests.dialects.table.sample import Sample

SAMPLES: Final[list[Sample]] = [
    *otel_genai.SAMPLES,
    *openinference.SAMPLES,
    *vercel.SAMPLES,
    *frameworks.SAMPLES,
    *platforms.SAMPLES,
]
