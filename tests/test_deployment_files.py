"""docker-compose.yml and collector_config/: pinned, on loopback, and consistent in themselves and with the service.

What a real Collector and a real Jaeger say of them, `tests/peers/test_collector.py` and `test_jaeger.py` ask.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from otel_sessionopt.cli.serve import command as serve
from otel_sessionopt.service.api import PREFIX, api_routes
from otel_sessionopt.service.html_pages import html_routes
from otel_sessionopt.version import __version__

ROOT = Path(__file__).resolve().parents[1]
COLLECTOR_FILES = sorted((ROOT / "collector_config").glob("*.yaml"))
# Types that Collector 0.159 names so; the older spellings (`otlphttp`, `loadbalancing`, …) are aliases that warn.
KNOWN_TYPES = {
    "receivers": {"otlp"},
    "processors": {"memory_limiter"},
    "exporters": {"otlp_http", "otlp_grpc", "file", "load_balancing"},
    "extensions": {"health_check", "file_storage"},
}


def _load(path: Path) -> dict[str, Any]:
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


SERVICES: dict[str, Any] = _load(ROOT / "docker-compose.yml")["services"]


def test_every_published_port_is_on_loopback_and_the_one_that_people_know() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert sorted(ports) == [f"127.0.0.1:{port}:{port}" for port in (16686, 4317, 4318, 8425)]


def test_every_image_is_pinned_to_a_release() -> None:
    for name, service in SERVICES.items():
        tag = service["image"].rpartition(":")[2]
        assert tag[0].isdigit(), f"{name}: {service['image']} is not pinned"
    assert SERVICES["sessionopt"]["image"].endswith(f":{__version__}")


def test_every_container_has_a_health_check_and_waits_for_those_it_sends_to() -> None:
    assert all("healthcheck" in service for service in SERVICES.values())
    assert set(SERVICES["collector"]["depends_on"]) == {"jaeger", "sessionopt"}
    assert set(SERVICES["sessionopt"]["depends_on"]) == {"jaeger"}


def test_compose_mounts_only_files_that_exist() -> None:
    sources = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])]
    configs = [source for source in sources if "collector_config" in source]
    assert len(configs) == 2
    assert all((ROOT / source).is_file() for source in configs)


def test_the_service_knows_every_option_that_compose_gives_it() -> None:
    words = SERVICES["sessionopt"]["command"].split()
    assert words[0] == "serve"
    options = [word for word in words if word.startswith("--")]
    known = CliRunner().invoke(serve, ["--help"]).output
    assert options
    assert all(re.search(rf"{option}\b", known) for option in options)


@pytest.mark.parametrize("path", COLLECTOR_FILES, ids=lambda path: path.name)
def test_pipelines_use_only_components_that_are_defined_and_every_component_is_used(path: Path) -> None:
    config = _load(path)
    for section, types in KNOWN_TYPES.items():
        defined = set(config.get(section, {}))
        pipelines = config["service"]["pipelines"].values()
        used = {name for pipeline in pipelines for name in pipeline.get(section, [])}
        assert defined == (set(config["service"]["extensions"]) if section == "extensions" else used), section
        assert {name.split("/")[0] for name in defined} <= types


@pytest.mark.parametrize("path", COLLECTOR_FILES, ids=lambda path: path.name)
def test_every_variable_but_secrets_has_a_value_to_fall_back_on(path: Path) -> None:
    variables = re.findall(r"\$\{env:(\w+)(:-[^}]+)?\}", path.read_text(encoding="utf-8"))
    assert {name for name, fallback in variables if not fallback} <= {"SESSIONOPT_TOKEN"}


def test_there_is_a_file_for_every_scenario() -> None:
    assert [path.name for path in COLLECTOR_FILES] == [
        "files.yaml",
        "gateway.yaml",
        "kubernetes.yaml",
        "scale-out.yaml",
    ]


def test_jaegers_links_lead_to_pages_and_to_the_api() -> None:
    ui = json.loads((ROOT / "collector_config" / "jaeger-ui.json").read_text(encoding="utf-8"))
    routes = [*html_routes(), *api_routes()]
    urls = [pattern["url"] for pattern in ui["linkPatterns"]] + [ui["qualityMetrics"]["apiEndpoint"]]
    assert len(urls) == 5
    for url in urls:
        path = url.removeprefix("http://localhost:8425").partition("?")[0].replace("#{", "").replace("}", "")
        assert any(route.path_regex.match(path) for route in routes), url
    assert ui["qualityMetrics"]["apiEndpoint"].endswith(f"{PREFIX}/jaeger/quality-metrics")
