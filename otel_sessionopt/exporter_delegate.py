"""The exporters behind the `sessionopt` traces exporter, found by the names that `OTEL_TRACES_EXPORTER` takes."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from otel_sessionopt.config import process_environ
from otel_sessionopt.config_endpoint import otlp_exporter_name
from otel_sessionopt.errors import ConfigError

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan

TRACES_GROUP: Final = "opentelemetry_traces_exporter"
LOGS_GROUP: Final = "opentelemetry_logs_exporter"
OWN_NAME: Final = "sessionopt"
NO_EXPORTER: Final = "none"
"""Nothing is sent: as in `OTEL_TRACES_EXPORTER`."""
# Declarative configuration has shorter names than the entry points.
_ALIASES: Final = {"otlp_http": "otlp_proto_http", "otlp_grpc": "otlp_proto_grpc"}
_log = logging.getLogger(__name__)


def delegate_exporter(delegate: SpanExporter | str | Mapping[str, Any]) -> SpanExporter:
    """The exporter that `delegate` names.

    Args:
        delegate: an exporter; a name; or a mapping of one name to the arguments of the exporter's constructor.

    Raises:
        ConfigError: there is no such exporter, or it does not take the arguments.
    """
    if isinstance(delegate, SpanExporter):
        return delegate
    name: str | Mapping[str, Any] = delegate
    arguments: Mapping[str, Any] = {}
    if isinstance(delegate, Mapping):
        if len(delegate) != 1:
            raise ConfigError(f"delegate of sessionopt: one exporter is wanted, not {', '.join(delegate) or 'none'}")
        name, arguments = next(iter(delegate.items()))
    if name == NO_EXPORTER:
        return _Nowhere()
    exporter_class = _load(TRACES_GROUP, str(name), "traces")
    try:
        exporter = exporter_class(**(arguments or {}))
    except TypeError as error:
        raise ConfigError(f"delegate of sessionopt: {name} does not take {', '.join(arguments)}: {error}") from error
    assert isinstance(exporter, SpanExporter)
    return exporter


def exporter_names() -> list[str]:
    """The traces exporters that are installed, without ours."""
    return sorted(entry.name for entry in entry_points(group=TRACES_GROUP) if entry.name != OWN_NAME)


def is_exporter(name: str) -> bool:
    """Whether a traces exporter of that name, or with that as its shorter name, is installed."""
    return _ALIASES.get(name, name) in exporter_names()


class _Nowhere(SpanExporter):
    """For those who want the report files alone."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002
        return SpanExportResult.SUCCESS


class DelegateLogs:
    """A log pipeline of our own to where the spans go: the program's ends before the last session is analysed.

    Made when the first log event is written. Used by one thread.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._provider: LoggerProvider | None = None
        self._is_missing = False

    @classmethod
    def of(cls, delegate: SpanExporter | str | Mapping[str, Any]) -> DelegateLogs:
        """The log pipeline that belongs to a traces exporter: of the same name, else OTLP."""
        if isinstance(delegate, SpanExporter):
            return cls("otlp")
        return cls(delegate if isinstance(delegate, str) else next(iter(delegate)))

    def pipeline(self, resource: Resource) -> LoggerProvider | None:
        """The logger provider; `None` where the package for it is not installed."""
        if self._provider is None and not self._is_missing:
            self._provider = self._make(resource)
            self._is_missing = self._provider is None
        return self._provider

    def force_flush(self) -> bool:
        """Send what is waiting."""
        return self._provider is None or self._provider.force_flush() is not False

    def shutdown(self) -> None:
        """Send what is waiting, and end."""
        if self._provider is not None:
            self._provider.shutdown()

    def _make(self, resource: Resource) -> LoggerProvider | None:
        from opentelemetry.sdk._logs import LoggerProvider
        from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

        try:
            exporter = _load(LOGS_GROUP, self._name, "logs")()
        except ConfigError as error:
            _log.warning("%s", error)
            return None
        provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
        return provider


def _load(group: str, name: str, signal: str) -> Any:
    known = {entry.name: entry for entry in entry_points(group=group) if entry.name != OWN_NAME}
    wanted = _ALIASES.get(name, name)
    if wanted == "otlp":
        wanted = otlp_exporter_name(process_environ(), signal)
    if wanted not in known:
        raise ConfigError(
            f"delegate of sessionopt: no {signal} exporter {wanted!r}; known are {', '.join(sorted(known))}"
        )
    return known[wanted].load()
