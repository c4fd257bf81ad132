from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path

import pytest

import otel_sessionopt
from otel_sessionopt.analyzers.base import BaseAnalyzer
from otel_sessionopt.analyzers.catalog import (
    ANALYZER_CLASSES,
    analyzer_id,
    build_analyzers,
    default_analyzers,
    meta_of,
    thresholds_of,
)
from otel_sessionopt.analyzers.issue import EfficiencyIssue, IssueType
from otel_sessionopt.analyzers.large_file import LargeFileAnalyzer
from otel_sessionopt.analyzers.pages import HEADINGS, REMAKE_COMMAND, readme, rule_page, rules_table
from otel_sessionopt.errors import ConfigError
from otel_sessionopt.session.model import Session

FOLDER = Path(inspect.getfile(BaseAnalyzer)).parent
EVERY_RULE = pytest.mark.parametrize("rule", ANALYZER_CLASSES, ids=lambda rule: analyzer_id(rule))


class HTTPRetryRule(BaseAnalyzer):
    def analyze(self, session: Session) -> list[EfficiencyIssue]:
        return []


def test_the_eight_basic_rules_are_there() -> None:
    assert [meta_of(rule).id for rule in ANALYZER_CLASSES][:8] == [
        "repeated-file-read",
        "repeated-search",
        "large-file",
        "excessive-thinking",
        "failed-retry",
        "long-session",
        "high-error-rate",
        "token-spike",
    ]


@EVERY_RULE
def test_the_id_is_the_file_name(rule: type[BaseAnalyzer]) -> None:
    assert Path(inspect.getfile(rule)).stem.replace("_", "-") == meta_of(rule).id


@EVERY_RULE
def test_the_class_name_is_the_id(rule: type[BaseAnalyzer]) -> None:
    assert rule.__name__ == meta_of(rule).id.title().replace("-", "") + "Analyzer"


@EVERY_RULE
def test_the_docstring_has_the_headings_in_order_with_text_below_each(rule: type[BaseAnalyzer]) -> None:
    lines = inspect.cleandoc(rule.__doc__ or "").splitlines()
    assert [line[3:] for line in lines if line.startswith("#")] == list(HEADINGS)
    for place, line in enumerate(lines):
        if line.startswith("## "):
            assert lines[place + 1] == ""
            assert lines[place + 2].strip()


@EVERY_RULE
def test_every_field_is_a_threshold_with_a_closed_range_around_its_default(rule: type[BaseAnalyzer]) -> None:
    thresholds = thresholds_of(rule)
    assert [each.name for each in thresholds] == [each.name for each in dataclasses.fields(rule)]  # type: ignore[arg-type]  # a dataclass
    assert thresholds
    for each in thresholds:
        assert each.ge is not None, each.name
        assert each.le is not None, each.name
        assert each.ge <= each.default <= each.le, each.name
        assert each.unit, each.name
        assert each.doc.endswith("."), each.name


@EVERY_RULE
def test_a_rule_is_frozen_has_no_dict_and_has_a_test_file(rule: type[BaseAnalyzer]) -> None:
    instance = rule()
    assert not hasattr(instance, "__dict__")
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(instance, thresholds_of(rule)[0].name, 1)
    assert (Path(__file__).parent / f"test_{meta_of(rule).id.replace('-', '_')}.py").is_file()


@EVERY_RULE
def test_the_readme_has_the_rule_in_its_table_and_its_page(rule: type[BaseAnalyzer]) -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    meta = meta_of(rule)
    assert f"| `{meta.id}` |" in text
    assert f"\n## {meta.title} (`{meta.id}`)\n" in text


def test_the_readme_is_up_to_date() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert text == readme(), f"analyzers/README.md is out of date; make it again with: {REMAKE_COMMAND}"


def test_the_pages_show_sections_thresholds_and_what_is_allowed() -> None:
    page = rule_page(LargeFileAnalyzer)
    assert page.startswith("# Large file (`large-file`)\n")
    assert "\n## What to do\n" in page
    assert "| `min_tokens` | 10,000 | tokens | a whole number from 100 to 10,000,000 |" in page
    assert page.endswith("|\n")


def test_the_table_has_one_row_a_rule() -> None:
    assert len(rules_table().splitlines()) == 2 + len(ANALYZER_CLASSES)


def test_every_issue_type_has_at_most_one_rule() -> None:
    codes = {kind.value.lower().replace("_", "-") for kind in IssueType}
    named = [meta_of(rule).id for rule in ANALYZER_CLASSES]
    assert len(set(named)) == len(named)
    assert {name for name in named if name not in codes} == {"large-file"}  # LARGE_FILE_UNCOMPRESSED


def test_the_id_of_a_plain_rule_is_its_class_name_in_kebab_case() -> None:
    assert analyzer_id(HTTPRetryRule()) == analyzer_id(HTTPRetryRule) == "http-retry-rule"


def test_a_plain_rule_has_no_thresholds() -> None:
    assert thresholds_of(HTTPRetryRule) == ()
    with pytest.raises(TypeError, match="HTTPRetryRule"):
        meta_of(HTTPRetryRule)


# Configuration


def test_without_settings_the_rules_are_the_default_ones() -> None:
    assert build_analyzers({}, "x.toml") == default_analyzers()


def test_thresholds_are_set_and_the_other_rules_keep_their_defaults() -> None:
    built = build_analyzers({"large-file": {"min_tokens": 500, "saveable_ratio": 1}}, "x.toml")
    assert built[2] == LargeFileAnalyzer(min_tokens=500, saveable_ratio=1.0)
    assert len(built) == len(ANALYZER_CLASSES)


def test_a_rule_can_be_switched_off() -> None:
    built = build_analyzers({"large-file": {"enabled": False}, "token-spike": {"enabled": True}}, "x.toml")
    assert "large-file" not in [analyzer_id(rule) for rule in built]
    assert len(built) == len(ANALYZER_CLASSES) - 1


@pytest.mark.parametrize("value", [100, 10_000_000])
def test_the_ends_of_a_range_are_allowed(value: int) -> None:
    assert build_analyzers({"large-file": {"min_tokens": value}}, "x.toml")[2] == LargeFileAnalyzer(min_tokens=value)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"larg-file": {}}, "x.toml: there is no rule 'larg-file'; did you mean 'large-file'?"),
        ({"zzz": {}}, "x.toml: there is no rule 'zzz'; there are: repeated-file-read, repeated-search,"),
        ({"large-file": 7}, "x.toml: rule 'large-file' is 7; settings by name are wanted"),
        ({"large-file": {"min_token": 7}}, "x.toml: rule 'large-file' has no threshold 'min_token'; did you mean"),
        ({"large-file": {"zzz": 7}}, "'zzz'; there are: min_tokens, saveable_ratio"),
        (
            {"large-file": {"min_tokens": 99}},
            "large-file.min_tokens is 99; a whole number from 100 to 10,000,000 is allowed",
        ),
        ({"large-file": {"min_tokens": 10_000_001}}, "a whole number from 100"),
        ({"large-file": {"min_tokens": 500.5}}, "large-file.min_tokens is 500.5; a whole number from 100"),
        ({"large-file": {"min_tokens": True}}, "large-file.min_tokens is True; a whole number"),
        ({"large-file": {"min_tokens": "many"}}, "large-file.min_tokens is 'many'; a whole number"),
        (
            {"large-file": {"saveable_ratio": 1.01}},
            "large-file.saveable_ratio is 1.01; a number from 0 to 1 is allowed",
        ),
        ({"large-file": {"saveable_ratio": float("nan")}}, "large-file.saveable_ratio is nan; a number from 0 to 1"),
        ({"large-file": {"enabled": "no"}}, "x.toml: large-file.enabled is 'no'; true or false is allowed"),
        ({"large-file": {"enabled": False, "min_tokens": 1}}, "large-file.min_tokens is 1"),
    ],
)
def test_a_wrong_setting_names_its_source_and_what_is_allowed(
    rules: dict[str, dict[str, object]], message: str
) -> None:
    with pytest.raises(ConfigError) as error:
        build_analyzers(rules, "x.toml")
    assert message in str(error.value)
    assert str(error.value).startswith("x.toml: ")


def test_every_rule_is_a_public_name() -> None:
    for analyzer in ANALYZER_CLASSES:
        assert getattr(otel_sessionopt, analyzer.__name__) is analyzer
        assert analyzer.__name__ in otel_sessionopt.__all__
