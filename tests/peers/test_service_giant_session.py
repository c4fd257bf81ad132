"""A session of 200,000 spans ends in a correct report."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.service.test_long_sessions import CALL_USD, split, standard_session
from tests.support.service_process import running_service

pytestmark = pytest.mark.peers

SPANS = 200_000


def test_a_session_of_two_hundred_thousand_spans(tmp_path: Path) -> None:
    bodies = split(standard_session(1, SPANS), 512)
    trace = f"{1:032x}"
    with running_service(tmp_path, quiet_seconds=5) as service:
        for body in bodies:
            assert service.post(body).status == 200
        service.wait_for(lambda: trace in service.reports and service.is_idle(), 400)
        report = service.reports[trace]
    assert report["release"]["span_count"] == SPANS
    assert report["bill"]["calls"] == SPANS // 2
    assert Decimal(str(report["bill"]["total"]["cost_usd"])) == SPANS // 2 * CALL_USD
