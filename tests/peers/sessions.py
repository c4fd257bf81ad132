"""What a program's telemetry amounts to, read as `analyze` reads it."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from otel_sessionopt.ingest.files import read_spans
from otel_sessionopt.ingest.inputs import find_inputs
from otel_sessionopt.pipeline import Pipeline, release_of_input
from otel_sessionopt.pricing.catalog import PriceClass
from otel_sessionopt.report import OptimizationReport
from otel_sessionopt.session import EventType, Session, build_session
from otel_sessionopt.session.facts.bill import bill
from tests.peers.stub_provider import StubProvider, stub_provider
from tests.support.otlp_sink import OtlpSink, http_sink

# Content capture is off by default in OTel's own packages and in the Anthropic SDK (genai-conventions, content).
CONTENT_ON = {
    "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
    "ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE": "content",
}


NO_VARIABLES: Mapping[str, str] = MappingProxyType({})


class Tokens(NamedTuple):
    """Billed tokens of a session by class; reasoning is part of the output, `None` = not told."""

    uncached: int
    cache_read: int
    cache_write: int
    output: int
    reasoning: int | None


@dataclass(frozen=True)
class Told:
    """What a session says happened."""

    calls: int
    failed_calls: int
    tokens: Tokens
    tools: Mapping[str, int]
    files_read: Mapping[str, int]
    findings: tuple[str, ...]


@contextmanager
def world() -> Iterator[tuple[StubProvider, OtlpSink]]:
    """A provider to ask and a receiver of telemetry."""
    with stub_provider() as provider, http_sink() as sink:
        yield provider, sink


def run_program(
    command: list[str],
    provider: StubProvider,
    sink: OtlpSink,
    variables: Mapping[str, str] = NO_VARIABLES,
    *,
    cwd: Path | None = None,
) -> str:
    """Run a program that asks `provider` and exports to `sink`; its standard error."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],
        "OPENAI_API_KEY": "none",
        "OPENAI_BASE_URL": f"{provider.url}/v1",
        "ANTHROPIC_API_KEY": "none",
        "ANTHROPIC_BASE_URL": provider.url,
        "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url.removesuffix("/v1/traces"),
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        **variables,
    }
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, cwd=cwd, timeout=120)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stderr


def read_session(sink: OtlpSink, folder: Path) -> tuple[Session, OptimizationReport]:
    """The one session in what `sink` got."""
    for number, request in enumerate(sink.requests):
        (folder / f"{number:03}.pb").write_bytes(request)
    pipeline = Pipeline()
    inputs = find_inputs([folder], _refuse)
    digests = [pipeline.digest(record) for file in inputs for record in read_spans(file, _refuse)]
    (trace_id,) = {record.trace_id for file in inputs for record in read_spans(file, _refuse)}
    session = build_session(trace_id, digests, release_of_input(digests))
    return session, pipeline.analyze_session(session)


def told_by(session: Session, report: OptimizationReport) -> Told:
    """The session in numbers."""
    calls = [event for event in session.events if event.event_type is EventType.AI_RESPONSE]
    reasoning = [event.reasoning_tokens for event in calls if event.reasoning_tokens is not None]
    tokens = bill(session).tokens
    tools = [event.tool for event in session.events if event.tool is not None]
    return Told(
        calls=sum(1 for event in calls if event.tokens_input),
        failed_calls=sum(1 for event in calls if event.error is not None),
        tokens=Tokens(
            tokens[PriceClass.INPUT],
            tokens[PriceClass.CACHE_READ],
            tokens[PriceClass.CACHE_WRITE] + tokens[PriceClass.CACHE_WRITE_1H],
            tokens[PriceClass.OUTPUT],
            sum(reasoning) if reasoning else None,
        ),
        tools=Counter(tool.name for tool in tools),
        files_read=Counter(access.path for tool in tools for access in tool.accesses),
        findings=tuple(sorted(issue.code for issue in report.issues)),
    )


def _refuse(error: object) -> None:
    raise AssertionError(str(error))
