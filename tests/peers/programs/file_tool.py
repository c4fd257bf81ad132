"""The one tool of the agents."""

from __future__ import annotations


def read_file(path: str) -> str:
    """Reads a file."""
    return "\n".join(f"{row:6}\tvalue_{row} = compute({row})  # {path}" for row in range(1, 120))
