"""A real Chromium for the tests of pages, driven from an environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import venv
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser; as root it is installed from Debian's packages where it is missing."""
    if shutil.which("chromium") is None:
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            pytest.skip("needs `chromium`, which only root can install here (apt-get install chromium)")
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"],
            check=True,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdout=subprocess.DEVNULL,
        )
    found = shutil.which("chromium")
    assert found is not None
    return found


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with Playwright and axe-core, from the package index."""
    folder = tmp_path_factory.mktemp("browser") / "env"
    venv.create(folder, with_pip=True)
    own = folder / "bin" / "python"
    subprocess.run([own, "-m", "pip", "install", "--quiet", "playwright", "axe-playwright-python"], check=True)
    return own


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures go; `PEERS_SCREENSHOTS` names a folder to keep them in."""
    kept = os.environ.get("PEERS_SCREENSHOTS")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
