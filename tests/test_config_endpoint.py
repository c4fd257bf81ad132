"""Where traces go, as OpenTelemetry's variables say it."""

from __future__ import annotations

import pytest

from otel_sessionopt.config_endpoint import DEFAULT_TIMEOUT_SECONDS, Endpoint, named_endpoint, traces_endpoint
from otel_sessionopt.errors import ConfigError

BASE = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"


@pytest.mark.parametrize("environ", [{}, {BASE: ""}, {BASE: " ", TRACES: ""}])
def test_without_an_endpoint_there_is_none(environ: dict[str, str]) -> None:
    assert traces_endpoint(environ) is None


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({BASE: "http://localhost:4318"}, "http://localhost:4318/v1/traces"),
        ({BASE: "https://otel.example/otlp/"}, "https://otel.example/otlp/v1/traces"),
        ({TRACES: "http://localhost:4318/v1/traces"}, "http://localhost:4318/v1/traces"),
        ({TRACES: "http://localhost:4318"}, "http://localhost:4318"),  # taken as it is, as the specification says
        ({BASE: "http://a", TRACES: "http://b/x"}, "http://b/x"),
        ({BASE: " http://a ", TRACES: " "}, "http://a/v1/traces"),
    ],
)
def test_the_address_over_http(environ: dict[str, str], url: str) -> None:
    assert traces_endpoint(environ) == Endpoint(url, False, DEFAULT_TIMEOUT_SECONDS)


@pytest.mark.parametrize("variable", ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"])
@pytest.mark.parametrize("address", ["http://localhost:4317", "localhost:4317"])
def test_the_address_over_grpc(variable: str, address: str) -> None:
    assert traces_endpoint({BASE: address, variable: "grpc"}) == Endpoint(
        "http://localhost:4317", True, DEFAULT_TIMEOUT_SECONDS
    )


def test_the_protocol_of_traces_comes_before_that_of_everything() -> None:
    environ = {
        BASE: "http://a",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
    }
    endpoint = traces_endpoint(environ)

    assert endpoint is not None
    assert not endpoint.is_grpc


def test_a_disabled_sdk_sends_nothing() -> None:
    assert traces_endpoint({BASE: "http://a", "OTEL_SDK_DISABLED": "True"}) is None


@pytest.mark.parametrize(
    ("text", "seconds"), [("2.5", 2.5), ("0", DEFAULT_TIMEOUT_SECONDS), ("soon", DEFAULT_TIMEOUT_SECONDS), ("nan", 5.0)]
)
def test_the_timeout(text: str, seconds: float) -> None:
    endpoint = traces_endpoint({BASE: "http://a", "OTEL_EXPORTER_OTLP_TIMEOUT": text})

    assert endpoint is not None
    assert endpoint.timeout_seconds == seconds


@pytest.mark.parametrize("address", ["localhost:4318", "ftp://a", "http://", "file:///tmp/x", "http://a:port"])
def test_what_is_no_address_is_named_without_showing_it(address: str) -> None:
    with pytest.raises(ConfigError, match=f"^{BASE}: an http or https URL is wanted"):
        traces_endpoint({BASE: address})


def test_messages_show_no_password() -> None:
    endpoint = Endpoint("https://me:hunter2@otel.example:4318/v1/traces?key=hunter2", False, 1)

    assert endpoint.shown == "https://otel.example:4318/v1/traces"


@pytest.mark.parametrize(
    ("text", "url", "is_grpc"),
    [
        ("http://localhost:4318", "http://localhost:4318/v1/traces", False),
        ("http://localhost:4318/", "http://localhost:4318/v1/traces", False),
        ("https://host/otlp/v1/traces", "https://host/otlp/v1/traces", False),
        ("localhost:4318", "http://localhost:4318/v1/traces", False),
        ("localhost:4317", "http://localhost:4317", True),
        ("grpc://host:9999", "http://host:9999", True),
    ],
)
def test_an_address_that_a_person_gives_may_be_short(text: str, url: str, is_grpc: bool) -> None:
    found = named_endpoint(text, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://elsewhere"})
    assert (found.url, found.is_grpc) == (url, is_grpc)
