"""Run every benchmark, each in a process of its own, and print what they print."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
SCRIPTS = (
    "processor_overhead.py",
    "buffer_memory.py",
    "import_time.py",
    "pipeline_throughput.py",
    "session_sizes.py",
    "recording.py",
    "html_report.py",
    "planted_waste.py",
)


def main() -> int:
    failed = False
    for script in SCRIPTS:
        print(f"\n# {script}", flush=True)
        failed |= subprocess.run([sys.executable, str(FOLDER / script)], check=False).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
