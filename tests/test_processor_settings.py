"""Bounds of the live processor."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from otel_sessionopt.errors import ConfigError
from otel_sessionopt.processor_settings import ProcessorSettings

FIELDS = dataclasses.fields(ProcessorSettings)


def test_defaults_are_those_of_the_documentation() -> None:
    assert dataclasses.asdict(ProcessorSettings()) == {
        "grace_seconds": 2.0,
        "idle_timeout_seconds": 900.0,
        "max_age_seconds": 86_400.0,
        "max_spans_per_trace": 32_000,
        "max_traces": 1_000,
        "memory_budget_bytes": 67_108_864,
        "finished_traces": 10_000,
        "queue_size": 4_096,
        "max_held_spans": 10_000,
        "max_findings_per_span": 16,
        "flush_timeout_seconds": 30.0,
        "shutdown_timeout_seconds": 10.0,
        "jaeger_warnings": False,
    }


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_setting_says_what_it_does_and_what_is_allowed(field: dataclasses.Field[Any]) -> None:
    assert set(field.metadata) == {"unit", "ge", "le", "doc"}
    assert field.metadata["doc"].endswith(".")
    assert isinstance(field.default, bool) or field.metadata["unit"]


BOUNDS = [
    (field.name, field.metadata[side], step)
    for field in FIELDS
    for side, step in (("ge", -1), ("le", 1))
    if field.metadata[side] is not None
]


@pytest.mark.parametrize(("name", "bound", "step"), BOUNDS)
def test_bounds_are_inclusive_and_kept(name: str, bound: int, step: int) -> None:
    at_bound: dict[str, Any] = {name: bound}
    beyond: dict[str, Any] = {name: bound + step}
    assert getattr(ProcessorSettings(**at_bound), name) == bound
    with pytest.raises(ConfigError, match=f"processor setting {name}: {bound + step} is outside"):
        ProcessorSettings(**beyond)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("grace_seconds", "2"),
        ("grace_seconds", True),
        ("grace_seconds", float("nan")),
        ("grace_seconds", None),
        ("max_traces", 1.5),
        ("max_traces", True),
        ("jaeger_warnings", 1),
    ],
)
def test_values_of_another_type_are_errors(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"processor setting {name}"):
        ProcessorSettings(**{name: value})


def test_whole_numbers_do_for_seconds() -> None:
    assert ProcessorSettings(grace_seconds=3).grace_seconds == 3
