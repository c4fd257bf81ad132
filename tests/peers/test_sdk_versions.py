"""The tests of processor, exporter and log events against the oldest SDK we support and that with `_on_ending`."""

from __future__ import annotations

import subprocess
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.peers

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("version", ["1.39.1", "1.40.0"])
def test_the_processor_works_with_an_older_sdk(tmp_path: Path, version: str) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    python = str(tmp_path / "env" / "bin" / "python")
    pins = [f"{name}=={version}" for name in ("opentelemetry-api", "opentelemetry-sdk", "opentelemetry-exporter-otlp")]
    requirements = [*pins, "pytest", "hypothesis", "jsonschema", "-e", str(ROOT)]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=True)
    tests = sorted(str(path) for path in (ROOT / "tests").glob("test_processor*.py"))
    tests += [str(ROOT / "tests" / name) for name in ("test_exporter.py", "writeback/test_log_events.py")]
    assert tests
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "default", *tests],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout[-4000:]
