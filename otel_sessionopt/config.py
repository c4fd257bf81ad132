"""Every setting, and the one loader: defaults < TOML file < `SESSIONOPT_*` variables < flags.

Each setting is declared once: in `config_declarations`, in `ProcessorSettings`, or as a rule's threshold. Validation,
error messages, the `rules` command and the tables in the documentation all come from those declarations.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from otel_sessionopt.config_declarations import (
    FALSE_WORDS,
    HISTORY_FOLDER,
    PRICE_CLASSES,
    ExporterSettings,
    HistorySettings,
    ReportSettings,
    Setting,
    WritebackSettings,
    all_settings,
    history_settings,
    price_setting,
)
from otel_sessionopt.config_sources import (
    ENV_PREFIX,
    Given,
    KeyPath,
    from_environ,
    from_file,
    from_flags,
    from_options,
)
from otel_sessionopt.errors import ConfigError
from otel_sessionopt.processor_settings import ProcessorSettings
from otel_sessionopt.service_settings import ServiceSettings

if TYPE_CHECKING:
    from otel_sessionopt.pricing.overrides import PriceOverride

__all__ = [
    "ExporterSettings",
    "HistorySettings",
    "ReportSettings",
    "Setting",
    "SettingRow",
    "Settings",
    "WritebackSettings",
    "all_settings",
    "explain_settings",
    "history_folder",
    "is_debugging",
    "load_settings",
    "process_environ",
]

DEFAULT_FILE: Final = "~/.sessionoptimizer/config.toml"
CONFIG_VARIABLE: Final = "SESSIONOPT_CONFIG"
DEBUG_VARIABLE: Final = "SESSIONOPT_DEBUG"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set.

    Attributes:
        rules: by rule id what was set: `enabled` and thresholds; rules left out keep their defaults.
        ignore_paths: globs of paths that no finding may be about.
        prices: by model name the user's own prices, in USD per million tokens.
        enabled: whether the traces exporter and the instrumentor do anything.
        sources: by key (`report.folder`) where its value was given; keys at their default are absent.
    """

    report: ReportSettings = field(default_factory=ReportSettings)
    history: HistorySettings = field(default_factory=HistorySettings)
    processor: ProcessorSettings = field(default_factory=ProcessorSettings)
    writeback: WritebackSettings = field(default_factory=WritebackSettings)
    exporter: ExporterSettings = field(default_factory=ExporterSettings)
    enabled: bool = True
    service: ServiceSettings = field(default_factory=ServiceSettings)
    rules: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    ignore_paths: tuple[str, ...] = ()
    prices: Mapping[str, PriceOverride] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRow:
    """One setting as configured, for people: the `rules` command and the documentation."""

    key: str
    value: object
    default: object
    source: str
    variable: str
    unit: str
    allowed: str
    doc: str


def process_environ() -> Mapping[str, str]:
    """The environment of this process. The package reads it here and nowhere else."""
    return os.environ


def is_debugging(environ: Mapping[str, str]) -> bool:
    """Whether errors should show where they come from."""
    return environ.get(DEBUG_VARIABLE, "").lower() not in ("", *FALSE_WORDS)


def load_settings(
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Sequence[str] = (),
    options: Mapping[str, object] | None = None,
) -> Settings:
    """The settings in force.

    Args:
        file: a TOML file that must exist; else the one `SESSIONOPT_CONFIG` names, else
            `~/.sessionoptimizer/config.toml` where there is one.
        environ: environment variables; those of this process when not given.
        overrides: flags, `KEY=VALUE`.
        options: settings as tables, as OpenTelemetry's declarative configuration hands them to a component.

    Raises:
        ConfigError: an unknown key or a value that is not allowed; names the source, the key and what is allowed.
    """
    environ = process_environ() if environ is None else environ
    declared = {setting.path: setting for setting in all_settings()}
    given = [
        *_file_values(file, environ),
        *_environ_values(environ, declared),
        *from_options(options or {}),
        *from_flags(overrides),
    ]
    values: dict[KeyPath, object] = {}
    sources: dict[str, str] = {}
    for entry in given:  # later ones win
        setting = declared.get(entry.path) or price_setting(entry.path)
        if setting is None:
            _refuse(entry, declared)
            continue
        values[entry.path] = _read(setting, entry)
        sources[setting.key] = entry.source
    return _settings_from(values, sources)


def history_folder(environ: Mapping[str, str] | None = None) -> Path:
    """The setting `history.folder` alone, its `~` resolved.

    The same answer as `load_settings` gives, without loading the rules: recording an event is a process of its own and
    must be quick.

    Raises:
        ConfigError: as `load_settings`, for this one setting.
    """
    environ = process_environ() if environ is None else environ
    path: KeyPath = ("history", "folder")
    setting = next(each for each in history_settings() if each.path == path)
    given = [entry for entry in _file_values(None, environ) if entry.path == path]
    given += from_environ(environ, {setting.variable: path})
    value: object = HISTORY_FOLDER
    for entry in given:  # later ones win
        value = _read(setting, entry)
    assert isinstance(value, Path)
    return value.expanduser()


def explain_settings(settings: Settings) -> tuple[SettingRow, ...]:
    """One row a setting: its value in force, where that was given, and what is allowed."""
    return tuple(
        SettingRow(
            key=setting.key,
            value=_value_in_force(settings, setting),
            default=setting.default,
            source=settings.sources.get(setting.key, "default"),
            variable=setting.variable,
            unit=setting.unit,
            allowed=setting.allowed,
            doc=setting.doc,
        )
        for setting in all_settings()
    )


def _read(setting: Setting, entry: Given) -> object:
    try:
        return setting.read(entry)
    except ValueError as error:
        reason = f" ({error})" if str(error) else ""
        shown = entry.value if entry.text is None else entry.text
        raise ConfigError(f"{entry.source}: {setting.key} is {shown!r}; {setting.allowed} is wanted{reason}") from error


def _file_values(file: Path | None, environ: Mapping[str, str]) -> Iterable[Given]:
    named = file or (Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None)
    path = (named or Path(DEFAULT_FILE)).expanduser()
    if named is None and not path.exists():
        return ()
    return from_file(path)


def _environ_values(environ: Mapping[str, str], declared: Mapping[KeyPath, Setting]) -> Iterable[Given]:
    names = {setting.variable: path for path, setting in declared.items()}
    names[f"{ENV_PREFIX}PRICES"] = ("prices",)
    for name in sorted(environ):
        if name.startswith(ENV_PREFIX) and name not in (*names, CONFIG_VARIABLE, DEBUG_VARIABLE):
            raise ConfigError(f"{name}: there is no such setting{_hint(name, names)}")
    return from_environ(environ, names)


def _refuse(entry: Given, declared: Mapping[KeyPath, Setting]) -> None:
    """Raise for a key that no setting has. An empty table of a name that exists is no mistake."""
    if entry.value == {} and any(path[: len(entry.path)] == entry.path for path in (*declared, ("prices",))):
        return
    key = ".".join(entry.path)
    if entry.path[0] == "prices":
        raise ConfigError(
            f"{entry.source}: {key} is no price; prices.<model>.<class> is wanted, "
            f"with the class one of {', '.join(PRICE_CLASSES)}"
        )
    below = [".".join(path) for path in declared if path[: len(entry.path)] == entry.path]
    if below:
        raise ConfigError(f"{entry.source}: {key} is {entry.value!r}; it is a table: {', '.join(below)}")
    known = [".".join(path) for path in declared]
    raise ConfigError(f"{entry.source}: there is no setting {key!r}{_hint(key, known)}")


def _hint(word: str, known: Iterable[str]) -> str:
    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else "; `sessionoptimizer rules --all` lists them"


def _settings_from(values: Mapping[KeyPath, object], sources: Mapping[str, str]) -> Settings:
    names = ("report", "history", "processor", "writeback", "exporter", "service")
    tables: dict[str, dict[str, Any]] = {name: {} for name in names}
    rules: dict[str, dict[str, object]] = {}
    prices: dict[str, dict[str, Decimal]] = {}
    for path, value in values.items():
        if path[0] in tables:
            tables[path[0]][path[1]] = value
        elif path[0] == "rules":
            rules.setdefault(path[1], {})[path[2]] = value
        elif path[0] == "prices":
            prices.setdefault(path[1], {})[path[2]] = Decimal(str(value))
    ignored = values.get(("ignore_paths",), ())
    return Settings(
        report=ReportSettings(**tables["report"]),
        history=HistorySettings(**tables["history"]),
        processor=ProcessorSettings(**tables["processor"]),
        writeback=WritebackSettings(**tables["writeback"]),
        exporter=ExporterSettings(**tables["exporter"]),
        enabled=values.get(("enabled",), True) is True,
        service=ServiceSettings(**tables["service"]),
        rules=rules,
        ignore_paths=tuple(ignored) if isinstance(ignored, tuple) else (),
        prices={model: _override(model, price, sources) for model, price in prices.items()},
        sources=sources,
    )


def _override(model: str, price: Mapping[str, Decimal], sources: Mapping[str, str]) -> PriceOverride:
    from otel_sessionopt.pricing.overrides import PriceOverride

    missing = [name for name in ("input", "output") if name not in price]
    if missing:
        source = sources[f"prices.{model}.{next(iter(price))}"]
        raise ConfigError(
            f"{source}: prices.{model} has no {' and no '.join(missing)}; both input and output are wanted"
        )
    return PriceOverride(**price)


def _value_in_force(settings: Settings, setting: Setting) -> object:
    match setting.path:
        case ("rules", rule, name):
            return settings.rules.get(rule, {}).get(name, setting.default)
        case ("ignore_paths",):
            return settings.ignore_paths
        case ("enabled",):
            return settings.enabled
        case (table, name):
            return getattr(getattr(settings, table), name)
    raise KeyError(setting.key)
