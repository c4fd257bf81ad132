"""Small agent sessions as OTLP/JSON, the way the Collector's file exporter writes them."""

from __future__ import annotations

import json
from typing import Any

START_NS = 1_767_603_600_000_000_000  # 2026-01-05 09:00:00 UTC
SECOND_NS = 1_000_000_000


def line(trace: int, *, reads: int = 1, model: str = "claude-sonnet-4-5", capture: bool = True) -> str:
    """One session as one line: a model call, then `reads` reads of one 400-line file with a model call after each."""
    return json.dumps(document(trace, reads=reads, model=model, capture=capture))


def document(trace: int, *, reads: int, model: str, capture: bool) -> dict[str, Any]:
    spans: list[dict[str, Any]] = []
    now = START_NS

    def add(name: str, parent: int | None, seconds: int, **attributes: Any) -> None:
        nonlocal now
        spans.append(
            {
                "traceId": f"{trace:032x}",
                "spanId": f"{len(spans) + 1:016x}",
                "parentSpanId": "" if parent is None else f"{parent:016x}",
                "name": name,
                "kind": 1,
                "startTimeUnixNano": str(now),
                "endTimeUnixNano": str(now + seconds * SECOND_NS),
                "attributes": [{"key": key, "value": _value(value)} for key, value in attributes.items()],
                "status": {},
            }
        )
        now += seconds * SECOND_NS if parent is not None else 0

    listing = "\n".join(f"{number:6}\tvalue_{number} = compute({number})" for number in range(1, 401))
    add("invoke_agent coder", None, 3600, **{"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "coder"})
    for place in range(reads + 1):
        add(
            f"chat {model}",
            1,
            2,
            **{
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "anthropic",
                "gen_ai.request.model": model,
                "gen_ai.usage.input_tokens": 4_000 + 3_000 * place,
                "gen_ai.usage.cache_read.input_tokens": 0 if place == 0 else 4_000 + 3_000 * (place - 1),
                "gen_ai.usage.cache_write.input_tokens": 4_000 if place == 0 else 3_000,
                "gen_ai.usage.output_tokens": 100,
                "gen_ai.usage.reasoning.output_tokens": 10,
            },
        )
        if place < reads:
            content = {
                "gen_ai.tool.call.arguments": json.dumps({"file_path": "/repo/values.py"}),
                "gen_ai.tool.call.result": listing,
            }
            add(
                "execute_tool Read",
                1,
                1,
                **{
                    "gen_ai.operation.name": "execute_tool",
                    "gen_ai.tool.name": "Read",
                    **(content if capture else {}),
                },
            )
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "coder"}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "test"}, "spans": spans}]}]}


def web_line(trace: int) -> str:
    """A trace without any agent in it."""
    span = {
        "traceId": f"{trace:032x}",
        "spanId": f"{1:016x}",
        "name": "GET /",
        "kind": 2,
        "startTimeUnixNano": str(START_NS),
        "endTimeUnixNano": str(START_NS + SECOND_NS),
        "attributes": [{"key": "http.request.method", "value": {"stringValue": "GET"}}],
    }
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})


def _value(value: str | int) -> dict[str, str]:
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}
