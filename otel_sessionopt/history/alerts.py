"""Alerts: a message goes out when a session falls below a score."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from otel_sessionopt.errors import ConfigError

if TYPE_CHECKING:
    from otel_sessionopt.history.outbox import Outbox
    from otel_sessionopt.report import OptimizationReport

_WEBHOOK_SECONDS: Final = 10.0
_ISSUES_TOLD: Final = 5

_log = logging.getLogger(__name__)


class Alerts:
    """Tells of each session whose score falls below a threshold: once, and again after it has recovered.

    Args:
        below: the threshold, 0–100.
        on_alert: gets the report, on the thread that analysed.
        webhook: http(s) URL that gets a JSON message by POST, on another thread.
        outbox: does the sending.

    Raises:
        ConfigError: the threshold is out of range, or the webhook is no URL.
    """

    def __init__(
        self,
        below: float,
        on_alert: Callable[[OptimizationReport], None] | None,
        webhook: str | None,
        outbox: Outbox,
    ) -> None:
        if isinstance(below, bool) or not 0 <= below <= 100:
            raise ConfigError(f"alert_below is {below!r}; a score from 0 to 100 is wanted")
        if webhook is not None and not _is_http_url(webhook):
            raise ConfigError("alert_webhook: an http or https URL is wanted")
        self._below = below
        self._on_alert = on_alert
        self._webhook = webhook
        self._outbox = outbox
        self._told: set[str] = set()

    def __call__(self, report: OptimizationReport) -> None:
        """Send a message if this report calls for one. Never waits for a webhook."""
        if report.efficiency_score >= self._below:
            self._told.discard(report.session_id)
            return
        if report.session_id in self._told:
            return
        self._told.add(report.session_id)
        if self._on_alert is None and self._webhook is None:
            _log.warning("%s", headline_of(report, self._below))
        if self._on_alert is not None:
            call_guarded(self._on_alert, report)
        if self._webhook is not None:
            webhook, message = self._webhook, message_of(report, self._below)
            self._outbox.send("an alert", lambda: _post(webhook, message))


def headline_of(report: OptimizationReport, below: float) -> str:
    """The alert in one sentence."""
    from otel_sessionopt.report.figures import count  # with the report that is there already

    return (
        f"Session {report.session_id} scores {report.efficiency_score:.1f} ({report.grade}), below {below:g}: "
        f"{count(report.total_waste_tokens, 'token')} wasted, {count(len(report.issues), 'issue')}."
    )


def message_of(report: OptimizationReport, below: float) -> dict[str, Any]:
    """The alert as JSON. `text` is what chat services show."""
    return {
        "text": headline_of(report, below),
        "session_id": report.session_id,
        "agent": report.session.agent,
        "task": report.session.task,
        "efficiency_score": report.efficiency_score,
        "grade": report.grade,
        "alert_below": below,
        "total_waste_tokens": report.total_waste_tokens,
        "total_waste_cost": report.total_waste_cost,
        "issues": [
            {
                "issue_type": issue.issue_type.value,
                "severity": issue.severity.value,
                "description": issue.description,
                "suggestion": issue.suggestion,
            }
            for issue in report.issues[:_ISSUES_TOLD]
        ],
    }


def call_guarded(function: Callable[[OptimizationReport], None], report: OptimizationReport) -> None:
    """Call a user's function; one that raises is logged, and whatever comes after it still runs."""
    try:
        function(report)
    except Exception:  # noqa: BLE001 - the user's own code
        _log.exception("%r raised for session %s", function, report.session_id)


def _is_http_url(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _post(url: str, message: dict[str, Any]) -> None:
    import urllib.request  # most programs send no alert

    request = urllib.request.Request(
        url, json.dumps(message).encode("ascii"), {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=_WEBHOOK_SECONDS):
        pass
