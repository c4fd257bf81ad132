"""Sends the trace of a session that has ended, once, to where the environment says."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from otel_sessionopt.config_endpoint import Endpoint, traces_endpoint
from otel_sessionopt.errors import ConfigError

if TYPE_CHECKING:
    from otel_sessionopt.history.outbox import Outbox
    from otel_sessionopt.history.session_analysis import Analysed
    from otel_sessionopt.store.protocol import Store

_log = logging.getLogger(__name__)


def export_once(analysed: Analysed, store: Store, outbox: Outbox, environ: Mapping[str, str]) -> None:
    """Send the trace of a session in the background, unless that was done or no endpoint is set.

    Failing is a warning in the log and no error; the session then counts as not sent.
    """
    session_id = analysed.session.id
    try:
        endpoint = traces_endpoint(environ)
    except ConfigError as error:
        _log.warning("The trace of session %s was not sent: %s", session_id, error)
        return
    if endpoint is not None and store.set_exported(session_id, True):
        outbox.send(f"The trace of session {session_id}", lambda: _send(analysed, store, endpoint))


def _send(analysed: Analysed, store: Store, endpoint: Endpoint) -> None:
    # Imported here: without an endpoint neither the SDK nor an exporter is loaded.
    from otel_sessionopt.writeback.session_trace import send_session

    session_id = analysed.session.id
    is_sent = False
    try:
        is_sent = send_session(analysed.session, analysed.report, endpoint)
    finally:
        if not is_sent:
            store.set_exported(session_id, False)
    if not is_sent:
        _log.warning(
            "The trace of session %s was not taken by %s; does something listen there? Ending it again sends it.",
            session_id,
            endpoint.shown,
        )
