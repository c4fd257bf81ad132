"""The rules that come with the package, and how a configuration makes instances of them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite
from typing import Any, Final

from otel_sessionopt.analyzers.abandoned_run import AbandonedRunAnalyzer
from otel_sessionopt.analyzers.base import AnalyzerMeta, BaseAnalyzer
from otel_sessionopt.analyzers.compaction_churn import CompactionChurnAnalyzer
from otel_sessionopt.analyzers.duplicate_model_call import DuplicateModelCallAnalyzer
from otel_sessionopt.analyzers.edit_churn import EditChurnAnalyzer
from otel_sessionopt.analyzers.excessive_thinking import ExcessiveThinkingAnalyzer
from otel_sessionopt.analyzers.failed_retry import FailedRetryAnalyzer
from otel_sessionopt.analyzers.high_error_rate import HighErrorRateAnalyzer
from otel_sessionopt.analyzers.idle_cache_expiry import IdleCacheExpiryAnalyzer
from otel_sessionopt.analyzers.large_file import LargeFileAnalyzer
from otel_sessionopt.analyzers.long_session import LongSessionAnalyzer
from otel_sessionopt.analyzers.model_overprovision import ModelOverprovisionAnalyzer
from otel_sessionopt.analyzers.never_cached_context import NeverCachedContextAnalyzer
from otel_sessionopt.analyzers.no_progress_loop import NoProgressLoopAnalyzer
from otel_sessionopt.analyzers.oversized_tool_result import OversizedToolResultAnalyzer
from otel_sessionopt.analyzers.prompt_cache_break import PromptCacheBreakAnalyzer
from otel_sessionopt.analyzers.redundant_tool_call import RedundantToolCallAnalyzer
from otel_sessionopt.analyzers.repeated_file_read import RepeatedFileReadAnalyzer
from otel_sessionopt.analyzers.repeated_search import RepeatedSearchAnalyzer
from otel_sessionopt.analyzers.serial_tool_calls import SerialToolCallsAnalyzer
from otel_sessionopt.analyzers.side_request_overhead import SideRequestOverheadAnalyzer
from otel_sessionopt.analyzers.sub_agent_overlap import SubAgentOverlapAnalyzer
from otel_sessionopt.analyzers.token_spike import TokenSpikeAnalyzer
from otel_sessionopt.analyzers.truncated_output import TruncatedOutputAnalyzer
from otel_sessionopt.analyzers.unused_tools import UnusedToolsAnalyzer
from otel_sessionopt.errors import ConfigError

# The order in which rules run and are listed. A new rule is one line here, beside its file and its test file.
ANALYZER_CLASSES: Final[tuple[type[BaseAnalyzer], ...]] = (
    RepeatedFileReadAnalyzer,
    RepeatedSearchAnalyzer,
    LargeFileAnalyzer,
    ExcessiveThinkingAnalyzer,
    FailedRetryAnalyzer,
    LongSessionAnalyzer,
    HighErrorRateAnalyzer,
    TokenSpikeAnalyzer,
    PromptCacheBreakAnalyzer,
    IdleCacheExpiryAnalyzer,
    NeverCachedContextAnalyzer,
    CompactionChurnAnalyzer,
    SideRequestOverheadAnalyzer,
    ModelOverprovisionAnalyzer,
    AbandonedRunAnalyzer,
    OversizedToolResultAnalyzer,
    RedundantToolCallAnalyzer,
    NoProgressLoopAnalyzer,
    DuplicateModelCallAnalyzer,
    TruncatedOutputAnalyzer,
    SubAgentOverlapAnalyzer,
    EditChurnAnalyzer,
    UnusedToolsAnalyzer,
    SerialToolCallsAnalyzer,
)

_ENABLED: Final = "enabled"
_WORD_START: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A tunable field of a rule. `ge` and `le` are the closed range, `None` where it is open."""

    name: str
    default: int | float
    unit: str
    ge: float | None
    le: float | None
    doc: str

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers are allowed."""
        return isinstance(self.default, int)

    @property
    def allowed(self) -> str:
        """What is allowed, in words: `a whole number from 2 to 100`."""
        kind = "a whole number" if self.is_whole else "a number"
        if self.ge is not None and self.le is not None:
            return f"{kind} from {number_text(self.ge)} to {number_text(self.le)}"
        if self.ge is not None:
            return f"{kind} of {number_text(self.ge)} or more"
        return kind if self.le is None else f"{kind} of at most {number_text(self.le)}"


def number_text(value: float) -> str:
    """A threshold or limit for people: `10,000`, `0.3`."""
    return f"{int(value):,}" if value == int(value) else f"{value:g}"


def default_analyzers() -> tuple[BaseAnalyzer, ...]:
    """Every shipped rule with its default thresholds."""
    return tuple(analyzer_class() for analyzer_class in ANALYZER_CLASSES)


def build_analyzers(rules: Mapping[str, Mapping[str, object]], source: str) -> tuple[BaseAnalyzer, ...]:
    """The shipped rules as configured, in catalog order.

    Args:
        rules: by rule id: `enabled` (default true) and thresholds by field name. Rules left out keep their defaults.
        source: where the settings come from (file, variable, flag); named in errors.

    Raises:
        ConfigError: unknown rule or threshold, wrong type, or out of range; says what is allowed.
    """
    classes = {meta_of(analyzer_class).id: analyzer_class for analyzer_class in ANALYZER_CLASSES}
    for rule in rules:
        if rule not in classes:
            raise ConfigError(f"{source}: there is no rule {rule!r}{_suggestion(rule, classes)}")
    built = []
    for rule, analyzer_class in classes.items():
        settings = rules.get(rule, {})
        if not isinstance(settings, Mapping):
            raise ConfigError(f"{source}: rule {rule!r} is {settings!r}; settings by name are wanted")
        values = _thresholds_from(rule, analyzer_class, settings, source)
        if _is_enabled(rule, settings, source):
            built.append(analyzer_class(**values))
    return tuple(built)


def analyzer_id(analyzer: BaseAnalyzer | type[BaseAnalyzer]) -> str:
    """Id of a rule: the one in its `meta`, else its class name in kebab-case."""
    if analyzer.meta is not None:
        return analyzer.meta.id
    name = analyzer.__name__ if isinstance(analyzer, type) else type(analyzer).__name__
    return _WORD_START.sub("-", name).replace("_", "-").lower()


def meta_of(analyzer_class: type[BaseAnalyzer]) -> AnalyzerMeta:
    """The `meta` of a shipped rule. Raises `TypeError` for a class without one, which only a user's own rule may be."""
    if analyzer_class.meta is None:
        raise TypeError(f"{analyzer_class.__name__} has no meta")
    return analyzer_class.meta


def thresholds_of(analyzer_class: type[BaseAnalyzer]) -> tuple[Threshold, ...]:
    """The tunable fields of a rule, as declared; none for a plain class."""
    if not dataclasses.is_dataclass(analyzer_class):
        return ()
    return tuple(
        Threshold(name=field.name, default=field.default, **field.metadata)
        for field in dataclasses.fields(analyzer_class)
        if "unit" in field.metadata
    )


def _thresholds_from(
    rule: str, analyzer_class: type[BaseAnalyzer], settings: Mapping[str, object], source: str
) -> dict[str, Any]:
    known = {threshold.name: threshold for threshold in thresholds_of(analyzer_class)}
    values: dict[str, Any] = {}
    for name, value in settings.items():
        if name == _ENABLED:
            continue
        if name not in known:
            raise ConfigError(f"{source}: rule {rule!r} has no threshold {name!r}{_suggestion(name, known)}")
        values[name] = _checked(f"{rule}.{name}", value, known[name], source)
    return values


def _checked(name: str, value: object, threshold: Threshold, source: str) -> int | float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)
    if not is_number or (threshold.is_whole and value != int(value)):  # type: ignore[call-overload]  # a number here
        raise ConfigError(f"{source}: {name} is {value!r}; {threshold.allowed} is allowed")
    assert isinstance(value, (int, float))
    if (threshold.ge is not None and value < threshold.ge) or (threshold.le is not None and value > threshold.le):
        raise ConfigError(f"{source}: {name} is {value!r}; {threshold.allowed} is allowed")
    return int(value) if threshold.is_whole else float(value)


def _is_enabled(rule: str, settings: Mapping[str, object], source: str) -> bool:
    enabled = settings.get(_ENABLED, True)
    if not isinstance(enabled, bool):
        raise ConfigError(f"{source}: {rule}.{_ENABLED} is {enabled!r}; true or false is allowed")
    return enabled


def _suggestion(word: str, known: Mapping[str, object]) -> str:
    close = get_close_matches(word, known, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there are: {', '.join(known)}" if known else "; it has none"
