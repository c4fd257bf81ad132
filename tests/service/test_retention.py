"""What the retention setting deletes, and what it leaves."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from otel_sessionopt.config import Settings, load_settings
from otel_sessionopt.history.keeping import keep_report
from otel_sessionopt.history.opening import open_history
from otel_sessionopt.service import retention
from otel_sessionopt.service.retention import Retention
from otel_sessionopt.session.model import Session
from otel_sessionopt.session.times import NS_PER_SECOND, ns_from_iso
from otel_sessionopt.store.records import SessionQuery
from otel_sessionopt.writeback.report_files import write_report
from tests.service.test_history_views import QUIET, WASTEFUL, session
from tests.support.service_process import agent_request, running_service

NOW_S = (ns_from_iso("2026-02-01T12:00:00+00:00") or 0) / NS_PER_SECOND
OLD, NEW = "a" * 32, "b" * 32


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    loaded = load_settings(environ={})
    chosen = replace(
        loaded,
        history=replace(loaded.history, folder=tmp_path / "history"),
        report=replace(loaded.report, folder=tmp_path / "reports"),
        service=replace(loaded.service, report_retention_days=7.0),
    )
    store = open_history(chosen.history.folder)
    for spans, trace, day in ((WASTEFUL, OLD, "2026-01-25T11:00:00"), (QUIET, NEW, "2026-01-25T13:00:00")):
        report = session(spans, trace, "coder", f"{day}+00:00", "")
        assert keep_report(store, report)
        for path in write_report(report, chosen.report.folder):
            os.utime(path, (NOW_S, NOW_S))
    store.add(Session(id="by hand", agent="coder", task="", started_at="2020-01-01T00:00:00+00:00"))
    store.close()
    return chosen


def sweep(settings: Settings) -> int:
    return Retention(settings, lambda: open_history(settings.history.folder), clock=lambda: NOW_S).sweep()


def kept(settings: Settings) -> tuple[list[str], list[str]]:
    store = open_history(settings.history.folder)
    ids = [each.session.id for each in store.find(SessionQuery())]
    store.close()
    return sorted(ids), sorted(path.name for path in settings.report.folder.iterdir())


def test_old_sessions_go_with_their_reports_and_recordings_stay(settings: Settings) -> None:
    assert sweep(settings) == 1
    ids, files = kept(settings)
    assert ids == [NEW, "by hand"]
    assert files == [f"{NEW}_report.{form}" for form in ("html", "json", "md", "txt")]


def test_report_files_without_a_session_go_by_their_age_and_other_files_stay(settings: Settings) -> None:
    for name in ("gone_report.json", "gone_report.txt", "notes.txt"):
        (settings.report.folder / name).write_text("x")
        os.utime(settings.report.folder / name, (0, 0))
    sweep(settings)
    assert [name for name in kept(settings)[1] if not name.startswith(NEW)] == ["notes.txt"]


def test_nothing_goes_without_the_setting(settings: Settings) -> None:
    before = kept(settings)
    assert sweep(replace(settings, service=replace(settings.service, report_retention_days=0.0))) == 0
    assert kept(settings) == before


def test_many_are_deleted_bit_by_bit_and_then_an_hour_passes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_AT_ONCE", 1)
    store = open_history(settings.history.folder)
    keep_report(store, session(QUIET, "c" * 32, "coder", "2026-01-02T10:00:00+00:00", ""))
    store.close()
    cleaner = Retention(settings, lambda: open_history(settings.history.folder), clock=lambda: NOW_S)
    assert [cleaner.sweep() for _ in range(4)] == [1, 1, 0, 0]


def test_the_service_deletes_what_it_once_wrote(tmp_path: Path) -> None:
    with running_service(tmp_path) as service:
        service.post(agent_request(1, [1, 2]))  # of October 2025
        service.wait_for(lambda: bool(service.reports))
    with running_service(tmp_path, report_retention_days=7) as service:
        service.wait_for(lambda: not service.reports)
    store = open_history(tmp_path / "history")
    assert store.find(SessionQuery()) == []
    store.close()
