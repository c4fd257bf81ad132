"""Arguments of `analyze` that are ids of sessions in the history, and keeping in it what `analyze` found."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_sessionopt.cli.recordings import open_optimizer

if TYPE_CHECKING:
    from otel_sessionopt.config import Settings
    from otel_sessionopt.optimizer import SessionOptimizer
    from otel_sessionopt.report import OptimizationReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What the arguments of `analyze` name, in their order: files (folders, globs, `-`), sessions, or nothing."""

    files: list[str]
    sessions: list[str]
    nothing: list[str]


def sort_arguments(paths: Sequence[str], settings: Settings) -> Named:
    """Tell files from ids of sessions: an id, or the beginning of one, is tried when no such file exists.

    Raises:
        RecordingError: several sessions have an id that begins so.
    """
    from otel_sessionopt.history.opening import has_history

    is_file = {path: path == "-" or os.path.lexists(path) or glob.has_magic(path) for path in paths}
    others = [path for path, is_one in is_file.items() if not is_one]
    known: dict[str, str] = {}
    if others and has_history(settings.history.folder):
        with open_optimizer(None, settings) as optimizer:
            known = {path: session_id for path in others if (session_id := optimizer.id_of(path)) is not None}
    return Named(
        files=[path for path in paths if is_file[path]],
        sessions=list(dict.fromkeys(known.values())),
        nothing=[path for path in others if path not in known],
    )


def report_of(
    optimizer: SessionOptimizer, session_id: str, settings: Settings, *, is_as_configured: bool
) -> OptimizationReport | None:
    """The report of a session in the history.

    With rules other than the configured ones it is made beside the history: statistics must not depend on what
    somebody tried once. Of a session that was kept as traces it is what was found then.
    """
    session = None if is_as_configured else optimizer.get_session(session_id)
    if session is None or session.trace_ids:
        return optimizer.analyze(session_id)
    from otel_sessionopt.pipeline import Pipeline

    return Pipeline.from_settings(settings).analyze_session(session)
