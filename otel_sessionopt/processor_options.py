"""The options that every form of the live processor takes, and how settings become them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

from otel_sessionopt.errors import ConfigError

if TYPE_CHECKING:
    from otel_sessionopt.config import Settings
    from otel_sessionopt.processor_analysis import LivePipeline
    from otel_sessionopt.processor_settings import ProcessorSettings
    from otel_sessionopt.report import OptimizationReport
    from otel_sessionopt.writeback.log_events import LogPipeline

FindingForm = Literal["span-events", "log-events"]
AttachForm = Literal["root", "spans"]

_log = logging.getLogger(__name__)


class ProcessorOptions(TypedDict, total=False):
    """The arguments that all forms of the processor take; see `SessionOptSpanProcessor`."""

    settings: ProcessorSettings | None
    report_folder: Path | str | None
    report_formats: Sequence[str]
    jaeger_url: str | None
    on_report: Callable[[OptimizationReport], None] | None
    pipeline: LivePipeline | None
    findings: FindingForm
    log_pipeline: LogPipeline | None
    clock: Callable[[], float]
    reraise: bool


def settings_or_defaults(who: str, options: Mapping[str, object]) -> Settings:
    """The settings in force, `options` the strongest; the defaults, and one line in the log, where they are wrong.

    For the forms that are switched on from outside: the program they are in has no part in the mistake.
    """
    from otel_sessionopt.config import Settings, load_settings

    try:
        return load_settings(options=options)
    except ConfigError as error:
        _log.error("%s; %s goes on with the defaults", error, who)
        return Settings()


def options_from(settings: Settings) -> ProcessorOptions:
    """What every form of the processor takes from the settings: bounds, report files, rules, paths and prices."""
    from otel_sessionopt.history.keeping import report_keeper
    from otel_sessionopt.pipeline import Pipeline

    report = settings.report
    return {
        "settings": settings.processor,
        "report_folder": report.folder if report.enabled else None,
        "report_formats": report.formats,
        "jaeger_url": report.jaeger_url or None,
        "on_report": report_keeper(settings.history.folder) if settings.history.save else None,
        "pipeline": Pipeline.from_settings(settings),
        "findings": "log-events" if settings.writeback.findings == "log-events" else "span-events",
    }


def attach_of(settings: Settings) -> AttachForm:
    """Where the settings put findings, for the forms that hold spans back."""
    return "spans" if settings.writeback.attach == "spans" else "root"
