"""What people call a session."""

from __future__ import annotations

from otel_sessionopt.report.session_names import dated_title, moment, short_ids
from tests.report.reports import report_of
from tests.support.digest_builder import TraceBuilder


def test_ids_made_by_chance_are_cut_as_far_as_they_stay_apart() -> None:
    first, second, third = "0123456789ab" + "0" * 20, "0123456789ff" + "0" * 20, "f" * 32
    uuid = "019ed936-c4f5-7a21-ad41-d1eed95dc4df"

    assert short_ids([first, second, third, uuid]) == ["0123456789ab", "0123456789ff", "ffffffff", "019ed936"]
    assert short_ids([first, first]) == ["01234567", "01234567"]


def test_ids_that_are_names_stay_whole() -> None:
    names = ["forge_20260121_143000", "talk", "0123456789AB" + "0" * 20, ""]

    assert short_ids(names) == names


def test_a_session_without_a_task_is_called_after_its_agent() -> None:
    assert dated_title(report_of(TraceBuilder().agent("coder").session())) == "Session of coder, 2026-01-05 09:00 UTC"


def test_a_time_is_shown_to_the_minute() -> None:
    assert moment("2026-01-05T09:00:31.5+00:00") == "2026-01-05 09:00 UTC"
    assert moment("2026-01-05T09:00:31+02:00") == "2026-01-05 09:00"
    assert moment("yesterday") == "yesterday"
