"""An agent of Pydantic AI, which makes its spans itself: `pydantic_agent.py openai|anthropic`."""

from __future__ import annotations

import sys
from contextlib import suppress

import file_tool
from pydantic_ai import Agent
from pydantic_ai.exceptions import ModelHTTPError
from telemetry import set_up

MODELS = {"openai": "openai-chat:gpt-5-mini", "anthropic": "anthropic:claude-sonnet-4-5"}


def main() -> None:
    tracer = set_up(sys.argv[2:])
    Agent.instrument_all()
    agent = Agent(MODELS[sys.argv[1]], tools=[file_tool.read_file])
    with tracer.start_as_current_span("agent"):
        agent.run_sync("Check the values.")
        with suppress(ModelHTTPError):
            agent.run_sync("FAIL")


if __name__ == "__main__":
    main()
