"""One line that says where figures were measured; every benchmark prints it first."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path


def machine_line() -> str:
    """Interpreter, SDK, processor and number of usable cores."""
    return (
        f"machine: {platform.python_implementation()} {platform.python_version()}, "
        f"opentelemetry-sdk {version('opentelemetry-sdk')}, {_processor_name()}, "
        f"{len(_usable_cores())} cores, {platform.system()} {platform.machine()}"
    )


def _usable_cores() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return set(os.sched_getaffinity(0))
    return set(range(os.cpu_count() or 1))


def _processor_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for row in info.read_text().splitlines():
            if row.startswith("model name"):
                return row.partition(":")[2].strip()
    return platform.processor() or "unknown processor"


if __name__ == "__main__":
    print(machine_line())
