"""`sessionoptimizer version`."""

from __future__ import annotations

import click

from otel_sessionopt.version import __version__


@click.command("version")
def command() -> None:
    """Print the version."""
    click.echo(f"sessionoptimizer, version {__version__}")
