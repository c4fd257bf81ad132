"""Shows where an AI agent's tokens went, what was wasted, and what it would have cost without.

The names below are the public API. They are imported when first used, so that a program which only adds the span
processor does not pay for the rest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from otel_sessionopt.version import __version__

if TYPE_CHECKING:
    from otel_sessionopt.analyzers.abandoned_run import AbandonedRunAnalyzer as AbandonedRunAnalyzer
    from otel_sessionopt.analyzers.base import BaseAnalyzer as BaseAnalyzer
    from otel_sessionopt.analyzers.catalog import default_analyzers as default_analyzers
    from otel_sessionopt.analyzers.compaction_churn import CompactionChurnAnalyzer as CompactionChurnAnalyzer
    from otel_sessionopt.analyzers.duplicate_model_call import DuplicateModelCallAnalyzer as DuplicateModelCallAnalyzer
    from otel_sessionopt.analyzers.edit_churn import EditChurnAnalyzer as EditChurnAnalyzer
    from otel_sessionopt.analyzers.excessive_thinking import ExcessiveThinkingAnalyzer as ExcessiveThinkingAnalyzer
    from otel_sessionopt.analyzers.failed_retry import FailedRetryAnalyzer as FailedRetryAnalyzer
    from otel_sessionopt.analyzers.high_error_rate import HighErrorRateAnalyzer as HighErrorRateAnalyzer
    from otel_sessionopt.analyzers.idle_cache_expiry import IdleCacheExpiryAnalyzer as IdleCacheExpiryAnalyzer
    from otel_sessionopt.analyzers.issue import EfficiencyIssue as EfficiencyIssue
    from otel_sessionopt.analyzers.issue import IssueType as IssueType
    from otel_sessionopt.analyzers.issue import Severity as Severity
    from otel_sessionopt.analyzers.large_file import LargeFileAnalyzer as LargeFileAnalyzer
    from otel_sessionopt.analyzers.long_session import LongSessionAnalyzer as LongSessionAnalyzer
    from otel_sessionopt.analyzers.model_overprovision import ModelOverprovisionAnalyzer as ModelOverprovisionAnalyzer
    from otel_sessionopt.analyzers.never_cached_context import NeverCachedContextAnalyzer as NeverCachedContextAnalyzer
    from otel_sessionopt.analyzers.no_progress_loop import NoProgressLoopAnalyzer as NoProgressLoopAnalyzer
    from otel_sessionopt.analyzers.oversized_tool_result import (
        OversizedToolResultAnalyzer as OversizedToolResultAnalyzer,
    )
    from otel_sessionopt.analyzers.prompt_cache_break import PromptCacheBreakAnalyzer as PromptCacheBreakAnalyzer
    from otel_sessionopt.analyzers.redundant_tool_call import RedundantToolCallAnalyzer as RedundantToolCallAnalyzer
    from otel_sessionopt.analyzers.repeated_file_read import RepeatedFileReadAnalyzer as RepeatedFileReadAnalyzer
    from otel_sessionopt.analyzers.repeated_search import RepeatedSearchAnalyzer as RepeatedSearchAnalyzer
    from otel_sessionopt.analyzers.replay import Replay as Replay
    from otel_sessionopt.analyzers.replay import replay as replay
    from otel_sessionopt.analyzers.serial_tool_calls import SerialToolCallsAnalyzer as SerialToolCallsAnalyzer
    from otel_sessionopt.analyzers.side_request_overhead import (
        SideRequestOverheadAnalyzer as SideRequestOverheadAnalyzer,
    )
    from otel_sessionopt.analyzers.sub_agent_overlap import SubAgentOverlapAnalyzer as SubAgentOverlapAnalyzer
    from otel_sessionopt.analyzers.token_spike import TokenSpikeAnalyzer as TokenSpikeAnalyzer
    from otel_sessionopt.analyzers.truncated_output import TruncatedOutputAnalyzer as TruncatedOutputAnalyzer
    from otel_sessionopt.analyzers.unused_tools import UnusedToolsAnalyzer as UnusedToolsAnalyzer
    from otel_sessionopt.exporter import SessionOptSpanExporter as SessionOptSpanExporter
    from otel_sessionopt.optimizer import SessionOptimizer as SessionOptimizer
    from otel_sessionopt.processor import SessionOptSpanProcessor as SessionOptSpanProcessor
    from otel_sessionopt.quick_functions import analyze_session as analyze_session
    from otel_sessionopt.quick_functions import end_session as end_session
    from otel_sessionopt.quick_functions import get_agent_stats as get_agent_stats
    from otel_sessionopt.quick_functions import get_optimizer as get_optimizer
    from otel_sessionopt.quick_functions import log_event as log_event
    from otel_sessionopt.quick_functions import start_session as start_session
    from otel_sessionopt.report.document import OptimizationReport as OptimizationReport
    from otel_sessionopt.session.model import EventType as EventType
    from otel_sessionopt.session.model import Session as Session
    from otel_sessionopt.session.model import SessionEvent as SessionEvent
    from otel_sessionopt.session.model import SessionStatus as SessionStatus

_HOMES = {
    "SerialToolCallsAnalyzer": "analyzers.serial_tool_calls",
    "UnusedToolsAnalyzer": "analyzers.unused_tools",
    "EditChurnAnalyzer": "analyzers.edit_churn",
    "SubAgentOverlapAnalyzer": "analyzers.sub_agent_overlap",
    "TruncatedOutputAnalyzer": "analyzers.truncated_output",
    "DuplicateModelCallAnalyzer": "analyzers.duplicate_model_call",
    "NoProgressLoopAnalyzer": "analyzers.no_progress_loop",
    "RedundantToolCallAnalyzer": "analyzers.redundant_tool_call",
    "OversizedToolResultAnalyzer": "analyzers.oversized_tool_result",
    "SideRequestOverheadAnalyzer": "analyzers.side_request_overhead",
    "ModelOverprovisionAnalyzer": "analyzers.model_overprovision",
    "CompactionChurnAnalyzer": "analyzers.compaction_churn",
    "AbandonedRunAnalyzer": "analyzers.abandoned_run",
    "PromptCacheBreakAnalyzer": "analyzers.prompt_cache_break",
    "NeverCachedContextAnalyzer": "analyzers.never_cached_context",
    "IdleCacheExpiryAnalyzer": "analyzers.idle_cache_expiry",
    "BaseAnalyzer": "analyzers.base",
    "EfficiencyIssue": "analyzers.issue",
    "EventType": "session.model",
    "ExcessiveThinkingAnalyzer": "analyzers.excessive_thinking",
    "FailedRetryAnalyzer": "analyzers.failed_retry",
    "HighErrorRateAnalyzer": "analyzers.high_error_rate",
    "IssueType": "analyzers.issue",
    "LargeFileAnalyzer": "analyzers.large_file",
    "LongSessionAnalyzer": "analyzers.long_session",
    "OptimizationReport": "report.document",
    "Replay": "analyzers.replay",
    "RepeatedFileReadAnalyzer": "analyzers.repeated_file_read",
    "RepeatedSearchAnalyzer": "analyzers.repeated_search",
    "Session": "session.model",
    "SessionEvent": "session.model",
    "SessionOptSpanExporter": "exporter",
    "SessionOptSpanProcessor": "processor",
    "SessionOptimizer": "optimizer",
    "SessionStatus": "session.model",
    "Severity": "analyzers.issue",
    "TokenSpikeAnalyzer": "analyzers.token_spike",
    "analyze_session": "quick_functions",
    "default_analyzers": "analyzers.catalog",
    "end_session": "quick_functions",
    "get_agent_stats": "quick_functions",
    "get_optimizer": "quick_functions",
    "log_event": "quick_functions",
    "replay": "analyzers.replay",
    "start_session": "quick_functions",
}
__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
