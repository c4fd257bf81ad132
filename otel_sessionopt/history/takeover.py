"""Takes over the sessions that the earlier tool stored as `sessions/*.json`. Its files are read, never touched."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

from otel_sessionopt.history.known_shape import session_from_json

if TYPE_CHECKING:
    from otel_sessionopt.store.protocol import Store

FOLDER_NAME: Final = "sessions"
_NOTE: Final = "taken over from sessions/*.json"

_log = logging.getLogger(__name__)


def take_over(store: Store, folder: Path) -> int:
    """Take over what is in `folder`/sessions, once for each store; gives how many sessions came in.

    Each session comes in whole or not at all, so that two processes which begin at once, or one that dies in the
    middle, do no harm. A file that holds no session is named in a warning and left out.
    """
    source = folder / FOLDER_NAME
    if not source.is_dir() or store.note(_NOTE) is not None:
        return 0
    count = 0
    for path in sorted(source.glob("*.json")):
        try:
            session = session_from_json(json.loads(path.read_text(encoding="utf-8-sig")))
        except (OSError, ValueError, RecursionError):  # ValueError: neither JSON nor UTF-8
            session = None
        if session is None:
            _log.warning("%s: not taken over, it holds no session", path)
        elif store.add(session):
            count += 1
    store.set_note(_NOTE, str(count))
    return count
