"""The `sessionoptimizer` command: its group, and how every way to fail ends.

Commands are imported when they run: `--version` and `--help` answer without loading the pipeline, the SDK or `rich`.
"""

from __future__ import annotations

import codecs
import os
import sys
from contextlib import suppress
from difflib import get_close_matches
from importlib import import_module
from typing import Final, NoReturn

import click

from otel_sessionopt.cli.exits import EXIT_CODES, Exit
from otel_sessionopt.errors import SessionOptError, StoreError
from otel_sessionopt.own_process import collect_garbage_rarely
from otel_sessionopt.version import __version__

COMMANDS: Final = {
    "analyze": "Analyse sessions: what they cost, what was avoidable, what to do.",
    "start": "Begin a session that is recorded by hand, and print its id.",
    "log": "Record an event of a session.",
    "end": "End a session and say what it came to.",
    "list": "List sessions, newest first.",
    "stats": "Show sums, average score, common issues and trend of an agent.",
    "compare": "Compare sessions, and what the best one did differently.",
    "export": "Print the report of a session, or write it to a file.",
    "delete": "Delete a session from the history.",
    "serve": "Receive OTLP: analyse each session when it ends, send all on.",
    "rules": "List the rules and their thresholds as configured, or explain one.",
    "demo": "Run a small built-in agent live through the span processor.",
    "doctor": "Check whether telemetry arrives, and which switch is missing.",
    "version": "Print the version.",
    "help": "Print this help, or that of a command.",
}
"""Name → short help. Each command is `command` in the module of its name."""

EPILOG: Final = f"""\b
Examples:
  sessionoptimizer analyze                             all sessions of coding agents on this computer
  sessionoptimizer analyze ~/.claude/projects          those in a folder
  sessionoptimizer analyze traces.jsonl.zst            what the Collector's file exporter wrote
  sessionoptimizer analyze 'runs/*.json' --format json --output reports.json
  sessionoptimizer analyze out/ --fail-on high         exit status 1 in a pipeline
  sessionoptimizer start FORGE "Build PriorityQueue"   record a session by hand, then log, end,
  sessionoptimizer stats FORGE --days 7                and look back over the week
  sessionoptimizer serve --forward http://localhost:4320   receive spans, and send them on with findings
  sessionoptimizer rules repeated-file-read            what a rule does, and its thresholds
  sessionoptimizer doctor                              why is there nothing to see?

\b
{EXIT_CODES}

\b
Settings: defaults < ~/.sessionoptimizer/config.toml (or $SESSIONOPT_CONFIG, or --config)
< SESSIONOPT_* variables < flags; `sessionoptimizer rules --all` lists them.
Nothing leaves this machine unless you set an endpoint.
"""

_IN_ASCII: Final = "sessionopt-ascii"
# What our own texts have beyond ASCII.
_ASCII_FORMS: Final = {
    **dict.fromkeys("─━–—", "-"),
    **dict.fromkeys("“”", '"'),
    "×": "x",
    "…": "...",
    "→": "->",
    "·": ",",
    "▲": "^",
    "▼": "v",
    "’": "'",
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click names the signature
        """Names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """The command itself, or `None` when there is no such one."""
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"otel_sessionopt.cli.{cmd_name}").command
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As in `click`; a name that is none brings the one that it looks like."""
        if args and self.get_command(ctx, args[0]) is None:
            close = get_close_matches(args[0], COMMANDS, n=1)
            meant = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(COMMANDS)}"
            raise click.UsageError(f"there is no command {args[0]!r}; {meant}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """The table of commands, from their short helps alone."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", prog_name="sessionoptimizer")
def cli() -> None:
    """Shows where an AI agent's tokens went, what was wasted, and what it would have cost without.

    Reads OpenTelemetry spans (OTLP JSON or protobuf, plain or compressed) and transcripts of coding agents.
    """


def main() -> NoReturn:
    """Run the command with this process's arguments and exit."""
    collect_garbage_rarely()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command; gives the exit status. No way to fail shows a traceback unless `SESSIONOPT_DEBUG` is set."""
    _accept_any_text()
    try:
        # Not `cli.main`: it turns a closed pipe into exit status 1, which means something else here.
        with cli.make_context("sessionoptimizer", list(arguments)) as context:
            status = cli.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return Exit.WRONG_USE
    except (click.Abort, KeyboardInterrupt):
        return Exit.INTERRUPTED
    except BrokenPipeError:
        _close_output()
        return Exit.BROKEN_PIPE
    except StoreError as error:
        return _fail(error, Exit.FAILURE)
    except SessionOptError as error:
        return _fail(error, Exit.WRONG_USE)
    except Exception as error:  # noqa: BLE001 - the last fence: a person gets a sentence, not a traceback
        return _fail(error, Exit.FAILURE)
    return status if isinstance(status, int) else Exit.CLEAN


def _fail(error: Exception, status: int) -> int:
    from otel_sessionopt.config import is_debugging, process_environ

    if is_debugging(process_environ()):
        import traceback

        traceback.print_exception(error)
    message = " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        message = f"{os.fsdecode(error.filename)}: {error.strerror}"
    elif status == Exit.FAILURE and not isinstance(error, SessionOptError):
        name = type(error).__name__
        message = f"{name}: {message} (SESSIONOPT_DEBUG=1 shows where)" if message else name
    click.echo(f"error: {message}", err=True)
    return status


def _close_output() -> None:
    """Nobody reads on: what Python still has buffered must not make it complain at its own exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _accept_any_text() -> None:
    """Never fail on a character that the terminal's encoding lacks: it shows as plain ASCII, or as its escape."""
    codecs.register_error(_IN_ASCII, _in_ascii)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=_IN_ASCII)


def _in_ascii(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = _ASCII_FORMS.get(error.object[error.start])
    return (found, error.start + 1) if found else codecs.backslashreplace_errors(error)
