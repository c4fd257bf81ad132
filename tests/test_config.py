"""Every setting: where it may be given, what is refused, and how that is told."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from otel_sessionopt.config import Settings, all_settings, explain_settings, history_folder, load_settings
from otel_sessionopt.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


@pytest.fixture(autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    return home


def refusal(file: Path | None = None, environ: dict[str, str] | None = None, overrides: tuple[str, ...] = ()) -> str:
    with pytest.raises(ConfigError) as refused:
        load_settings(file, environ or {}, overrides)
    return str(refused.value)


def test_without_any_source_every_setting_has_its_default() -> None:
    settings = load_settings(environ={})

    assert settings == Settings()
    assert settings.report.folder == Path("~/.sessionoptimizer/reports")
    assert settings.report.formats == ("json", "md", "txt", "html")
    assert settings.processor.grace_seconds == 2.0
    assert {row.source for row in explain_settings(settings)} == {"default"}


def test_a_file_sets_every_kind_of_setting(file: Path) -> None:
    file.write_text(
        """
        ignore_paths = ["*.lock", "vendor/*"]

        [report]
        enabled = false
        folder = "/tmp/reports"
        formats = ["json"]

        [processor]
        grace_seconds = 5
        max_traces = 10

        [rules.repeated-file-read]
        min_reads = 3

        [rules.long-session]
        enabled = false

        [prices."gpt-4.1"]
        input = 2
        output = 8.5
        """,
        encoding="utf-8",
    )

    settings = load_settings(file, {})

    assert settings.ignore_paths == ("*.lock", "vendor/*")
    assert (settings.report.enabled, settings.report.folder) == (False, Path("/tmp/reports"))
    assert settings.report.formats == ("json",)
    assert settings.processor.grace_seconds == 5.0
    assert settings.processor.max_traces == 10
    assert settings.rules == {"repeated-file-read": {"min_reads": 3}, "long-session": {"enabled": False}}
    assert settings.prices["gpt-4.1"].input == Decimal(2)
    assert settings.prices["gpt-4.1"].output == Decimal("8.5")
    assert settings.prices["gpt-4.1"].cache_read is None


def test_later_sources_win(file: Path) -> None:
    file.write_text("[processor]\ngrace_seconds = 3\nmax_traces = 3\nqueue_size = 3\n", encoding="utf-8")
    environ = {"SESSIONOPT_PROCESSOR_MAX_TRACES": "4", "SESSIONOPT_PROCESSOR_QUEUE_SIZE": "4"}

    settings = load_settings(file, environ, ["processor.queue_size=5"])

    assert (settings.processor.grace_seconds, settings.processor.max_traces, settings.processor.queue_size) == (3, 4, 5)
    assert settings.sources == {
        "processor.grace_seconds": f"{file}:2",
        "processor.max_traces": "SESSIONOPT_PROCESSOR_MAX_TRACES",
        "processor.queue_size": "--set processor.queue_size=5",
    }


def test_the_file_in_the_home_folder_is_read_when_none_is_named(empty_home: Path) -> None:
    folder = empty_home / ".sessionoptimizer"
    folder.mkdir()
    (folder / "config.toml").write_text("[processor]\nmax_traces = 7\n", encoding="utf-8")

    assert load_settings(environ={}).processor.max_traces == 7


def test_a_variable_names_the_file_and_a_flag_beats_it(file: Path, tmp_path: Path) -> None:
    file.write_text("[processor]\nmax_traces = 7\n", encoding="utf-8")
    other = tmp_path / "other.toml"
    other.write_text("[processor]\nmax_traces = 8\n", encoding="utf-8")

    assert load_settings(environ={"SESSIONOPT_CONFIG": str(file)}).processor.max_traces == 7
    assert load_settings(other, {"SESSIONOPT_CONFIG": str(file)}).processor.max_traces == 8


def test_a_named_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "no.toml") == f"{tmp_path / 'no.toml'}: cannot be read: No such file or directory"
    assert "cannot be read" in refusal(None, {"SESSIONOPT_CONFIG": str(tmp_path / "no.toml")})


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("SESSIONOPT_REPORT_FOLDER", "/tmp/x y", Path("/tmp/x y")),
        ("SESSIONOPT_REPORT_FOLDER", "2024-01-01", Path("2024-01-01")),
        ("SESSIONOPT_REPORT_FOLDER", "123", Path("123")),
        ("SESSIONOPT_REPORT_ENABLED", "no", False),
        ("SESSIONOPT_REPORT_ENABLED", "1", True),
        ("SESSIONOPT_REPORT_FORMATS", "json, md", ("json", "md")),
        ("SESSIONOPT_REPORT_FORMATS", '["txt"]', ("txt",)),
        ("SESSIONOPT_PROCESSOR_GRACE_SECONDS", "0.5", 0.5),
        ("SESSIONOPT_RULES_REPEATED_FILE_READ_MIN_READS", "4", 4),
        ("SESSIONOPT_RULES_REPEATED_FILE_READ_ENABLED", "false", False),
        ("SESSIONOPT_IGNORE_PATHS", "*.lock,vendor/*", ("*.lock", "vendor/*")),
        ("SESSIONOPT_IGNORE_PATHS", "", ()),
    ],
)
def test_variables_are_read_as_the_setting_wants_them(name: str, text: str, expected: object) -> None:
    rows = {row.variable: row for row in explain_settings(load_settings(environ={name: text}))}

    assert rows[name].value == expected
    assert rows[name].source == name


@pytest.mark.parametrize(
    ("flag", "folder"),
    [("report.folder=2024", "2024"), ("report.folder=/tmp/x", "/tmp/x"), ('report.folder="a b"', "a b")],
)
def test_a_flag_that_looks_like_a_number_may_still_be_a_name(flag: str, folder: str) -> None:
    assert load_settings(environ={}, overrides=[flag]).report.folder == Path(folder)


def test_prices_may_be_given_by_variable_and_flag() -> None:
    settings = load_settings(
        environ={"SESSIONOPT_PRICES": '{"my-model" = {input = 1, output = 2}}'},
        overrides=["prices.my-model.output=3", 'prices."gpt-4.1"={input = 2, output = 8}'],
    )

    assert settings.prices["my-model"].input == 1
    assert settings.prices["my-model"].output == 3
    assert settings.prices["gpt-4.1"].output == 8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[report]\nfoldr = 'x'\n", ":2: there is no setting 'report.foldr'; did you mean 'report.folder'?"),
        ("[rules.repeated-file-read]\nmin_reads = 1\n", ":2: rules.repeated-file-read.min_reads is 1; a whole number"),
        ("rules.repeated-file-read.min_reads = 2.5\n", ":1: rules.repeated-file-read.min_reads is 2.5; a whole number"),
        ("[processor]\ngrace_seconds = true\n", ":2: processor.grace_seconds is True; a number from 0 to 3,600"),
        ("[processor]\ngrace_seconds = nan\n", ":2: processor.grace_seconds is nan; a number"),
        ("[processor]\ngrace_seconds = '2'\n", ":2: processor.grace_seconds is '2'; a number"),
        ("[report]\nenabled = 'yes'\n", ":2: report.enabled is 'yes'; true or false is wanted"),
        ("[report]\nformats = ['pdf']\n", ":2: report.formats is ['pdf']; a list of json, md, txt, html is wanted"),
        ("[report]\nfolder = ''\n", ":2: report.folder is ''; a folder name is wanted"),
        ("ignore_paths = 'x'\n", ":1: ignore_paths is 'x'; a list of globs is wanted"),
        ("[rules.no-such]\n", ":1: there is no setting 'rules.no-such'"),
        ("[rule.large-file]\nmin_tokens = 3\n", ":2: there is no setting 'rule.large-file.min_tokens'; did you mean"),
        (
            "report = 3\n",
            ":1: report is 3; it is a table: report.enabled, report.folder, report.formats, report.jaeger_url",
        ),
        ("[prices.x]\ninput = 3\n", ":2: prices.x has no output; both input and output are wanted"),
        ("[prices.x]\ninputs = 3\n", ":2: prices.x.inputs is no price; prices.<model>.<class> is wanted"),
        ("[prices.x]\ninput = -3\noutput = 1\n", ":2: prices.x.input is -3; a number of 0 or more is wanted"),
        ("[report\n", ":1: not valid TOML: Expected ']' at the end of a table declaration"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_line(file: Path, text: str, message: str) -> None:
    file.write_text(text, encoding="utf-8")

    assert refusal(file).startswith(f"{file}{message}")


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        (
            {"SESSIONOPT_REPORT_FOLDR": "x"},
            "SESSIONOPT_REPORT_FOLDR: there is no such setting; did you mean 'SESSIONOPT_REPORT_FOLDER'?",
        ),
        (
            {"SESSIONOPT_PROCESSOR_GRACE_SECONDS": "soon"},
            "SESSIONOPT_PROCESSOR_GRACE_SECONDS: processor.grace_seconds is 'soon'; a number from 0 to 3,600 is wanted",
        ),
        (
            {"SESSIONOPT_RULES_REPEATED_FILE_READ_MIN_READS": "1"},
            "SESSIONOPT_RULES_REPEATED_FILE_READ_MIN_READS: rules.repeated-file-read.min_reads is '1'; a whole number",
        ),
    ],
)
def test_a_mistake_in_a_variable_is_told_with_its_name(environ: dict[str, str], message: str) -> None:
    assert refusal(environ=environ).startswith(message)


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("nonsense", "--set nonsense: KEY=VALUE is wanted"),
        ("=3", "--set =3: '' is no key"),
        ("a b=3", "--set a b=3: 'a b' is no key"),
        ("rules.large-fil.enabled=false", "--set rules.large-fil.enabled=false: there is no setting"),
        ("report.enabled=perhaps", "--set report.enabled=perhaps: report.enabled is 'perhaps'; true or false"),
    ],
)
def test_a_mistake_in_a_flag_is_told_with_the_flag(flag: str, message: str) -> None:
    assert refusal(overrides=(flag,)).startswith(message)


def test_variables_of_others_do_not_matter() -> None:
    environ = {"PATH": "x", "OTEL_SERVICE_NAME": "y", "SESSIONOPT_DEBUG": "1", "sessionopt_x": "z"}

    assert load_settings(environ=environ) == Settings()


def test_an_empty_table_of_a_known_name_is_no_mistake(file: Path) -> None:
    file.write_text("[report]\n[rules.large-file]\n[prices]\n[processor]\n", encoding="utf-8")

    assert load_settings(file, {}) == Settings()


def test_a_file_that_is_not_text_is_refused_in_one_line(file: Path) -> None:
    file.write_bytes(b"a = '\xff'")

    assert refusal(file) == f"{file}: not UTF-8 text (byte 5); a configuration is a TOML file"


def test_every_setting_has_a_variable_of_its_own_and_says_what_it_is() -> None:
    settings = all_settings()

    assert max(Counter(setting.variable for setting in settings).values()) == 1
    assert all(setting.doc.endswith(".") for setting in settings)
    assert all(setting.allowed for setting in settings)
    assert {setting.path[0] for setting in settings} == {
        "report",
        "history",
        "processor",
        "writeback",
        "exporter",
        "service",
        "rules",
        "ignore_paths",
        "enabled",
    }


@pytest.mark.parametrize("content", ["", "[history]\nsave = true\n", "[history]\nfolder = 'from/file'\n"])
@pytest.mark.parametrize("variable", ["", "from/variable", "~/from/home"])
def test_the_folder_of_the_history_alone_is_what_all_settings_say(file: Path, content: str, variable: str) -> None:
    file.write_text(content, encoding="utf-8")
    environ = {"SESSIONOPT_CONFIG": str(file), **({"SESSIONOPT_HISTORY_FOLDER": variable} if variable else {})}

    assert history_folder(environ) == load_settings(environ=environ).history.folder.expanduser()


def test_a_folder_of_the_history_that_is_none_is_refused_by_name(file: Path) -> None:
    file.write_text("[history]\nfolder = 7\n", encoding="utf-8")

    with pytest.raises(ConfigError, match=r"config\.toml:2: history\.folder is 7; a folder name is wanted"):
        history_folder({"SESSIONOPT_CONFIG": str(file)})
