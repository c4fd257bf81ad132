"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real sessions beside the checkout; tests that need it are skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real sessions (../shared/data) are not beside this checkout")
    return SHARED_DATA


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests see neither the home folder nor the variables of whoever runs them."""
    monkeypatch.setenv("HOME", str(tmp_path_factory.getbasetemp()))
    for name in tuple(os.environ):
        if name.startswith(("SESSIONOPT_", "OTEL_")):
            monkeypatch.delenv(name)
