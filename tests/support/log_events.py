"""A process that logs events and tells each one that was acknowledged: `log_events.py FOLDER SESSION NAME COUNT`."""

from __future__ import annotations

import os
import sys

from otel_sessionopt.optimizer import SessionOptimizer
from otel_sessionopt.session import EventType


def main(folder: str, session_id: str, name: str, count: str) -> None:
    optimizer = SessionOptimizer(folder)
    os.write(1, b"ready\n")
    sys.stdin.readline()
    for number in range(int(count)):
        event = optimizer.log_event(session_id, EventType.TOOL_CALL, {"from": name, "n": number}, tokens_input=1)
        assert event is not None
        os.write(1, f"{event.id}\n".encode())  # not buffered: what is told has been acknowledged


if __name__ == "__main__":
    main(*sys.argv[1:])
