"""Where opencode keeps sessions: a database (from 1.2 on), before that a folder of small files, or an exported file.

    ~/.local/share/opencode/opencode.db                 tables session, message, part; the last two as JSON in `data`
    ~/.local/share/opencode/storage/session/<project>/<session>.json
                                   /message/<session>/<message>.json
                                   /part/<message>/<part>.json
    opencode export <session>                           {info, messages: [{info, parts: […]}]}

A session's own file stands for all of its files: those of messages and parts are read with it, not by themselves.

Source: sst/opencode, `packages/opencode/src/session/session.sql.ts`, `src/storage/storage.ts`, `src/cli/cmd/export.ts`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from otel_sessionopt.ingest.byte_stream import ByteStream
from otel_sessionopt.ingest.json_lines import Report, decode_line
from otel_sessionopt.ingest.span_record import SpanRecord
from otel_sessionopt.ingest.transcripts.fields import mapping_at, mappings_at, text_at
from otel_sessionopt.ingest.transcripts.opencode import StoredSession, session_spans

if TYPE_CHECKING:
    import sqlite3

SQLITE_MAGIC: Final = b"SQLite format 3\0"
MAX_DOCUMENT_BYTES: Final = 256 * 1024 * 1024
"""Of one exported session, which is one JSON document; more is refused, because all of it is in memory at once."""
MAX_PARENTS: Final = 100  # of a session; a longer line of them is a circle
_SESSION_HEAD: Final = re.compile(rb'\A\s*\{[^\[\]]{0,2000}?"id"\s*:\s*"ses_')
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")  # an id that becomes part of a path


def is_session_document(head: bytes) -> bool:
    """Whether a JSON document begins there that is a session, or an exported one."""
    return _SESSION_HEAD.match(head[:4096]) is not None


def read_document(stream: ByteStream, path: Path | None, report: Report) -> Iterator[SpanRecord]:
    """Spans of an exported session, or of a session's own file together with its messages and parts beside it."""
    text = b"".join(_pieces(stream))
    if len(text) > MAX_DOCUMENT_BYTES:
        report("", f"the session is longer than {MAX_DOCUMENT_BYTES:,} bytes")
        return
    try:
        value = decode_line(text)
    except (ValueError, RecursionError):
        report("", "not a JSON document" + ("" if stream.is_damaged else ", or it is cut off"))
        return
    if not isinstance(value, dict):
        return
    info = mapping_at(value, "info")
    if info:
        root_id = text_at(info, "parentID") or text_at(info, "id")
        yield from session_spans(StoredSession(info=info, root_id=root_id, messages=mappings_at(value, "messages")))
    elif path is not None:
        yield from _read_folder(value, path)


def _pieces(stream: ByteStream) -> Iterator[bytes]:
    size = 0
    while size <= MAX_DOCUMENT_BYTES and (piece := stream.read_chunk()):
        size += len(piece)
        yield piece


def _read_folder(info: Mapping[str, Any], path: Path) -> Iterator[SpanRecord]:
    session_id, root = text_at(info, "id"), path.parent.parent.parent
    if not _NAME.fullmatch(session_id):
        return

    def parent_of(child: str) -> str:
        found = _read_json(path.with_name(f"{child}.json")) if _NAME.fullmatch(child) else {}
        return text_at(found, "parentID")

    def messages() -> Iterator[Mapping[str, Any]]:
        for file in sorted((root / "message" / session_id).glob("*.json")):
            parts = [_read_json(part) for part in sorted((root / "part" / file.stem).glob("*.json"))]
            yield {"info": _read_json(file), "parts": parts}

    top = _topmost(session_id, text_at(info, "parentID"), parent_of)
    yield from session_spans(StoredSession(info=info, root_id=top, messages=messages()))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8", "replace"))
    except (OSError, ValueError, RecursionError):
        return {}  # a part that is missing or half written; the rest is still read
    return value if isinstance(value, dict) else {}


def _topmost(session_id: str, parent_id: str, parent_of: Callable[[str], str]) -> str:
    for _ in range(MAX_PARENTS):
        if not parent_id:
            break
        session_id, parent_id = parent_id, parent_of(parent_id)
    return session_id


def read_database(path: Path, is_named: bool, report: Report) -> Iterator[SpanRecord]:
    """Spans of all sessions in a database, one session after the other. It is opened for reading only."""
    import sqlite3  # few inputs are one

    try:
        with closing(_connect(path)) as database:
            yield from _read_sessions(database)
    except sqlite3.Error as error:
        if is_named or "no such" not in str(error):
            report("", f"no database of opencode that can be read: {error}")


def _connect(path: Path) -> sqlite3.Connection:
    import sqlite3

    address = path.absolute().as_uri()
    database = sqlite3.connect(f"{address}?mode=ro", uri=True)
    try:
        database.execute("SELECT 1 FROM session LIMIT 1")
    except sqlite3.OperationalError as error:
        database.close()
        if "no such" in str(error):
            raise
        # Written ahead, and in a folder where nothing may be written: what is in the main file is still read.
        database = sqlite3.connect(f"{address}?mode=ro&immutable=1", uri=True)
    database.text_factory = lambda text: text.decode("utf-8", "replace")
    return database


def _read_sessions(database: sqlite3.Connection) -> Iterator[SpanRecord]:
    rows = database.execute(
        "SELECT id, parent_id, directory, version FROM session ORDER BY time_created, id"
    ).fetchall()
    parents = {str(row[0]): str(row[1] or "") for row in rows}
    for session_id, parent_id, directory, version in rows:
        info = {"id": str(session_id), "directory": directory, "version": version}
        root_id = _topmost(str(session_id), str(parent_id or ""), lambda child: parents.get(child, ""))
        messages = _read_messages(database, str(session_id))
        yield from session_spans(StoredSession(info=info, root_id=root_id, messages=messages))


def _read_messages(database: sqlite3.Connection, session_id: str) -> Iterator[dict[str, Any]]:
    query = "SELECT id, data FROM message WHERE session_id = ? ORDER BY time_created, id"
    part_query = "SELECT id, data FROM part WHERE message_id = ? ORDER BY id"
    for message_id, data in database.execute(query, (session_id,)):
        parts = [_with_id(*row) for row in database.execute(part_query, (message_id,))]
        yield {"info": _with_id(message_id, data), "parts": parts}


def _with_id(own_id: object, data: object) -> dict[str, Any]:
    """The JSON in a row, which leaves out what has a column of its own."""
    try:
        value = json.loads(data) if isinstance(data, (str, bytes)) else None
    except (ValueError, RecursionError):
        value = None
    return {**value, "id": str(own_id)} if isinstance(value, dict) else {}
