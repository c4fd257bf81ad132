"""docker-compose.yml and collector_config/: pinned, on loopback, and consistent in themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
COLLECTOR_FILES = sorted((ROOT / "collector_config").glob("*.yaml"))
# Types that Collector 0.159 names so; the older spellings (`otlphttp`, …) are deprecated aliases that warn.
KNOWN_TYPES = {
    "receivers": {"otlp"},
    "processors": {"memory_limiter"},
    "exporters": {"otlp_http", "otlp_grpc", "file", "debug"},
}


def _load(path: Path) -> dict[str, Any]:
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def test_every_published_port_is_on_loopback() -> None:
    services = _load(ROOT / "docker-compose.yml")["services"]
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_image_is_pinned_to_a_release() -> None:
    for name, service in _load(ROOT / "docker-compose.yml")["services"].items():
        tag = service["image"].rpartition(":")[2]
        assert tag[0].isdigit(), f"{name}: {service['image']} is not pinned"


def test_compose_mounts_only_files_that_exist() -> None:
    services = _load(ROOT / "docker-compose.yml")["services"]
    sources = [volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])]
    configs = [source for source in sources if "collector_config" in source]
    assert configs
    assert all((ROOT / source).is_file() for source in configs)


@pytest.mark.parametrize("path", COLLECTOR_FILES, ids=lambda path: path.name)
def test_pipelines_use_only_components_that_are_defined_and_every_component_is_used(path: Path) -> None:
    config = _load(path)
    for section, types in KNOWN_TYPES.items():
        defined = set(config.get(section, {}))
        used = {name for pipeline in config["service"]["pipelines"].values() for name in pipeline.get(section, [])}
        assert defined == used, section
        assert {name.split("/")[0] for name in defined} <= types


def test_there_is_a_collector_file() -> None:
    assert COLLECTOR_FILES
