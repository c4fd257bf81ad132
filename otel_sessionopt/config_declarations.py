"""The declaration of every setting: its key, default, range and meaning, and how its value is read."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, Final

from otel_sessionopt.config_sources import ENV_PREFIX, Given, KeyPath
from otel_sessionopt.processor_settings import ProcessorSettings
from otel_sessionopt.service_settings import ServiceSettings

DEFAULT_FOLDER: Final = Path("~/.sessionoptimizer/reports")
HISTORY_FOLDER: Final = Path("~/.sessionoptimizer")
REPORT_FORMATS: Final = ("json", "md", "txt", "html")
FINDING_FORMS: Final = ("span-events", "log-events")
ATTACH_FORMS: Final = ("root", "spans")
TRUE_WORDS: Final = frozenset({"true", "1", "yes", "on"})
FALSE_WORDS: Final = frozenset({"false", "0", "no", "off"})
PRICE_CLASSES: Final = ("input", "output", "cache_read", "cache_write", "cache_write_1h")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSettings:
    """Which report files are written, and where."""

    enabled: bool = field(
        default=True,
        metadata={"unit": "", "doc": "Write report files for every session that the live processor analyses."},
    )
    folder: Path = field(
        default=DEFAULT_FOLDER,
        metadata={"unit": "", "doc": "Where report files go; made when it is not there, `~` is the home folder."},
    )
    formats: tuple[str, ...] = field(
        default=REPORT_FORMATS, metadata={"unit": "", "doc": "Forms of report file to write."}
    )
    jaeger_url: str = field(
        default="",
        metadata={"unit": "", "doc": "Address of a Jaeger UI that has the traces; HTML reports link to it."},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HistorySettings:
    """Whether sessions are kept to look back over, and where."""

    save: bool = field(
        default=False,
        metadata={"unit": "", "doc": "Keep the sessions of the live processor and of `analyze` in the history."},
    )
    folder: Path = field(
        default=HISTORY_FOLDER,
        metadata={"unit": "", "doc": "Where the history is, recordings by hand too; `~` is the home folder."},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WritebackSettings:
    """How findings get onto the trace."""

    findings: str = field(
        default=FINDING_FORMS[0],
        metadata={"unit": "", "doc": "Write findings as events of spans, or as log events with the ids of the span."},
    )
    attach: str = field(
        default=ATTACH_FORMS[0],
        metadata={"unit": "", "doc": "Put findings on the root, or hold whole traces and put them on the causes too."},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExporterSettings:
    """The `sessionopt` traces exporter."""

    delegate: str = field(
        default="otlp",
        metadata={"unit": "", "doc": "The traces exporter that sends the spans, by its name in OTEL_TRACES_EXPORTER."},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The declaration of one setting. `read` gives its value from a `Given`, or raises `ValueError`."""

    path: KeyPath
    default: object
    unit: str
    allowed: str
    doc: str
    read: Callable[[Given], object]

    @property
    def key(self) -> str:
        """`rules.large-file.min_tokens`."""
        return ".".join(self.path)

    @property
    def variable(self) -> str:
        """`SESSIONOPT_RULES_LARGE_FILE_MIN_TOKENS`."""
        return ENV_PREFIX + "_".join(self.path).upper().replace("-", "_")


def all_settings() -> tuple[Setting, ...]:
    """Every declared setting, in the order of the documentation. Prices are by model and come on top."""
    return (
        *_table_settings("report", ReportSettings),
        *history_settings(),
        *_processor_settings(),
        *_table_settings("writeback", WritebackSettings),
        *_table_settings("exporter", ExporterSettings),
        *_service_settings(),
        *_rule_settings(),
        _IGNORE_PATHS,
        _ENABLED,
    )


def history_settings() -> tuple[Setting, ...]:
    """The settings of the history alone: cheap to have, which those of the rules are not."""
    return _table_settings("history", HistorySettings)


def _table_settings(
    table: str,
    declaration: type[ReportSettings] | type[HistorySettings] | type[WritebackSettings] | type[ExporterSettings],
) -> tuple[Setting, ...]:
    readers: dict[str, tuple[Callable[[Given], object], str]] = {
        "enabled": (_flag, "true or false"),
        "save": (_flag, "true or false"),
        "folder": (_folder, "a folder name"),
        "formats": (_formats, f"a list of {', '.join(REPORT_FORMATS)}"),
        "jaeger_url": (_web_address, "a URL that begins with http:// or https://, or nothing"),
        "findings": (_choice(FINDING_FORMS), " or ".join(FINDING_FORMS)),
        "attach": (_choice(ATTACH_FORMS), " or ".join(ATTACH_FORMS)),
        "delegate": (_name, "the name of a traces exporter"),
    }
    return tuple(
        Setting(
            path=(table, declared.name),
            default=declared.default,
            unit=declared.metadata["unit"],
            allowed=readers[declared.name][1],
            doc=declared.metadata["doc"],
            read=readers[declared.name][0],
        )
        for declared in dataclasses.fields(declaration)
    )


def _processor_settings() -> tuple[Setting, ...]:
    return tuple(
        _number_or_flag(("processor", declared.name), declared.default, declared.metadata)
        for declared in dataclasses.fields(ProcessorSettings)
    )


def _service_settings() -> tuple[Setting, ...]:
    readers: dict[type, tuple[Callable[[Given], object], str]] = {
        str: (_text, "text"),
        tuple: (_texts, "a list of texts"),
        type(HISTORY_FOLDER): (_folder, "a folder name"),
    }
    settings: list[Setting] = []
    for declared in dataclasses.fields(ServiceSettings):
        path: KeyPath = ("service", declared.name)
        found = readers.get(type(declared.default))
        if declared.name == "report_formats":
            found = (_formats, f"a list of {', '.join(REPORT_FORMATS)}")
        if found is None:
            settings.append(_number_or_flag(path, declared.default, declared.metadata))
            continue
        read, allowed = found
        doc = declared.metadata["doc"]
        settings.append(Setting(path=path, default=declared.default, unit="", allowed=allowed, doc=doc, read=read))
    return tuple(settings)


def _rule_settings() -> tuple[Setting, ...]:
    # Imported here: whoever only wants the types of this module does not pay for the rules.
    from otel_sessionopt.analyzers.catalog import ANALYZER_CLASSES, meta_of, thresholds_of

    settings: list[Setting] = []
    for analyzer_class in ANALYZER_CLASSES:
        meta = meta_of(analyzer_class)
        on = {"unit": "", "doc": f"Whether the rule “{meta.title}” runs."}
        settings.append(_number_or_flag(("rules", meta.id, "enabled"), True, on))
        settings += [
            _number_or_flag(("rules", meta.id, threshold.name), threshold.default, dataclasses.asdict(threshold))
            for threshold in thresholds_of(analyzer_class)
        ]
    return tuple(settings)


def _number_or_flag(path: KeyPath, default: Any, metadata: Mapping[str, Any]) -> Setting:
    low, high = metadata.get("ge"), metadata.get("le")
    allowed = "true or false"
    read: Callable[[Given], object] = _flag
    if not isinstance(default, bool):
        allowed, read = _range_in_words(isinstance(default, int), low, high), _number_reader(default, low, high)
    return Setting(path=path, default=default, unit=metadata["unit"], allowed=allowed, doc=metadata["doc"], read=read)


def _range_in_words(is_whole: bool, low: float | None, high: float | None) -> str:
    kind = "a whole number" if is_whole else "a number"
    if low is not None and high is not None:
        return f"{kind} from {_plain(low)} to {_plain(high)}"
    if low is not None:
        return f"{kind} of {_plain(low)} or more"
    return kind if high is None else f"{kind} of {_plain(high)} or less"


def _plain(number: float) -> str:
    return f"{number:,.15g}"


def price_setting(path: KeyPath) -> Setting | None:
    """The setting of one price, `prices.<model>.<class>`; `None` when `path` is no such key."""
    if len(path) != 3 or path[0] != "prices" or path[2] not in PRICE_CLASSES:
        return None
    return _number_or_flag(path, 0.0, {"unit": "USD per million tokens", "ge": 0, "doc": "Price of a token class."})


def _flag(given: Given) -> bool:
    if isinstance(given.value, bool):
        return given.value
    word = (given.text or "").strip().lower()
    if word in TRUE_WORDS or word in FALSE_WORDS:
        return word in TRUE_WORDS
    raise ValueError


def _number_reader(default: float, low: float | None, high: float | None) -> Callable[[Given], float]:
    def read(given: Given) -> float:
        value = given.value
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
            raise ValueError
        if (low is not None and value < low) or (high is not None and value > high):
            raise ValueError
        if isinstance(default, int) and value != int(value):
            raise ValueError
        return int(value) if isinstance(default, int) else float(value)

    return read


def _folder(given: Given) -> Path:
    name = given.value if isinstance(given.value, str) else given.text
    if not name or not name.strip() or "\0" in name:
        raise ValueError
    return Path(name)


def _text(given: Given) -> str:
    value = given.value if isinstance(given.value, str) else given.text
    if value is None or "\0" in value:
        raise ValueError
    return value


def _web_address(given: Given) -> str:
    address = given.value if isinstance(given.value, str) else given.text
    if address is None or (address and not address.startswith(("http://", "https://"))):
        raise ValueError
    return address


def _formats(given: Given) -> tuple[str, ...]:
    names = _texts(given)
    if any(name not in REPORT_FORMATS for name in names):
        raise ValueError
    return tuple(dict.fromkeys(names))


def _choice(allowed: tuple[str, ...]) -> Callable[[Given], str]:
    def read(given: Given) -> str:
        if given.value not in allowed:
            raise ValueError
        return str(given.value)

    return read


def _name(given: Given) -> str:
    if not isinstance(given.value, str) or not given.value.strip():
        raise ValueError
    return given.value.strip()


def _texts(given: Given) -> tuple[str, ...]:
    """A list of texts; variables and flags may also write it with commas."""
    value = given.value
    if isinstance(value, list) and all(isinstance(member, str) for member in value):
        return tuple(value)
    text = value if isinstance(value, str) else given.text
    if given.text is None or text is None:
        raise ValueError
    return tuple(part.strip() for part in text.split(",") if part.strip())


_IGNORE_PATHS: Final = Setting(
    path=("ignore_paths",),
    default=(),
    unit="",
    allowed="a list of globs",
    doc="Paths that no finding may be about; `*` also matches `/`, a relative glob matches at any depth.",
    read=_texts,
)

_ENABLED: Final = Setting(
    path=("enabled",),
    default=True,
    unit="",
    allowed="true or false",
    doc="Off, the traces exporter only passes spans on and the instrumentor does nothing.",
    read=_flag,
)
