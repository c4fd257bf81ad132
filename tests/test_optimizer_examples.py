"""The examples that the users of `SessionOptimizer` know, as they are written; and the quick functions."""
# ruff: noqa: E501, E702, T201

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import otel_sessionopt
from otel_sessionopt import (
    BaseAnalyzer,
    EfficiencyIssue,
    EventType,
    IssueType,
    Session,
    SessionOptimizer,
    SessionStatus,
    Severity,
    analyze_session,
    end_session,
    get_agent_stats,
    get_optimizer,
    log_event,
    start_session,
)
from otel_sessionopt import quick_functions as quick
from tests.support.recordings import present


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home folder, and quick functions that have not been used."""
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "SESSIONOPT_HISTORY_FOLDER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(quick, "_default", None)
    yield tmp_path
    if quick._default is not None:
        quick._default.close()


class CustomApiCallAnalyzer(BaseAnalyzer):
    """Detect inefficient API call patterns."""

    def analyze(self, session: Session) -> list:  # type: ignore[type-arg]  # as its users write it
        api_calls = [e for e in session.events if e.data.get("type") == "api_call"]
        if len(api_calls) <= 10:
            return []
        return [EfficiencyIssue(id=f"too_many_api_calls_{session.id[:8]}", issue_type=IssueType.INEFFICIENT_TOOL_USE, severity=Severity.MEDIUM,
                description=f"Session made {len(api_calls)} API calls", suggestion="Batch API calls or cache responses",
                estimated_waste_tokens=len(api_calls) * 100)]  # fmt: skip


class TestExamples:
    def test_the_first_example(self, home: Path) -> None:
        optimizer = SessionOptimizer()  # SessionOptimizer(storage_path=None, analyzers=None)  # fmt: skip
        session = optimizer.start_session(agent="FORGE", task="Build new feature", model="opus")
        optimizer.log_event(session.id, EventType.FILE_READ, data={"file_path": "/src/main.py"}, tokens_input=500)
        optimizer.log_event(session.id, EventType.AI_RESPONSE, tokens_output=1500)
        optimizer.end_session(session.id)
        report = optimizer.analyze(session.id)

        assert report is not None
        assert report.session_id == session.id
        assert report.efficiency_score == 100
        assert report.token_breakdown == {
            "FILE_READ": 500,
            "AI_RESPONSE": 1_500,
            "TOTAL_INPUT": 500,
            "TOTAL_OUTPUT": 1_500,
            "TOTAL": 2_000,
        }
        assert float(report.bill.total.cost_usd or 0) == pytest.approx(0.5 * 0.015 + 1.5 * 0.075)
        assert sorted(file.name for file in (home / ".sessionoptimizer").iterdir())[0] == "history.db"
        optimizer.close()

    def test_the_second_example(self, home: Path) -> None:
        optimizer = SessionOptimizer(analyzers=[CustomApiCallAnalyzer()])
        session = start_session("FORGE", "Quick task")
        log_event(session.id, EventType.FILE_READ, {"file": "main.py"}, tokens_input=500)
        stats = get_agent_stats("FORGE", days=7); print(f"Average efficiency: {stats['average_efficiency']:.1f}%")  # fmt: skip

        assert stats["sessions_analyzed"] == 1
        assert stats["total_tokens"] == 500
        for _ in range(11):
            optimizer.log_event(session.id, EventType.TOOL_CALL, {"type": "api_call"})
        report = optimizer.analyze(session.id)
        assert report is not None
        (issue,) = report.issues
        assert issue.id == "too_many_api_calls_forge_20"
        assert issue.description == "Session made 11 API calls"
        assert (issue.code, issue.estimated_waste_tokens) == ("custom-api-call-analyzer", 1_100)
        optimizer.close()

    def test_the_quick_functions_work_on_one_default_instance(self, home: Path) -> None:
        session = start_session("ATLAS", "x", "sonnet", "own-id", {"team": "a"})
        event = log_event(session.id, EventType.TOOL_CALL, {"tool": "grep"}, 100, 200, 30)
        ended = end_session(session.id, SessionStatus.FAILED)
        report = analyze_session(session.id)

        assert event is not None
        assert (event.tokens_input, event.tokens_output, event.duration_ms) == (100, 200, 30)
        assert present(ended).status is SessionStatus.FAILED
        assert report is not None
        assert report.token_breakdown["TOTAL"] == 300
        assert get_optimizer() is get_optimizer()
        assert present(get_optimizer().get_session("own-id")).metadata == {"team": "a"}

    def test_the_default_instance_moves_where_it_is_told(self, home: Path) -> None:
        first = get_optimizer()
        elsewhere = get_optimizer(home / "other")

        assert elsewhere is not first
        assert get_optimizer() is elsewhere
        assert get_optimizer(home / "other") is elsewhere

    def test_every_public_name_is_there(self) -> None:
        for name in otel_sessionopt.__all__:
            assert getattr(otel_sessionopt, name) is not None

    def test_to_log_an_event_loads_neither_sdk_nor_prices_nor_pipeline(self, tmp_path: Path) -> None:
        script = (
            "import sys; from otel_sessionopt import SessionOptimizer, EventType\n"
            f"optimizer = SessionOptimizer({str(tmp_path)!r})\n"
            "session = optimizer.start_session('FORGE', 'x')\n"
            "optimizer.log_event(session.id, EventType.FILE_READ)\n"
            "heavy = ('opentelemetry', 'genai_prices', 'rich', 'click', 'urllib.request', 'otel_sessionopt.pipeline',"
            "'otel_sessionopt.dialects', 'otel_sessionopt.report')\n"
            "print([name for name in heavy if name in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

        assert done.stdout.strip() == "[]"
