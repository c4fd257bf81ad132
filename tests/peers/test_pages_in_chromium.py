"""The service's pages in a real Chromium: opened, filtered, sorted, compared, followed, in the dark and on a phone."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from otel_sessionopt.history.keeping import keep_report
from otel_sessionopt.history.opening import open_history
from tests.service.test_history_views import QUIET, WASTEFUL, session
from tests.support.service_process import running_service

pytestmark = pytest.mark.peers

DRIVER = Path(__file__).with_name("pages_driver.py")
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"


@pytest.fixture(scope="module")
def seen(python: Path, chromium: str, pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("pages")
    store = open_history(folder / "history")
    for report in (
        session(WASTEFUL, "a" * 32, "coder", "2026-01-01T10:00:00+00:00", "Fix the parser"),
        session(QUIET, "b" * 32, "coder", "2026-01-02T10:00:00+00:00", "Write documents"),
        session(QUIET, "c" * 32, HOSTILE, "2026-01-03T10:00:00+00:00", HOSTILE),
    ):
        assert keep_report(store, report)
    store.close()
    with running_service(folder) as service:
        done = subprocess.run(
            [python, DRIVER, chromium, service.pages, pictures],
            check=False,
            capture_output=True,
            text=True,
            timeout=400,
        )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_page_is_accessible_and_fits_the_screen_light_and_dark(seen: Any) -> None:
    for look in seen["looks"]:
        for name, page in look["pages"].items():
            told = (look["scheme"], look["width"], name)
            assert page["violations"] == [], told
            assert page["console"] == ([] if page["status"] == 200 else page["console"]), told
            assert page["status"] == (404 if name == "problem" else 200), told
            assert page["foreign"] == [], told
            assert page["scroll_width"] <= look["width"], told


def test_the_dark_is_dark(seen: Any) -> None:
    brightness = {
        look["scheme"]: sum(map(int, look["pages"]["sessions"]["background"].strip("rgb()").split(",")))
        for look in seen["looks"]
    }
    assert brightness["dark"] < 150 < 600 < brightness["light"]


def test_the_list_opens_filters_and_sorts(seen: Any) -> None:
    assert seen["opened"]["url"].endswith("/sessions")
    assert len(seen["opened"]["rows"]) == 3
    assert ["Fix the parser" in row for row in seen["searched"]] == [True]
    assert len(seen["filtered"]) == 2
    assert sorted(seen["sorted"]["down"]) == sorted(seen["sorted"]["up"])
    assert "Fix the parser" in seen["sorted"]["down"][0]
    assert "Fix the parser" in seen["sorted"]["up"][-1]
    assert seen["sorted"]["aria"] == "ascending"


def test_links_lead_to_the_comparison_the_session_and_the_rule(seen: Any) -> None:
    assert seen["compared"]["heading"] == "2 sessions side by side"
    assert "/sessions/" in seen["session"]["url"]
    assert seen["rule"]["url"].endswith("/rules/repeated-file-read")
    assert seen["rule"]["heading"].startswith("Repeated file read")


def test_the_keyboard_is_enough(seen: Any) -> None:
    assert seen["first_stop"].startswith("Skip to")
    assert "/sessions/" in seen["by_keyboard"]


def test_a_hostile_name_shows_as_text(seen: Any) -> None:
    assert any(HOSTILE in row for row in seen["opened"]["rows"])
    assert seen["dialogs"] == []
