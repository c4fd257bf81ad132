"""Effects put together: redirections, pipelines, whole scripts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from otel_sessionopt.dialects.accesses import read_access, write_access
from otel_sessionopt.dialects.digest import FileAccess, ToolKind
from otel_sessionopt.dialects.shell_effects import RUN, Effect, EffectKind, Lines, Place, narrow
from otel_sessionopt.dialects.shell_words import SimpleCommand

# More accesses than this are left out. Left-out reads hide findings; left-out writes count as "may write".
MAX_ACCESSES: Final = 50

_NO_FILES: Final = re.compile(r"/dev/(?:null|stdout|stderr|tty|fd/\d+)|&?\d|&?-|\$null|nul", re.IGNORECASE)
_TOOL_KINDS: Final = {
    EffectKind.READ: ToolKind.READ,
    EffectKind.SEARCH: ToolKind.SEARCH,
    EffectKind.WRITE: ToolKind.WRITE,
}
# A source whose output only names files, or is only written on: the stage decides what the pipeline is.
_KEEPS_STAGE: Final = {
    (EffectKind.SEARCH, EffectKind.READ),
    (EffectKind.SEARCH, EffectKind.WRITE),
    (EffectKind.READ, EffectKind.WRITE),
    (EffectKind.WRITE, EffectKind.WRITE),
}
_EFFECT_KINDS: Final = {tool_kind: effect_kind for effect_kind, tool_kind in _TOOL_KINDS.items()}


class ShellReading(NamedTuple):
    """What a shell command does.

    Attributes:
        kind: READ, SEARCH or WRITE where it does nothing else, else SHELL.
        accesses: files read and written by name, in order.
        query, scope: for searches; the query is `None` where it is not known or there is none (a listing).
        may_write: it may have changed files that it does not name.
        is_poll: it asks for news or waits.
        is_exit_one_an_answer: exit status 1 of the last command says "no match", "differs", "is not so".
    """

    kind: ToolKind = ToolKind.SHELL
    accesses: tuple[FileAccess, ...] = ()
    query: str | None = None
    scope: str = ""
    may_write: bool = False
    is_poll: bool = False
    is_exit_one_an_answer: bool = False


def read_effects(effects: Sequence[Effect]) -> ShellReading:
    """All effects of a script, in order, as one reading."""
    told = [effect for effect in effects if effect.kind is not EffectKind.NEUTRAL]
    kinds = {effect.kind for effect in told}
    kind = _TOOL_KINDS.get(next(iter(kinds)), ToolKind.SHELL) if len(kinds) == 1 else ToolKind.SHELL
    accesses = _all_accesses(told)
    query, scope = None, ""
    if kind is ToolKind.SEARCH:
        scope = "\n".join(effect.scope for effect in told)
        if all(effect.query is not None for effect in told):
            query = "\n".join(effect.query or "" for effect in told)
    return ShellReading(
        kind,
        accesses[:MAX_ACCESSES],
        query,
        scope,
        # Lists, because most commands are one or two.
        True in [effect.may_write for effect in effects] or any(access.is_write for access in accesses[MAX_ACCESSES:]),
        True in [effect.is_poll for effect in effects],
        bool(effects) and effects[-1].is_exit_one_an_answer,
    )


def _all_accesses(effects: Sequence[Effect]) -> tuple[FileAccess, ...]:
    if len(effects) == 1:
        return effects[0].accesses
    return tuple(dict.fromkeys(access for effect in effects for access in effect.accesses))


def as_one_effect(effects: Sequence[Effect]) -> Effect:
    """A script within a script (`bash -c …`) as one effect, so that it can stand in a pipeline."""
    if len(effects) == 1:
        return effects[0]
    reading = read_effects(effects)
    return Effect(
        _EFFECT_KINDS.get(reading.kind, EffectKind.RUN),
        reading.accesses,
        reading.query,
        reading.scope,
        may_write=reading.may_write,
        is_poll=reading.is_poll,
        is_exit_one_an_answer=reading.is_exit_one_an_answer,
    )


def redirect_output(command: SimpleCommand, effect: Effect, place: Place) -> Effect:
    """Output sent to a file is a write of that file, and shows nothing."""
    for redirect in command.redirects:
        if not redirect.operator.endswith((">", ">|", ">&")) or _NO_FILES.fullmatch(redirect.target.text):
            continue
        if (
            redirect.descriptor in ("", "1")
            and effect.kind is not EffectKind.RUN
            and effect.kind is not EffectKind.WRITE
        ):
            effect = Effect(EffectKind.WRITE, may_write=effect.may_write, is_poll=effect.is_poll)
        path = place.path(redirect.target)
        if path is None:
            effect = effect._replace(may_write=True)
        else:
            effect = effect._replace(accesses=effect.accesses + write_access(path))
    return effect


def pipe(source: Effect, stage: Effect) -> Effect:
    """What is left of `source` once its output has gone through the next stage of the pipeline."""
    if stage.kind is EffectKind.FILTER:
        # The exit status of a pipeline is that of its last stage.
        return _filter(source, stage)._replace(is_exit_one_an_answer=stage.is_exit_one_an_answer)
    joined = stage._replace(
        may_write=source.may_write or stage.may_write,
        is_poll=source.is_poll or stage.is_poll,
        # What came through the pipe was not shown: only what was written remains.
        accesses=tuple(access for access in source.accesses if access.is_write) + stage.accesses,
    )
    if stage.kind is EffectKind.NEUTRAL:
        return joined._replace(kind=EffectKind.RUN)
    if source.kind is EffectKind.NEUTRAL:
        return joined
    if source.kind is EffectKind.SEARCH and stage.kind is EffectKind.SEARCH:
        # `find … | xargs grep x`: the second looks for x in what the first one found
        is_known = bool(source.scope and stage.scope)
        scope = f"{source.scope} {source.query or ''} | {stage.scope}" if is_known else ""
        return joined._replace(scope=scope, query=stage.query if is_known else None)
    if source.kind is EffectKind.SEARCH and stage.kind is EffectKind.READ:
        return joined
    return (
        joined
        if stage.kind is EffectKind.WRITE and source.kind is not EffectKind.RUN
        else joined._replace(kind=EffectKind.RUN)
    )


def _filter(source: Effect, stage: Effect) -> Effect:
    """`head`, `grep`, `sort` … behind a pipe."""
    if source.kind is EffectKind.SEARCH:
        # Another filter is another search; which lines of the result came out is part of what was asked.
        passed_lines = "" if stage.lines is None else f"{stage.lines.first}-{stage.lines.last}"
        passed = " ".join(filter(None, [stage.scope, stage.query, passed_lines]))
        return source._replace(scope=f"{source.scope} | {passed}" if source.scope else "")
    if source.kind is not EffectKind.READ:
        return source
    if stage.query is not None:
        return _search_through(source, stage)
    if not stage.is_narrowing or stage.lines is None:
        return RUN  # sorted, counted, reshaped: no lines of the file are shown as they are
    if stage.lines == Lines():
        return source
    if len(source.accesses) != 1:
        return source._replace(accesses=())  # which lines of which file came out is not known
    access = source.accesses[0]
    lines = narrow(Lines(access.first_line, access.last_line), stage.lines)
    return source._replace(accesses=read_access(access.path, lines.first, lines.last))


def _search_through(source: Effect, stage: Effect) -> Effect:
    """`cat f | grep x` is a search for x in f."""
    looked_through = " ".join(f"{access.path}:{access.first_line}-{access.last_line}" for access in source.accesses)
    if not looked_through:
        return Effect(EffectKind.SEARCH)
    return Effect(EffectKind.SEARCH, query=stage.query, scope=f"{stage.scope} -- {looked_through}")
