"""`sessionoptimizer doctor [PATH…]`: is telemetry arriving, is content captured, which switch is missing."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from otel_sessionopt.cli.exits import Exit
from otel_sessionopt.cli.messages import tell_error
from otel_sessionopt.cli.options import settings_of, settings_options
from otel_sessionopt.errors import ConfigError, InputError

if TYPE_CHECKING:
    from otel_sessionopt.cli.doctor_checks import Finding
    from otel_sessionopt.config import Settings

_WIDTH: Final = 80


@click.command("doctor")
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@settings_options
def command(paths: tuple[str, ...], config: Path | None, overrides: tuple[str, ...]) -> int:
    """Check whether telemetry arrives, whether content is captured, and which switch is missing.

    With PATH (files, folders, globs, -) look at the sessions in there instead of at this machine. Connects to the
    configured OTLP endpoint, or to the usual ports of this machine when none is set; sends nothing.

    \b
    Examples:
      sessionoptimizer doctor
      sessionoptimizer doctor traces.jsonl

    \b
    Exit status: 0 nothing is missing, 1 something is, 2 wrong use or unreadable input.
    """
    from otel_sessionopt.cli.doctor_checks import Verdict

    errors: list[InputError] = []
    if paths:
        findings = list(_check_files(paths, settings_of(config, overrides), errors))
    else:
        findings = _check_machine(config, overrides)
    if errors and not findings:
        for error in errors:
            tell_error(error)
        return Exit.WRONG_USE
    missing = sum(finding.verdict is Verdict.MISSING for finding in findings)
    click.echo("Nothing is missing." if not missing else f"{missing} missing.")
    for finding in sorted(findings, key=lambda each: list(Verdict)[::-1].index(each.verdict)):
        click.echo(_shown(finding))
    for error in errors:
        tell_error(error)
    if errors:
        return Exit.WRONG_USE
    return Exit.FINDINGS if missing else Exit.CLEAN


def _shown(finding: Finding) -> str:
    label = f"{finding.verdict.value:<8} "
    lines = textwrap.wrap(finding.what, _WIDTH, initial_indent=label, subsequent_indent=" " * 9, break_on_hyphens=False)
    if finding.cure:
        lines += textwrap.wrap(
            finding.cure, _WIDTH, initial_indent=" " * 9 + "→ ", subsequent_indent=" " * 11, break_on_hyphens=False
        )
    return "\n".join(lines)


def _check_machine(config: Path | None, overrides: Sequence[str]) -> list[Finding]:
    from otel_sessionopt.cli import doctor_checks as checks
    from otel_sessionopt.config import process_environ

    environ = process_environ()
    packages = checks.installed_packages()
    findings: list[Finding] = []
    try:
        settings = settings_of(config, overrides)
    except ConfigError as error:
        findings.append(checks.Finding(checks.Verdict.MISSING, str(error), "correct it; nothing runs until then"))
    else:
        where = sorted({source.rpartition(":")[0] or source for source in settings.sources.values()})
        findings.append(checks.Finding(checks.Verdict.OK, f"settings: {', '.join(where) or 'defaults'}"))
        findings += checks.check_reports(settings.report.folder.expanduser())
    findings += checks.check_sdk(environ)
    findings += checks.check_content(environ, packages)
    findings += checks.check_claude_code(environ)
    findings += checks.check_packages(packages)
    findings += checks.check_endpoint(environ)
    findings += checks.check_transcripts(environ, Path.home())
    findings += checks.check_sources(findings)
    return findings


def _check_files(paths: Sequence[str], settings: Settings, errors: list[InputError]) -> Iterator[Finding]:
    """What the sessions in the files lack, by fact: how many of them, and the switch that would bring it."""
    from otel_sessionopt.cli.doctor_checks import Finding, Verdict
    from otel_sessionopt.ingest.files import find_inputs
    from otel_sessionopt.pipeline import Pipeline, analyze_inputs
    from otel_sessionopt.report.figures import count
    from otel_sessionopt.report.phrases import missing_switches
    from otel_sessionopt.report.switches import WITHOUT_SWITCH

    inputs = find_inputs(paths, errors.append)
    if not inputs:
        return
    sessions = calls = tools = 0
    lacking: Counter[str] = Counter()
    switches: dict[str, str] = {}
    notes: Counter[str] = Counter()
    for report in analyze_inputs(inputs, Pipeline.from_settings(settings), on_error=errors.append):
        sessions += 1
        calls += report.counts.model_calls
        tools += report.counts.tool_calls
        missing = missing_switches(report)
        lacking.update(missing.keys())
        switches.update(missing)
        notes.update(report.notes)
    if sessions == 0:
        yield Finding(
            Verdict.MISSING,
            f"no agent session in {count(len(inputs), 'input file')}: no span in them is a model or tool call",
            "instrument the agent so that its spans carry gen_ai.operation.name and gen_ai.usage.*",
        )
        return
    seen = (count(sessions, "session"), count(calls, "model call"), count(tools, "tool call"))
    yield Finding(Verdict.OK, ", ".join(seen))
    for fact, lacking_sessions in lacking.most_common():
        verdict = Verdict.NOTE if fact in WITHOUT_SWITCH else Verdict.MISSING
        where = f"{lacking_sessions:,} of {count(sessions, 'session')}"
        yield Finding(verdict, f"{fact}: not recorded in {where}", switches[fact])
    for note, sessions_with_it in notes.most_common(10):
        yield Finding(Verdict.NOTE, note if sessions_with_it == 1 else f"{note} ({sessions_with_it:,} sessions)")
