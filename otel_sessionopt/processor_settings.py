"""`ProcessorSettings`: every bound of the live processor, each declared once with its unit, range and origin."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from otel_sessionopt.errors import ConfigError


def setting(default: Any, *, unit: str, doc: str, ge: float | None = None, le: float | None = None) -> Any:
    """Declare one setting: default, unit, closed range, and a sentence that says what it does."""
    return dataclasses.field(default=default, metadata={"unit": unit, "ge": ge, "le": le, "doc": doc})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessorSettings:
    """How long the live processor waits and how much it keeps.

    Raises:
        ConfigError: a value is of the wrong type or out of its range.
    """

    # Defaults follow what Refinery and the Collector's tail sampling settled on, stretched where agent sessions are
    # longer than requests: real sessions pause for more than 15 minutes and end hours later.
    grace_seconds: float = setting(
        2.0, unit="s", ge=0, le=3600, doc="How long an ended local root waits for spans below it that are still open."
    )
    idle_timeout_seconds: float = setting(
        900.0, unit="s", ge=1, le=604_800, doc="A trace this long without activity is reported; an open root keeps it."
    )
    max_age_seconds: float = setting(
        86_400.0, unit="s", ge=1, le=2_592_000, doc="A trace this old is reported for good, open or not."
    )
    max_spans_per_trace: int = setting(
        32_000, unit="spans", ge=1, le=10_000_000, doc="Spans of one trace that are analysed; further ones are counted."
    )
    max_traces: int = setting(
        1_000,
        unit="traces",
        ge=1,
        le=1_000_000,
        doc="Traces kept at a time; beyond, the heaviest idle one is reported.",
    )
    memory_budget_bytes: int = setting(
        64 * 1024 * 1024, unit="B", ge=65_536, doc="Memory for buffered spans and line signatures of read results."
    )
    finished_traces: int = setting(
        10_000, unit="traces", ge=0, le=10_000_000, doc="Ids of finished traces remembered to recognise late spans."
    )
    queue_size: int = setting(
        4_096, unit="spans", ge=1, le=1_000_000, doc="Ended spans awaiting the worker; further ones are not analysed."
    )
    max_held_spans: int = setting(
        10_000,
        unit="spans",
        ge=0,
        le=1_000_000,
        doc='Spans held back for `attach="spans"`, 5–6 KB each, in all traces.',
    )
    max_findings_per_span: int = setting(
        16, unit="findings", ge=0, le=16, doc="Findings written onto one span, worst first."
    )
    flush_timeout_seconds: float = setting(
        30.0, unit="s", ge=0, le=3600, doc="Time for `force_flush` where its caller names none."
    )
    shutdown_timeout_seconds: float = setting(
        10.0, unit="s", ge=0, le=3600, doc="Time for the last analyses at shutdown; the next processor has its own."
    )
    jaeger_warnings: bool = setting(
        False, unit="", doc="Also write findings as `@jaeger@warnings`, a name internal to Jaeger."
    )

    def __post_init__(self) -> None:
        for declared in dataclasses.fields(self):
            _check(declared.name, declared.default, getattr(self, declared.name), declared.metadata)


def _check(name: str, default: Any, value: Any, metadata: Any) -> None:
    if isinstance(default, bool) or isinstance(value, bool):
        if type(value) is not type(default):
            raise ConfigError(f"processor setting {name}: {value!r} must be {type(default).__name__}")
        return
    allowed = (int, float) if isinstance(default, float) else int
    if not isinstance(value, allowed):
        raise ConfigError(f"processor setting {name}: {value!r} must be a number of {metadata['unit']}")
    low, high = metadata["ge"], metadata["le"]
    # Written so that NaN fails too.
    if not ((low is None or value >= low) and (high is None or value <= high)):
        raise ConfigError(f"processor setting {name}: {value!r} is outside {low} … {'∞' if high is None else high}")
