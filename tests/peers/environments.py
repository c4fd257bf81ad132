"""Environments with real instrumentation libraries, installed from the package index when first needed.

One environment serves all Python libraries that can live together, so that the whole of `make peers` stays within
twenty minutes on a fresh machine. `PEERS_ENVIRONMENTS` names a folder to keep them in between runs.

The versions are those that were looked at; newer ones are tried by raising them here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).parent / "programs"
_SDK = ("opentelemetry-sdk==1.45.2", "opentelemetry-exporter-otlp==1.45.2", "opentelemetry-distro==0.66b2")
PYTHON_ENVIRONMENTS = {
    "libraries": (
        *_SDK,
        "openai==3.54.0",
        "anthropic==2.12.0",
        "opentelemetry-instrumentation-genai-openai==1.3b0",
        "opentelemetry-instrumentation-genai-anthropic==1.3b0",
        "openinference-instrumentation-openai==0.1.66",
        "openinference-instrumentation-anthropic==3.1.0",
        "openinference-instrumentation-langchain==0.1.80",
        "opentelemetry-instrumentation-openai==0.62.4",
        "opentelemetry-instrumentation-anthropic==0.62.4",
        "opentelemetry-instrumentation-langchain==0.62.4",
        "langchain==1.4.7",
        "langchain-openai==1.7.3",
        "pydantic-ai-slim[openai,anthropic]==2.68.0",
    ),
    "zero-code": (
        *_SDK,
        "openai==3.54.0",
        "opentelemetry-instrumentation-genai-openai==1.3b0",
        "opentelemetry-configuration==0.66b2",
    ),
    # Its callback for OpenTelemetry starts only where its proxy is installed.
    "litellm": (*_SDK, "litellm[proxy]==1.106.2"),
    # The released openai-v2 does not work with the newest util-genai, which the genai packages want.
    "openai-v2": (
        *_SDK,
        "openai==3.54.0",
        "opentelemetry-instrumentation-openai-v2==2.4b0",
        "opentelemetry-util-genai==0.4b0",
        "httpx",
    ),
}
_NODE = (
    "@ai-sdk/openai@3.0.141",
    "@ai-sdk/anthropic@3.0.139",
    "zod@4.6.7",
    "@opentelemetry/sdk-node@0.223.0",
    "@opentelemetry/exporter-trace-otlp-proto@0.223.0",
)
NODE_ENVIRONMENTS = {
    "ai-6": (*_NODE, "ai@6.0.326"),
    # Version 7 wants Node 22, which comes as a package too.
    "ai-7": (*_NODE, "ai@7.0.173", "@ai-sdk/otel@1.0.173", "node@22.23.3"),
}


class Environments:
    """Environments by name, made when first asked for, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def python(self, name: str) -> Path:
        """The interpreter of a Python environment."""
        place = self._folder / name
        if not (place / "complete").exists():
            venv.create(place, with_pip=True, clear=True)
            _run(str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", *PYTHON_ENVIRONMENTS[name])
            (place / "complete").touch()
        return place / "bin" / "python"

    def install_ourselves(self, name: str) -> Path:
        """The interpreter of a Python environment that has this package too, in a copy of its own."""
        python = self.python(name)
        if not list(python.parent.glob("sessionoptimizer")):
            _run(str(python), "-m", "pip", "install", "--quiet", f"{ROOT}[instrument]")
        return python

    def node_folder(self, name: str) -> Path:
        """Where the packages of a Node environment are."""
        return self._folder / name

    def node(self, name: str) -> list[str]:
        """The command of a Node environment, to be followed by a program; skips where there is no Node."""
        if shutil.which("npm") is None:
            pytest.skip("npm is not installed")
        place = self.node_folder(name)
        if not (place / "complete").exists():
            place.mkdir(parents=True, exist_ok=True)
            (place / "package.json").write_text('{"private": true, "type": "module"}\n')
            _run("npm", "install", "--silent", "--no-audit", "--no-fund", *NODE_ENVIRONMENTS[name], cwd=place)
            (place / "complete").touch()
        own_node = place / "node_modules" / ".bin" / "node"
        return [str(own_node) if own_node.exists() else "node"]


def environments_folder(factory: pytest.TempPathFactory) -> Path:
    """Where environments are made."""
    kept = os.environ.get("PEERS_ENVIRONMENTS")
    return Path(kept) if kept else factory.mktemp("environments")


def _run(*command: str, cwd: Path | None = None) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, f"{command}: {done.stderr[-3000:]}"
