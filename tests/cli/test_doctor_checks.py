"""What `doctor` makes of variables, ports and folders."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_sessionopt.cli import doctor_checks as checks
from otel_sessionopt.cli.doctor_checks import Finding, Verdict


@pytest.fixture
def open_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def missing(findings: Iterator[Finding]) -> list[str]:
    return [finding.what for finding in findings if finding.verdict is Verdict.MISSING]


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({}, []),
        ({"OTEL_SDK_DISABLED": "false", "OTEL_TRACES_EXPORTER": "otlp"}, []),
        ({"OTEL_TRACES_SAMPLER": "parentbased_always_on"}, []),
        ({"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "10000"}, []),
        ({"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": ""}, []),
        ({"OTEL_SDK_DISABLED": "TRUE"}, ["OTEL_SDK_DISABLED=true: no program makes spans"]),
        ({"OTEL_TRACES_EXPORTER": "none"}, ["OTEL_TRACES_EXPORTER=none: no span is sent"]),
        (
            {"OTEL_TRACES_SAMPLER": "traceidratio"},
            ["OTEL_TRACES_SAMPLER=traceidratio: sessions are left out or incomplete"],
        ),
        (
            {"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": "9999"},
            [
                "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT=9999: arguments and results are cut, reads cannot be compared",
            ],
        ),
    ],
)
def test_variables_that_keep_spans_away(environ: dict[str, str], told: list[str]) -> None:
    assert missing(checks.check_sdk(environ)) == told


QUIET = ["click", "opentelemetry-instrumentation-openai-v2"]
CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


def test_content_that_is_not_captured_names_the_switch() -> None:
    (finding,) = checks.check_content({}, QUIET)

    assert finding.verdict is Verdict.MISSING
    assert finding.what.endswith("not captured by opentelemetry-instrumentation-openai-v2")
    assert f"{CAPTURE}=SPAN_ONLY" in finding.cure


def test_without_such_an_instrumentation_nothing_is_asked_for() -> None:
    assert list(checks.check_content({}, ["click", "openinference-instrumentation-openai"])) == []


def test_captured_content_is_fine() -> None:
    environ = {CAPTURE: "SPAN_ONLY", "OTEL_SEMCONV_STABILITY_OPT_IN": "http,gen_ai_latest_experimental"}

    assert [finding.verdict for finding in checks.check_content(environ, QUIET)] == [Verdict.OK]
    assert [finding.verdict for finding in checks.check_content({CAPTURE: "true"}, QUIET)] == [Verdict.OK]


def test_the_latest_switch_needs_the_latest_names() -> None:
    assert missing(checks.check_content({CAPTURE: "SPAN_ONLY"}, QUIET)) == [
        f"{CAPTURE}=SPAN_ONLY needs the latest names"
    ]


def test_content_on_events_only_is_not_on_spans() -> None:
    assert missing(checks.check_content({CAPTURE: "EVENT_ONLY"}, QUIET))


@pytest.mark.parametrize("environ", [{"TRACELOOP_TRACE_CONTENT": "false"}, {"OPENINFERENCE_HIDE_INPUTS": "true"}])
def test_hidden_content_is_told(environ: dict[str, str]) -> None:
    assert len(missing(checks.check_content(environ, []))) == 1


def test_shown_content_is_not_told() -> None:
    environ = {"TRACELOOP_TRACE_CONTENT": "true", "OPENINFERENCE_HIDE_INPUTS": "false"}

    assert list(checks.check_content(environ, [])) == []


def test_claude_code_is_left_alone_until_somebody_sets_its_telemetry_up() -> None:
    assert list(checks.check_claude_code({"CLAUDECODE": "1"})) == []


def test_every_switch_that_claude_code_lacks_is_told() -> None:
    told = [finding.cure for finding in checks.check_claude_code({"CLAUDE_CODE_ENABLE_TELEMETRY": "1"})]

    assert told == [
        "set CLAUDE_CODE_ENHANCED_TELEMETRY_BETA=1",
        "set OTEL_LOG_TOOL_DETAILS=1",
        "set OTEL_LOG_TOOL_CONTENT=1",
        "set OTEL_TRACES_EXPORTER=otlp",
    ]


def test_a_complete_claude_code_lacks_nothing() -> None:
    names = (
        "CLAUDE_CODE_ENABLE_TELEMETRY",
        "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA",
        "OTEL_LOG_TOOL_DETAILS",
        "OTEL_LOG_TOOL_CONTENT",
    )

    assert list(checks.check_claude_code({**dict.fromkeys(names, "1"), "OTEL_TRACES_EXPORTER": "otlp"})) == []


@pytest.mark.parametrize("form", ["http://127.0.0.1:{}", "http://127.0.0.1:{}/v1/traces", "127.0.0.1:{}"])
def test_an_endpoint_that_answers_is_a_source(open_port: int, form: str) -> None:
    (finding,) = checks.check_endpoint({"OTEL_EXPORTER_OTLP_ENDPOINT": form.format(open_port)})

    assert finding.verdict is Verdict.OK
    assert finding.is_source


def test_an_endpoint_where_nothing_listens_is_missing(closed_port: int) -> None:
    (finding,) = checks.check_endpoint({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://127.0.0.1:{closed_port}"})

    assert finding.verdict is Verdict.MISSING
    assert finding.what.endswith("nothing answers")


@pytest.mark.parametrize("url", ["http://", "http://host:port", "http://host:99999", "\x1b[31m"])
def test_an_endpoint_that_is_no_url_is_told_and_not_tried(url: str) -> None:
    (finding,) = checks.check_endpoint({"OTEL_EXPORTER_OTLP_ENDPOINT": url})

    assert finding.verdict is Verdict.MISSING
    assert finding.what.isprintable()


def test_a_password_in_an_endpoint_is_masked(closed_port: int) -> None:
    (finding,) = checks.check_endpoint({"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://me:hunter2@127.0.0.1:{closed_port}"})

    assert "hunter2" not in finding.what


def test_without_an_endpoint_only_this_machine_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []

    def connect(host: str, port: int) -> bool:
        asked.append((host, port))
        return port == 4318

    monkeypatch.setattr(checks, "can_connect", connect)
    findings = list(checks.check_endpoint({}))

    assert asked == [("127.0.0.1", 4318), ("127.0.0.1", 4317)]
    assert [finding.is_source for finding in findings] == [True, False]
    assert not missing(iter(findings))


def test_transcripts_are_counted(tmp_path: Path) -> None:
    projects = tmp_path / ".claude" / "projects" / "p"
    projects.mkdir(parents=True)
    (projects / "a.jsonl").touch()
    (projects / "b.jsonl").touch()
    (projects / "notes.txt").touch()
    findings = list(checks.check_transcripts({}, tmp_path))

    assert findings[0].what.startswith("2 Claude Code transcripts in ")
    assert findings[0].is_source
    assert len(findings) == 1  # no word about Codex where there is none


def test_transcripts_elsewhere_are_found_by_the_variables_of_their_tools(tmp_path: Path) -> None:
    (tmp_path / "c" / "projects").mkdir(parents=True)
    (tmp_path / "c" / "projects" / "a.jsonl").touch()
    (tmp_path / "x" / "sessions").mkdir(parents=True)
    (tmp_path / "x" / "sessions" / "r.jsonl").touch()
    environ = {"CLAUDE_CONFIG_DIR": str(tmp_path / "c"), "CODEX_HOME": str(tmp_path / "x")}
    findings = list(checks.check_transcripts(environ, tmp_path))

    assert findings[0].what.startswith("1 Claude Code")
    assert findings[1].what.startswith("1 Codex")


def test_nothing_from_anywhere_is_missing_and_one_source_is_enough(tmp_path: Path) -> None:
    nothing = list(checks.check_transcripts({}, tmp_path))
    (told,) = checks.check_sources(nothing)

    assert told.verdict is Verdict.MISSING
    assert list(checks.check_sources([Finding(Verdict.OK, "x", is_source=True)])) == []


def test_reports_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a_report.json").touch()
    (tmp_path / "a_report.md").touch()

    assert [finding.what for finding in checks.check_reports(tmp_path)] == [f"1 report in {tmp_path}"]
    assert not next(checks.check_reports(tmp_path / "no")).is_source
