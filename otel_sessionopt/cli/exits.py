"""How the command ends: its exit statuses."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Exit(IntEnum):
    """Exit statuses of the command."""

    CLEAN = 0
    FINDINGS = 1
    WRONG_USE = 2
    FAILURE = 3
    INTERRUPTED = 130
    BROKEN_PIPE = 141


_OTHERS: Final = """
  2    wrong use, or input that could not be read (beats 1; the rest is still analysed)
  3    failure
  130  interrupted"""
ANALYZE_EXIT_CODES: Final = f"""Exit status:
  0    analysed; no issue at or over --fail-on
  1    an issue at or over --fail-on{_OTHERS}"""
EXIT_CODES: Final = f"""Exit status:
  0    clean; for doctor: nothing is missing
  1    an issue at or over --fail-on; for doctor: something is missing{_OTHERS}"""
