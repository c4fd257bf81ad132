"""An agent of LangChain: the loop and the tool are the framework's."""

from __future__ import annotations

import sys
from contextlib import suppress

import file_tool
from langchain.agents import create_agent
from langchain_openai import ChatOpenAI
from openai import BadRequestError
from telemetry import set_up


def main() -> None:
    tracer = set_up(sys.argv[1:])
    model = ChatOpenAI(model="gpt-5-mini", max_retries=0)
    agent = create_agent(model, tools=[file_tool.read_file])
    with tracer.start_as_current_span("agent"):
        agent.invoke({"messages": [{"role": "user", "content": "Check the values."}]})
        with suppress(BadRequestError):
            agent.invoke({"messages": [{"role": "user", "content": "FAIL"}]})


if __name__ == "__main__":
    main()
