"""What the command says on standard error."""

from __future__ import annotations

import click


def tell_error(error: Exception) -> None:
    """One line, `error: …`, whatever the message contains."""
    # Imported here: most runs have nothing to tell.
    from otel_sessionopt.report.masking import SENTENCE_LIMIT, clean_text

    click.echo(f"error: {clean_text(str(error), SENTENCE_LIMIT)}", err=True)
