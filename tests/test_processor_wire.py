"""The processor with the real SDK and the real OTLP exporters, over the wire to a receiver on loopback."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Tracer

from otel_sessionopt.processor import SessionOptSpanProcessor
from otel_sessionopt.processor_settings import ProcessorSettings
from tests.support.live_spans import AGENT, CHAT, FINDING, READ, run_agent, run_agents
from tests.support.otlp_sink import OtlpSink, grpc_sink, http_sink

BATCH_MS = 20
ROOT = "invoke_agent coder"
SPANS_OF_AGENT = 6


def http_exporter(url: str) -> SpanExporter:
    return HttpExporter(endpoint=url)


def grpc_exporter(url: str) -> SpanExporter:
    return GrpcExporter(endpoint=url, insecure=True)


class Wire:
    """A provider that exports to `sink` through the processor."""

    def __init__(self, sink: OtlpSink, exporter: SpanExporter, settings: ProcessorSettings | None = None) -> None:
        self.sink = sink
        self.processor = SessionOptSpanProcessor(
            BatchSpanProcessor(exporter, schedule_delay_millis=BATCH_MS), report_folder=None, settings=settings
        )
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(self.processor)
        self.tracer = self.provider.get_tracer("tests")


@pytest.fixture(params=[(http_sink, http_exporter), (grpc_sink, grpc_exporter)], ids=["http", "grpc"])
def wire(request: pytest.FixtureRequest) -> Iterator[Wire]:
    """Over HTTP with protobuf, and over gRPC."""
    make_sink: Callable[[], AbstractContextManager[OtlpSink]] = request.param[0]
    with make_sink() as sink:
        wire = Wire(sink, request.param[1](sink.url))
        yield wire
        wire.provider.shutdown()


@pytest.fixture
def http_wire() -> Iterator[Wire]:
    with http_sink() as sink:
        wire = Wire(sink, http_exporter(sink.url))
        yield wire
        wire.provider.shutdown()


def assert_each_once(spans: list[Span]) -> None:
    ids = [(span.trace_id, span.span_id) for span in spans]
    assert len(set(ids)) == len(ids)


def finding_codes(span: Span) -> list[str]:
    return [
        attribute.value.string_value
        for event in span.events
        if event.name == "sessionopt.finding"
        for attribute in event.attributes
        if attribute.key == "sessionopt.finding.code"
    ]


def attributes(span: Span) -> dict[str, str]:
    return {attribute.key: attribute.value.string_value for attribute in span.attributes}


def test_children_arrive_while_the_root_runs_and_the_root_once_with_its_findings(wire: Wire) -> None:
    with wire.tracer.start_as_current_span(ROOT, attributes=AGENT):
        for name in ("execute_tool Read", "chat", "execute_tool Read", "chat"):
            with wire.tracer.start_as_current_span(name, attributes=CHAT if name == "chat" else READ):
                pass
        arrived = wire.sink.wait(lambda spans: len(spans) == 4)
        assert ROOT not in {span.name for span in arrived}
    spans = wire.sink.wait(lambda spans: len(spans) == 5)
    root = spans[4]
    assert root.name == ROOT
    assert finding_codes(root) == [FINDING]
    assert [event.name for event in root.events] == [
        "sessionopt.finding",
        "sessionopt.summary",
        "gen_ai.evaluation.result",
    ]
    assert all(root.start_time_unix_nano <= event.time_unix_nano <= root.end_time_unix_nano for event in root.events)
    assert attributes(root)["sessionopt.score_bucket"]
    assert all(not span.events for span in spans[:4])
    wire.provider.shutdown()
    assert wire.sink.names.count(ROOT) == 1
    assert_each_once(wire.sink.spans)


def test_threads_with_sessions_of_their_own_lose_and_double_nothing(wire: Wire) -> None:
    threads = [threading.Thread(target=run_agents, args=(wire.tracer, 5)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wire.provider.force_flush()
    spans = wire.sink.spans
    assert len(spans) == 8 * 5 * SPANS_OF_AGENT
    assert_each_once(spans)
    roots = [span for span in spans if span.name == ROOT]
    assert len(roots) == 40
    assert [finding_codes(root) for root in roots] == [[FINDING]] * 40
    assert wire.processor.stats.spans_dropped == {}


def test_threads_that_share_a_session_end_up_under_one_root(http_wire: Wire) -> None:
    from opentelemetry import trace

    root = http_wire.tracer.start_span(ROOT, attributes=AGENT)
    context = trace.set_span_in_context(root)

    def work() -> None:
        for _ in range(10):
            http_wire.tracer.start_span("execute_tool Read", context=context, attributes=READ).end()
            http_wire.tracer.start_span("chat", context=context, attributes=CHAT).end()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    root.end()
    assert http_wire.provider.force_flush()
    spans = http_wire.sink.spans
    assert len(spans) == 81
    assert_each_once(spans)
    (sent,) = (span for span in spans if span.name == ROOT)
    assert FINDING in finding_codes(sent)
    assert {span.trace_id for span in spans} == {sent.trace_id}


def test_asyncio_tasks_are_told_apart_and_a_child_may_outlive_its_root(wire: Wire) -> None:
    async def agent(tracer: Tracer, children: list[asyncio.Task[None]]) -> None:
        with tracer.start_as_current_span(ROOT, attributes=AGENT):
            for _ in range(2):
                with tracer.start_as_current_span("execute_tool Read", attributes=READ):
                    await asyncio.sleep(0)
                with tracer.start_as_current_span("chat", attributes=CHAT):
                    await asyncio.sleep(0)
            started = asyncio.Event()
            children.append(asyncio.create_task(outlive(tracer, started)))
            await started.wait()

    async def outlive(tracer: Tracer, started: asyncio.Event) -> None:
        with tracer.start_as_current_span("outliving chat", attributes=CHAT):
            started.set()
            await asyncio.sleep(0.05)

    async def main() -> None:
        children: list[asyncio.Task[None]] = []
        await asyncio.gather(*(agent(wire.tracer, children) for _ in range(10)))
        await asyncio.gather(*children)

    asyncio.run(main())
    spans = wire.sink.wait(lambda spans: len(spans) == 60)
    assert_each_once(spans)
    roots = [span for span in spans if span.name == ROOT]
    assert [finding_codes(root) for root in roots] == [[FINDING]] * 10
    for root in roots:
        names = [span.name for span in spans if span.trace_id == root.trace_id]
        assert names.index("outliving chat") < names.index(ROOT)
        assert len(names) == 6


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_parent_and_forked_child_each_send_their_own_session_once(http_wire: Wire) -> None:
    run_agent(http_wire.tracer)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            run_agent(http_wire.tracer)
            http_wire.provider.shutdown()
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    run_agent(http_wire.tracer)
    assert http_wire.provider.force_flush()
    spans = http_wire.sink.wait(lambda spans: len(spans) >= 3 * SPANS_OF_AGENT)
    assert len(spans) == 3 * SPANS_OF_AGENT
    assert_each_once(spans)
    roots = [span for span in spans if span.name == ROOT]
    assert [finding_codes(root) for root in roots] == [[FINDING]] * 3


def test_shutdown_sends_what_is_held(http_wire: Wire) -> None:
    run_agent(http_wire.tracer)
    open_root = http_wire.tracer.start_span("never ended", attributes=AGENT)
    http_wire.provider.shutdown()
    assert open_root.is_recording()
    spans = http_wire.sink.spans
    assert len(spans) == SPANS_OF_AGENT
    assert finding_codes(spans[-1]) == [FINDING]
