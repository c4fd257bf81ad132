"""`sessionoptimizer serve`: the service."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from otel_sessionopt.cli.options import settings_options
from otel_sessionopt.errors import ConfigError

if TYPE_CHECKING:
    from otel_sessionopt.service.app import Service

_EXAMPLES = """\b
Examples:
  sessionoptimizer serve                                   OTLP on 4317 (gRPC) and 4318 (HTTP)
  sessionoptimizer serve --forward http://localhost:4320   everything goes on to Jaeger, then the findings
  sessionoptimizer serve --forward http://localhost:4320 --hold   … once, with the findings on the spans
  sessionoptimizer serve --host 0.0.0.0 --token-file token.txt
"""
_PORT: Final = click.IntRange(0, 65_535)
_PORT_OR_NONE: Final = click.IntRange(-1, 65_535)


@click.command(name="serve", epilog=_EXAMPLES)
@click.option("--host", help="Address to listen on; any but loopback needs --token-file or --allow-anyone.")
@click.option("--http-port", type=_PORT, metavar="PORT", help="Port of OTLP/HTTP.  [default: 4318]")
@click.option("--grpc-port", type=_PORT_OR_NONE, metavar="PORT", help="Port of OTLP/gRPC; -1 = none.  [default: 4317]")
@click.option("--pages-port", type=_PORT, metavar="PORT", help="Port of pages, API, health, metrics.  [default: 8425]")
@click.option(
    "--forward", multiple=True, metavar="URL", help="OTLP/HTTP endpoint that gets everything. May be repeated."
)
@click.option(
    "--findings-to", multiple=True, metavar="URL", help="OTLP/HTTP endpoint that has the spans and gets findings alone."
)
@click.option("--hold", is_flag=True, default=None, help="Send each trace once, analysed, findings on its spans.")
@click.option("--data", "folder", type=click.Path(path_type=Path), help="Where requests wait for their analysis.")
@click.option("--token-file", metavar="FILE", help="File with the token that senders must give.")
@click.option(
    "--allowed-host", "allowed_hosts", multiple=True, metavar="NAME", help="Further name that senders address it by."
)
@click.option("--allow-anyone", is_flag=True, default=None, help="Listen beyond loopback without a token.")
@settings_options
def command(config: Path | None, overrides: tuple[str, ...], **flags: Any) -> None:
    """Receive OTLP, analyse every session when it ends, and send everything on.

    What was acknowledged is on disk. Reports and history are written as by `analyze`; `--set service.KEY=VALUE` changes
    any setting.
    """
    from otel_sessionopt.config import load_settings

    settings = load_settings(config, overrides=overrides)
    given = {name: value for name, value in flags.items() if value is not None and value != ()}
    settings = replace(settings, service=replace(settings.service, **given))
    _run(_service(settings))


def _service(settings: Any) -> Service:
    try:
        from otel_sessionopt.service.app import Service
    except ImportError as error:
        raise ConfigError(
            f"serve needs {error.name}, which is not installed: pip install 'otel-sessionopt[service]'"
        ) from error
    return Service(settings)


def _run(service: Service) -> None:
    import asyncio
    import signal

    async def serve() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(number, stop.set)
            except NotImplementedError:
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))  # Windows
        running = asyncio.create_task(service.run(stop))
        while not service.is_ready and not running.done():
            await asyncio.sleep(0.005)
        if not running.done():
            _tell(service)
        await running

    _log_to_stderr()
    asyncio.run(serve())


def _tell(service: Service) -> None:
    host = service.settings.service.host
    host = f"[{host}]" if ":" in host else host
    click.echo(f"OTLP/HTTP    http://{host}:{service.http_port}")
    if service.grpc_port is not None:
        click.echo(f"OTLP/gRPC    {host}:{service.grpc_port}")
    click.echo(f"Pages        http://{host}:{service.pages_port}/")
    click.echo(f"Metrics      http://{host}:{service.pages_port}/metrics")
    for forwarder in service.forwarders:
        click.echo(f"Forwarding   {forwarder.shown}")
    click.echo(f"Reports      {service.settings.report.folder}")
    click.echo("Ready.")


def _log_to_stderr() -> None:
    import logging

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for noisy in ("uvicorn", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
