"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from otel_sessionopt.config import Settings

F = TypeVar("F", bound=Callable[..., Any])


def settings_options(function: F) -> F:
    """`--config` and `--set`, as `config` and `overrides`."""
    function = click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        help="Set one setting, for example rules.repeated-file-read.min_reads=3. May be repeated.",
    )(function)
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="TOML file with settings, instead of ~/.sessionoptimizer/config.toml.",
    )(function)


def settings_of(
    config: Path | None,
    overrides: Sequence[str],
    *,
    only: Sequence[str] = (),
    disabled: Sequence[str] = (),
    ignored: Sequence[str] = (),
) -> Settings:
    """The settings in force, with a command's own flags on top.

    Args:
        config, overrides: as given by `settings_options`.
        only: rules to run alone; none means all that are enabled.
        disabled: rules not to run.
        ignored: further globs of paths to ignore.

    Raises:
        ConfigError: see `load_settings`; also a rule that does not exist.
    """
    from otel_sessionopt.analyzers.catalog import ANALYZER_CLASSES, build_analyzers, meta_of
    from otel_sessionopt.config import load_settings

    settings = load_settings(config, overrides=overrides)
    # Its checks name the flag that is wrong.
    build_analyzers({rule: {} for rule in only}, source="--rule")
    build_analyzers({rule: {} for rule in disabled}, source="--disable")
    rules = {rule: dict(named) for rule, named in settings.rules.items()}
    for rule in (meta_of(analyzer_class).id for analyzer_class in ANALYZER_CLASSES):
        if only:
            rules.setdefault(rule, {})["enabled"] = rule in only
        if rule in disabled:
            rules.setdefault(rule, {})["enabled"] = False
    return replace(settings, rules=rules, ignore_paths=(*settings.ignore_paths, *ignored))
