"""A hundred thousand mutated requests: no crash, no failure of ours, no growth."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.service.test_mutated_requests import fuzz

pytestmark = pytest.mark.peers


def test_a_hundred_thousand_mutated_requests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fuzz(tmp_path, 100_000, capsys)
