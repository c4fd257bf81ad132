"""`sessionoptimizer demo`: a small agent run, live through the span processor. No network, no API key."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

import click

from otel_sessionopt.cli.exits import Exit
from otel_sessionopt.cli.options import settings_of, settings_options
from otel_sessionopt.errors import ConfigError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Tracer

    from otel_sessionopt.report import OptimizationReport

SERVICE: Final = "sessionopt-demo"
_EXPORT_SECONDS: Final = 3
_SECOND_NS: Final = 10**9
_RUN_SECONDS: Final = 120
"""The run is dated back by this much, more than it lasts, so that no span ends in the future."""


@click.command("demo")
@click.option("--otlp", metavar="ENDPOINT", help="Also send the trace there, e.g. http://localhost:4318 (Jaeger).")
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER", help="Folder for the report files."
)
@settings_options
def command(otlp: str | None, output: Path | None, config: Path | None, overrides: tuple[str, ...]) -> int:
    """Run a small built-in agent live through the span processor, and print its report.

    The spans are real OpenTelemetry spans, the agent and its model are made up: no network, no API key.

    \b
    Examples:
      sessionoptimizer demo
      sessionoptimizer demo --otlp http://localhost:4318     then look for sessionopt-demo in Jaeger
    """
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

    from otel_sessionopt.pipeline import Pipeline
    from otel_sessionopt.processor import SessionOptSpanProcessor
    from otel_sessionopt.report import as_text
    from otel_sessionopt.writeback.report_files import write_report

    settings = settings_of(config, overrides)
    folder = (output or settings.report.folder).expanduser()
    export = None if otlp is None else _Export(otlp)
    reports: list[OptimizationReport] = []
    processor = SessionOptSpanProcessor(
        SpanProcessor() if export is None else export.processor(),
        settings=settings.processor,
        report_folder=None,
        pipeline=Pipeline.from_settings(settings),
        on_report=reports.append,
    )
    provider = TracerProvider(resource=Resource.create({"service.name": SERVICE}), shutdown_on_exit=False)
    provider.add_span_processor(processor)
    _Agent(provider.get_tracer("sessionopt.demo")).run()
    provider.shutdown()
    if not reports:
        click.echo("error: no report came out of the processor; SESSIONOPT_DEBUG=1 may show why", err=True)
        return Exit.FAILURE
    click.echo(as_text(reports[-1]))
    if settings.report.enabled or output is not None:
        for path in write_report(reports[-1], folder, settings.report.formats, jaeger_url=settings.report.jaeger_url):
            click.echo(f"Report: {path}")
    return Exit.CLEAN if export is None else export.tell()


class _Export:
    """Sends the trace to an endpoint as well, and knows whether it arrived."""

    def __init__(self, endpoint: str) -> None:
        self._url = traces_url(endpoint)
        self._is_sent = False

    def processor(self) -> SpanProcessor:
        """The next processor: exports each span, synchronously, when the session has been analysed."""
        from collections.abc import Sequence

        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult

        remember = self._remember

        class Exporter(OTLPSpanExporter):
            def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
                result = super().export(spans)
                remember(result is SpanExportResult.SUCCESS)
                return result

        return BatchSpanProcessor(Exporter(endpoint=self._url, timeout=_EXPORT_SECONDS))

    def _remember(self, is_sent: bool) -> None:
        self._is_sent = is_sent

    def tell(self) -> int:
        """Say whether the trace arrived; the exit status."""
        if self._is_sent:
            click.echo(f"Trace: sent to {self._url} as service {SERVICE}")
            return Exit.CLEAN
        click.echo(f"error: the trace could not be sent to {self._url}; does something listen there?", err=True)
        return Exit.FAILURE


def traces_url(endpoint: str) -> str:
    """The URL of the traces receiver; an endpoint without a path gets `/v1/traces`, as OTLP/HTTP says.

    Raises:
        ConfigError: it is no http(s) URL.
    """
    parts = urlsplit(endpoint if "://" in endpoint else f"http://{endpoint}")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ConfigError(f"--otlp {endpoint}: an OTLP/HTTP endpoint is wanted, for example http://localhost:4318")
    return urlunsplit(parts._replace(path=parts.path if parts.path.strip("/") else "/v1/traces"))


class _Agent:
    """A made-up coding agent that wastes some tokens: reads a file twice, searches twice, retries without a change.

    Its clock is its own, so that the run looks like the two minutes it would have taken.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._now_ns = time.time_ns() - _RUN_SECONDS * _SECOND_NS
        self._cached = 0

    def run(self) -> None:
        """The whole session."""
        root = self._tracer.start_span("invoke_agent demo-agent", start_time=self._now_ns)
        root.set_attributes(
            {
                "gen_ai.operation.name": "invoke_agent",
                "gen_ai.agent.name": "demo-agent",
                "gen_ai.conversation.id": "demo",
                "sessionopt.task": "make the failing test pass",
            }
        )
        from opentelemetry.trace import set_span_in_context

        self._context: Any = set_span_in_context(root)
        source = _listing(1_200)
        self._think(new=5_200, output=380, reasoning=240)
        self._tool("Grep", {"pattern": "def total", "path": "/app"}, "/app/billing.py:412: def total(cart):")
        self._think(new=150, output=90, reasoning=40)
        self._tool("Read", {"file_path": "/app/billing.py"}, source)
        self._think(new=13_200, output=420, reasoning=300)
        self._tool("Grep", {"pattern": "DEF  total", "path": "/app"}, "/app/billing.py:412: def total(cart):")
        self._think(new=150, output=80, reasoning=30)
        self._tool("Read", {"file_path": "/app/billing.py"}, source)  # nothing has changed it
        self._think(new=13_200, output=510, reasoning=390)
        for _ in range(3):
            self._tool("Bash", {"command": "make tset"}, "make: *** No rule to make target 'tset'.", error="exit-2")
            self._think(new=180, output=60, reasoning=20)
        self._tool("Bash", {"command": "make test"}, "212 passed")
        self._think(new=90, output=160, reasoning=30, finish="end_turn")
        root.end(end_time=self._now_ns)

    def _think(self, *, new: int, output: int, reasoning: int, finish: str = "tool_use") -> None:
        """One model call: all of the earlier prompt from the cache, `new` tokens written to it."""
        self._span(
            "chat claude-sonnet-4-5",
            4,
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "anthropic",
                "gen_ai.request.model": "claude-sonnet-4-5",
                "gen_ai.response.finish_reasons": (finish,),
                "gen_ai.usage.input_tokens": 12 + self._cached + new,
                "gen_ai.usage.cache_read.input_tokens": self._cached,
                "gen_ai.usage.cache_write.input_tokens": new,
                "gen_ai.usage.output_tokens": output,
                "gen_ai.usage.reasoning.output_tokens": reasoning,
            },
        )
        self._cached += new + output

    def _tool(self, name: str, arguments: dict[str, str], result: str, error: str | None = None) -> None:
        self._span(
            f"execute_tool {name}",
            2,
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": name,
                "gen_ai.tool.call.arguments": json.dumps(arguments),
                "gen_ai.tool.call.result": result,
                **({"error.type": error} if error else {}),
            },
        )

    def _span(self, name: str, seconds: int, attributes: dict[str, Any]) -> None:
        span = self._tracer.start_span(name, self._context, attributes=attributes, start_time=self._now_ns)
        self._now_ns += seconds * _SECOND_NS
        span.end(end_time=self._now_ns)


def _listing(lines: int) -> str:
    """A file as a read tool shows it, with line numbers."""
    return "\n".join(
        f"{number:6}\tprice_{number} = tariff({number % 97}, {number % 13})" for number in range(1, lines + 1)
    )
