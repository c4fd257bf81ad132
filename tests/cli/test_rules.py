"""`sessionoptimizer rules`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from otel_sessionopt.analyzers.catalog import ANALYZER_CLASSES, meta_of, thresholds_of
from otel_sessionopt.cli.main import run


@pytest.fixture(autouse=True)
def empty_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(home))


def test_every_rule_is_listed_with_every_threshold(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rules"]) == 0
    out = capsys.readouterr().out

    assert out.startswith(f"{len(ANALYZER_CLASSES)} of {len(ANALYZER_CLASSES)} rules are enabled.\n")
    for analyzer_class in ANALYZER_CLASSES:
        assert f"\n{meta_of(analyzer_class).id}   " in out
        for threshold in thresholds_of(analyzer_class):
            assert f"  {threshold.name} = " in out
    assert "Ignored paths: none" in out
    assert "Own prices: none" in out


def test_what_is_set_shows_with_its_source(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(
        'ignore_paths = ["*.lock"]\n[rules.large-file]\nmin_tokens = 20000\n[prices.mine]\ninput = 1\noutput = 2.5\n',
        encoding="utf-8",
    )

    assert run(["rules", "--config", str(file), "--set", "rules.long-session.enabled=false"]) == 0
    out = " ".join(capsys.readouterr().out.split())

    assert out.startswith(f"{len(ANALYZER_CLASSES) - 1} of {len(ANALYZER_CLASSES)} rules are enabled.")
    assert f"min_tokens = 20,000 tokens default 10,000, set by {file}:3; a whole number" in out
    assert "long-session MEDIUM Long session OFF" in out
    assert "Ignored paths: *.lock" in out
    assert "mine: input 1.0, output 2.5" in out


def test_a_rule_has_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rules", "repeated-file-read", "--set", "rules.repeated-file-read.min_reads=4"]) == 0
    out = capsys.readouterr().out

    assert "(`repeated-file-read`)" in out
    assert "## When it stays silent" in out
    assert "min_reads = 4 reads" in out
    assert "large-file" not in out


def test_a_rule_that_is_not_there_is_named_with_a_guess(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rules", "larg-file"]) == 2
    assert capsys.readouterr().err == "error: rules: there is no rule 'larg-file'; did you mean 'large-file'?\n"


def test_the_list_is_there_for_machines_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rules", "--json", "--all", "--set", "prices.mine={input = 1, output = 2}"]) == 0
    document = json.loads(capsys.readouterr().out)

    assert [rule["id"] for rule in document["rules"]] == [meta_of(each).id for each in ANALYZER_CLASSES]
    assert document["rules"][0]["settings"][0]["key"] == "rules.repeated-file-read.enabled"
    assert "processor.grace_seconds" in {row["key"] for row in document["settings"]}
    assert document["prices"] == [{"model": "mine", "usd": {"input": 1.0, "output": 2.0}}]


def test_all_lists_every_setting_with_its_variable(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rules", "--all"]) == 0
    out = capsys.readouterr().out

    assert "report.folder = ~/.sessionoptimizer/reports" in out
    assert "$SESSIONOPT_PROCESSOR_GRACE_SECONDS" in out
    assert "$SESSIONOPT_IGNORE_PATHS" in out
