"""`Outbox`: sends things without making anybody wait for it."""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections.abc import Callable
from typing import Final

EXIT_SECONDS: Final = 10.0
"""How long a program that ends waits for what is still being sent."""

_log = logging.getLogger(__name__)


class Outbox:
    """Runs each sending on a daemon thread of its own; one that fails is logged, and nobody else notices.

    A program that ends waits for them up to `EXIT_SECONDS`. Safe to use from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._waits_at_exit = False

    def send(self, what: str, function: Callable[[], None]) -> None:
        """Call `function` on another thread. `what` names it in the log should it fail."""

        def run() -> None:
            try:
                function()
            except Exception as error:  # noqa: BLE001 - there is nobody to raise to
                # The type alone: the message may hold an address with a secret in it.
                _log.warning("%s could not be sent: %s", what, type(error).__name__)
            finally:
                with self._lock:
                    self._threads.discard(thread)

        thread = threading.Thread(target=run, name="sessionopt-outbox", daemon=True)
        with self._lock:
            if not self._waits_at_exit:
                atexit.register(self.flush)
                self._waits_at_exit = True
            self._threads.add(thread)
        thread.start()

    def flush(self, seconds: float = EXIT_SECONDS) -> bool:
        """Wait until everything is sent or has failed; False when the time did not suffice."""
        deadline = time.monotonic() + seconds
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0))
        return not any(thread.is_alive() for thread in threads)
