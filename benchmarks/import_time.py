"""What importing the package adds to importing the SDK, and how long the command takes to answer: paired processes."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from machine import machine_line

PAIRS = 15
SDK = "import opentelemetry.sdk.trace, opentelemetry.sdk.trace.export"
OURS = SDK + "; from otel_sessionopt import SessionOptSpanProcessor"


def main() -> None:
    print(machine_line())
    for code in (SDK, OURS):  # warm: byte-code and disk cache
        _seconds("-c", code)
    pairs = [(_seconds("-c", SDK), _seconds("-c", OURS)) for _ in range(PAIRS)]
    added = statistics.median(ours - sdk for sdk, ours in pairs)
    base = statistics.median(sdk for sdk, _ in pairs)
    print(f"import adds {added * 1e3:.0f} ms to the SDK's {base * 1e3:.0f} ms ({added / base:.2f} x; at most 60 ms)")
    version = statistics.median(_seconds("-m", "otel_sessionopt", "--version") for _ in range(PAIRS))
    print(f"--version answers in {version:.2f} s as a whole process (at most 0.3 s)")


def _seconds(*arguments: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
