"""`ServiceSettings`: every setting of `sessionoptimizer serve`, each declared once with its unit, range and origin."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from otel_sessionopt.processor_settings import setting

MIB: Final = 1024 * 1024
SERVICE_FOLDER: Final = Path("~/.sessionoptimizer/service")


def _plain(default: Any, doc: str) -> Any:
    return dataclasses.field(default=default, metadata={"unit": "", "doc": doc})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """Where the service listens, what it keeps and for how long, and where it sends things on."""

    host: str = _plain("127.0.0.1", "Address to listen on; any other than loopback demands a token.")
    http_port: int = setting(4318, unit="", ge=0, le=65_535, doc="Port of OTLP/HTTP; 0 = any free one.")
    grpc_port: int = setting(4317, unit="", ge=-1, le=65_535, doc="Port of OTLP/gRPC; 0 = any free one, -1 = none.")
    pages_port: int = setting(
        8425, unit="", ge=0, le=65_535, doc="Port of pages, metrics and health; 0 = any free one."
    )
    allowed_hosts: tuple[str, ...] = _plain((), "Further host names that requests may be addressed to.")
    token_file: str = _plain("", "File with the token that senders give as `Authorization: Bearer …`; empty = none.")
    allow_anyone: bool = setting(False, unit="", doc="Listen beyond loopback without a token.")
    folder: Path = dataclasses.field(
        default=SERVICE_FOLDER,
        metadata={"unit": "", "doc": "Where requests and sessions are kept until they are analysed."},
    )
    flush_delay_ms: int = setting(
        0, unit="ms", ge=0, le=60_000, doc="How far the disk may be behind an answer; 0 = on disk before the answer."
    )
    # 64 MiB is what the OTLP specification recommends.
    max_request_bytes: int = setting(64 * MIB, unit="B", ge=1024, doc="Longest request, as sent and decompressed.")
    max_in_flight_bytes: int = setting(
        64 * MIB, unit="B", ge=1024, doc="Requests being received at a time; beyond, senders are asked to wait."
    )
    max_backlog_bytes: int = setting(
        32 * 1024 * MIB, unit="B", ge=MIB, doc="Requests not yet read; beyond, senders are asked to wait."
    )
    min_free_bytes: int = setting(256 * MIB, unit="B", ge=0, doc="Room on the disk below which nothing is taken.")
    segment_bytes: int = setting(32 * MIB, unit="B", ge=4096, doc="Size of one file of raw requests.")
    raw_retention_seconds: float = setting(
        60.0, unit="s", ge=0, le=31_536_000, doc="How long raw requests stay once they are read and sent on."
    )
    # Longer than for the live processor's spans: what belongs together may come by several exporters, each with the
    # 5 s delay that batch processors have by default.
    quiet_seconds: float = setting(
        6.0, unit="s", ge=0, le=3600, doc="A session is over when its root has come and nothing more for so long."
    )
    idle_timeout_seconds: float = setting(
        900.0, unit="s", ge=1, le=604_800, doc="A session without a root gets an interim report after so long a pause."
    )
    max_age_seconds: float = setting(
        86_400.0, unit="s", ge=1, le=2_592_000, doc="A session without a root is over this long after its last span."
    )
    max_spans_per_trace: int = setting(
        1_000_000, unit="spans", ge=1, le=100_000_000, doc="Spans of one trace that are analysed; others are counted."
    )
    retention_seconds: float = setting(
        3600.0, unit="s", ge=0, le=31_536_000, doc="How long a reported session takes late spans before it is deleted."
    )
    report_retention_days: float = setting(
        0.0,
        unit="days",
        ge=0,
        le=36_500,
        doc="Reports, and sessions in the history that came as traces, are deleted after so long; 0 = never.",
    )
    workers: int = setting(0, unit="processes", ge=0, le=256, doc="Processes that analyse; 0 = cores less one.")
    # Rendering all forms takes longer than the analysis, and any of them is made from the JSON on demand.
    report_formats: tuple[str, ...] = _plain(("json",), "Forms of report file that the service writes.")
    save_history: bool = setting(True, unit="", doc="Keep the sessions in the history, which the pages show.")
    forward: tuple[str, ...] = _plain((), "OTLP/HTTP endpoints that get everything, such as http://localhost:4320.")
    findings_to: tuple[str, ...] = _plain(
        (), "OTLP/HTTP endpoints that get findings alone, because they have the spans already."
    )
    forward_findings: bool = setting(True, unit="", doc="Send findings after the spans, as `sessionopt.report` spans.")
    forward_queue_bytes: int = setting(
        4 * 1024 * MIB, unit="B", ge=MIB, doc="What may wait for an endpoint that is gone; older requests are let go."
    )
    hold: bool = setting(False, unit="", doc="Send each trace once, after its analysis, with findings on its spans.")

    @property
    def sends_findings(self) -> bool:
        """Whether any endpoint gets findings as requests of their own."""
        return bool(self.findings_to) or (bool(self.forward) and self.forward_findings)
