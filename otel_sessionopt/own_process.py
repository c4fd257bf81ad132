"""What is set only in processes that are ours: the command and the service's workers, never a host program."""

from __future__ import annotations

import gc
from typing import Final

# The analysis of a long session makes hundreds of thousands of objects that stay until its report is written, and
# hardly any cycle. Python's defaults look through them again and again: a fifth of the time at 10,000 spans.
_YOUNG_OBJECTS: Final = 50_000
_GENERATIONS: Final = (20, 50)


def collect_garbage_rarely() -> None:
    """Let Python look for cycles among objects less often; what is there already is left out for good."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, *_GENERATIONS)
