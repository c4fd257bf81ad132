"""Real instrumentation libraries against a stub of the providers: the same session, whichever of them tells it.

The agent reads one file twice and answers; a further call is refused. What each library leaves out is named here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.peers.environments import PROGRAMS, Environments, environments_folder
from tests.peers.sessions import CONTENT_ON, Tokens, Told, read_session, run_program, told_by, world
from tests.peers.stub_provider import ARGUMENTS, TOOL, TURNS

pytestmark = pytest.mark.peers

OPENAI = Tokens(
    uncached=sum(turn.input - turn.openai_cached for turn in TURNS),
    cache_read=sum(turn.openai_cached for turn in TURNS),
    cache_write=0,
    output=sum(turn.output for turn in TURNS),
    reasoning=sum(turn.openai_reasoning for turn in TURNS),
)
ANTHROPIC = Tokens(
    uncached=sum(turn.input - turn.anthropic_read - turn.anthropic_written for turn in TURNS),
    cache_read=sum(turn.anthropic_read for turn in TURNS),
    cache_write=sum(turn.anthropic_written for turn in TURNS),
    output=sum(turn.output for turn in TURNS),
    reasoning=None,
)
EVERYTHING = Told(
    calls=3,
    failed_calls=1,
    tokens=OPENAI,
    tools={TOOL: 2},
    files_read={ARGUMENTS["path"]: 2},
    findings=("repeated-file-read",),
)
# What single libraries leave out or count wrong.
NO_REASONING = OPENAI._replace(reasoning=None)  # OpenLLMetry on LangChain; it also silences the client's own spans
NO_DETAILS = Tokens(OPENAI.uncached + OPENAI.cache_read, 0, 0, OPENAI.output, None)  # openai-v2: input and output only
# OpenLLMetry adds the output that a stream states first (1) to its total, which is cumulative.
ONE_MORE = ANTHROPIC._replace(output=ANTHROPIC.output + 1)


@dataclass(frozen=True)
class Case:
    """A program, what instruments it, and what that leaves out of the whole."""

    program: str
    arguments: str
    tokens: Tokens = OPENAI
    environment: str = "libraries"
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def told(self) -> Told:
        return replace(EVERYTHING, tokens=self.tokens)


NO_NATIVE = {"ANTHROPIC_OPEN_TELEMETRY": "false"}
LITELLM = {
    "OTEL_EXPORTER": "otlp_http",
    "USE_OTEL_LITELLM_REQUEST_SPAN": "true",
    "LITELLM_LOCAL_MODEL_COST_MAP": "true",
}
CASES = {
    "OTel genai-openai": Case("openai_agent.py", "otel-openai"),
    "OTel openai-v2": Case("openai_agent.py", "otel-openai-v2", NO_DETAILS, environment="openai-v2"),
    "OpenInference openai": Case("openai_agent.py", "openinference-openai"),
    "OpenLLMetry openai": Case("openai_agent.py", "openllmetry-openai"),
    "OTel genai-anthropic": Case("anthropic_agent.py", "otel-anthropic", ANTHROPIC, variables=NO_NATIVE),
    "OpenInference anthropic": Case("anthropic_agent.py", "openinference-anthropic", ANTHROPIC, variables=NO_NATIVE),
    "OpenLLMetry anthropic": Case("anthropic_agent.py", "openllmetry-anthropic", ONE_MORE, variables=NO_NATIVE),
    "Anthropic SDK": Case("anthropic_agent.py", "none", ANTHROPIC),
    "OpenInference langchain": Case("langchain_agent.py", "openinference-langchain"),
    "OpenLLMetry langchain": Case("langchain_agent.py", "openllmetry-langchain", NO_REASONING),
    "Pydantic AI, OpenAI": Case("pydantic_agent.py", "openai none"),
    "Pydantic AI, Anthropic": Case("pydantic_agent.py", "anthropic none", ANTHROPIC, variables=NO_NATIVE),
    "LiteLLM, OpenAI": Case("litellm_agent.py", "openai none", environment="litellm", variables=LITELLM),
    "LiteLLM, Anthropic": Case(
        "litellm_agent.py", "anthropic none", ANTHROPIC, environment="litellm", variables=LITELLM
    ),
    "two on openai: OTel, OpenInference": Case("openai_agent.py", "otel-openai openinference-openai"),
    "two on openai: OpenLLMetry, OTel": Case("openai_agent.py", "openllmetry-openai otel-openai"),
    "two on openai: OpenInference, OpenLLMetry": Case("openai_agent.py", "openinference-openai openllmetry-openai"),
    "two on anthropic: OTel, the SDK": Case("anthropic_agent.py", "otel-anthropic", ANTHROPIC),
    "two on anthropic: OpenInference, the SDK": Case("anthropic_agent.py", "openinference-anthropic", ANTHROPIC),
    "two on anthropic: OpenLLMetry, the SDK": Case("anthropic_agent.py", "openllmetry-anthropic", ANTHROPIC),
    "two on langchain: OpenInference above OTel": Case("langchain_agent.py", "openinference-langchain otel-openai"),
    "two on langchain: OpenLLMetry above OpenLLMetry": Case(
        "langchain_agent.py", "openllmetry-langchain openllmetry-openai", NO_REASONING
    ),
    "two on langchain: both": Case("langchain_agent.py", "openinference-langchain openllmetry-langchain"),
    "two on Pydantic AI: itself above OTel": Case("pydantic_agent.py", "openai otel-openai"),
    "two on Pydantic AI: itself above the SDK": Case("pydantic_agent.py", "anthropic none", ANTHROPIC),
}
NODE_CASES = {
    "ai-6": {"openai": OPENAI, "anthropic": ANTHROPIC},
    # Reasoning tokens come with its supplemental attributes only.
    "ai-7": {"openai": NO_REASONING, "anthropic": ANTHROPIC},
}


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Environments:
    return Environments(environments_folder(tmp_path_factory))


@pytest.mark.parametrize("name", CASES)
def test_a_python_library_tells_the_whole_session(environments: Environments, tmp_path: Path, name: str) -> None:
    case = CASES[name]
    python = environments.python(case.environment)
    with world() as (provider, sink):
        command = [str(python), str(PROGRAMS / case.program), *case.arguments.split()]
        run_program(command, provider, sink, {**CONTENT_ON, **case.variables})
        assert len(provider.requests) == len(TURNS) + 1
        assert told_by(*read_session(sink, tmp_path)) == case.told


@pytest.mark.parametrize(("environment", "model"), [(name, model) for name in NODE_CASES for model in NODE_CASES[name]])
def test_a_node_library_tells_the_whole_session(
    environments: Environments, tmp_path: Path, environment: str, model: str
) -> None:
    command = [*environments.node(environment), str(PROGRAMS / "vercel_agent.mjs"), model]
    with world() as (provider, sink):
        run_program(command, provider, sink, cwd=environments.node_folder(environment))
        assert len(provider.requests) == len(TURNS) + 1
        told = told_by(*read_session(sink, tmp_path))
    assert told == replace(EVERYTHING, tokens=NODE_CASES[environment][model])
