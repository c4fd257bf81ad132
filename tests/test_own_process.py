from __future__ import annotations

import subprocess
import sys


def _threshold_after(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()[-1]


def test_the_command_sets_its_own_process_and_importing_us_sets_nothing() -> None:
    asked = "import gc, sys; from otel_sessionopt.cli import main as m; import otel_sessionopt\n"
    show = "print(gc.get_threshold()[0])"
    default = _threshold_after(f"import gc; {show}")
    assert _threshold_after(asked + show) == default
    run = "sys.argv[1:] = ['--version']\ntry:\n    m.main()\nexcept SystemExit:\n    pass\n"
    assert _threshold_after(asked + run + show) == "50000"
    assert default != "50000"
