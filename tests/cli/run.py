"""The command, run as a person runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple


class Outcome(NamedTuple):
    """What one run printed and how it ended."""

    status: int
    out: str
    err: str


def run_command(
    *arguments: str | Path, home: Path, stdin: bytes = b"", environ: dict[str, str] | None = None, seconds: float = 60
) -> Outcome:
    """Run `sessionoptimizer` in a process of its own, with an empty environment and the given home folder."""
    base = {
        "HOME": str(home),
        "PATH": os.environ.get("PATH", ""),
        "PYTHONUTF8": "1",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-m", "otel_sessionopt", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env={**base, **(environ or {})},
        timeout=seconds,
        check=False,
        cwd=home,
    )
    return Outcome(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))
