"""The built wheel, installed as a user installs it: into an empty environment, away from this checkout."""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.peers

ROOT = Path(__file__).resolve().parents[2]
MOST_MEGABYTES = 75
TRANSCRIPT = ROOT / "examples" / "claude-code-session.jsonl.xz"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clean")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder / "dist"), str(ROOT)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (wheel,) = (folder / "dist").glob("*.whl")
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / "bin" / "python"
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", str(wheel)], check=True)
    return folder / "env"


def _run(environment: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(environment / "bin" / arguments[0]), *arguments[1:]],
        check=False,
        capture_output=True,
        text=True,
        cwd=home,
        env={"HOME": str(home), "PATH": os.defpath},
    )


@pytest.mark.parametrize("command", ["sessionoptimizer", "otel-sessionopt"])
def test_both_commands_tell_their_version(environment: Path, tmp_path: Path, command: str) -> None:
    done = _run(environment, tmp_path, command, "--version")
    assert done.returncode == 0, done.stderr
    assert "0." in done.stdout


def test_the_module_is_the_same_command(environment: Path, tmp_path: Path) -> None:
    assert _run(environment, tmp_path, "python", "-m", "otel_sessionopt", "--version").returncode == 0


def test_a_transcript_is_analysed_and_every_report_form_is_in_the_wheel(environment: Path, tmp_path: Path) -> None:
    for form in ("text", "json", "markdown"):
        done = _run(environment, tmp_path, "sessionoptimizer", "analyze", str(TRANSCRIPT), "--format", form)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout) > 200


def test_the_demo_runs_live_through_the_processor(environment: Path, tmp_path: Path) -> None:
    done = _run(environment, tmp_path, "sessionoptimizer", "demo")
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / ".sessionoptimizer" / "reports").glob("*_report.json"))


def test_a_session_is_recorded_and_found_again(environment: Path, tmp_path: Path) -> None:
    for arguments in (["start", "FORGE", "x", "--id", "s"], ["log", "s", "ERROR"], ["end", "s"], ["analyze", "s"]):
        done = _run(environment, tmp_path, "sessionoptimizer", *arguments)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / ".sessionoptimizer" / "history.db").exists()


def test_what_the_install_brings_stays_small(environment: Path) -> None:
    (site_packages,) = (environment / "lib").glob("python3.*/site-packages")
    for name in ("pip", "setuptools", "pkg_resources", "_distutils_hack"):
        shutil.rmtree(site_packages / name, ignore_errors=True)
    compileall.compile_dir(site_packages, quiet=2, workers=1)
    size = sum(path.lstat().st_size for path in site_packages.rglob("*") if path.is_file()) / 1e6
    assert size < MOST_MEGABYTES, f"{size:.1f} MB"
