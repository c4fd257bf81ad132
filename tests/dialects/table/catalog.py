from __future__ import annotations

from typing import Final

from tests.dialects.table import openinference, otel_genai
from tests.dialects.table.sample import Sample

SAMPLES: Final[list[Sample]] = [*otel_genai.SAMPLES, *openinference.SAMPLES]
