"""A processor that is given no pipeline follows the settings of the user."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.live_spans import live, run_agent


def test_a_rule_that_the_environment_switches_off_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with live() as world:
        run_agent(world.tracer)
        world.recorder.wait(6)
    assert [issue.code for issue in world.reports[0].issues] == ["repeated-file-read"]
    monkeypatch.setenv("SESSIONOPT_RULES_REPEATED_FILE_READ_ENABLED", "false")
    with live(pipeline=None) as world:
        run_agent(world.tracer)
        world.recorder.wait(6)
    assert world.reports[0].issues == []


def test_wrong_settings_are_counted_and_the_defaults_hold(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("nonsense = 1\n")
    monkeypatch.setenv("SESSIONOPT_CONFIG", str(tmp_path / "config.toml"))
    with live(pipeline=None, reraise=False) as world:
        run_agent(world.tracer)
        world.recorder.wait(6)
        assert world.processor.stats.failures == {"settings": 1}
    assert [issue.code for issue in world.reports[0].issues] == ["repeated-file-read"]
