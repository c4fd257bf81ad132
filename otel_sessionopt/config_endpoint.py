"""Where traces are sent, as OpenTelemetry's own variables say it. Without them nothing is contacted.

Source: OpenTelemetry specification, "OTLP exporter", configuration options.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from otel_sessionopt.errors import ConfigError

BASE_VARIABLE: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES_VARIABLE: Final = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_PROTOCOL_VARIABLES: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_TIMEOUT_VARIABLES: Final = ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT")
_DISABLED_VARIABLE: Final = "OTEL_SDK_DISABLED"
_TRACES_PATH: Final = "/v1/traces"
_GRPC_PORT: Final = 4317

_EXPORTER_NAMES: Final = {
    "grpc": "otlp_proto_grpc",
    "http/protobuf": "otlp_proto_http",
    "http/json": "otlp_json_http",
}

DEFAULT_TIMEOUT_SECONDS: Final = 5.0
"""Half of what the exporters wait by default: a person who ends a session in a shell waits for it."""


class Endpoint(NamedTuple):
    """A receiver of traces.

    Attributes:
        url: with the path of the traces for OTLP over HTTP.
        is_grpc: OTLP over gRPC; otherwise over HTTP.
        timeout_seconds: for one request with all its retries.
    """

    url: str
    is_grpc: bool
    timeout_seconds: float

    @property
    def shown(self) -> str:
        """The address without user, password and query, fit for messages."""
        parts = urlsplit(self.url)
        host = f"{parts.hostname or ''}{'' if parts.port is None else f':{parts.port}'}"
        return f"{parts.scheme}://{host}{parts.path}"


def traces_endpoint(environ: Mapping[str, str]) -> Endpoint | None:
    """The receiver that the environment names, or `None`. An empty variable counts as unset.

    Raises:
        ConfigError: it is no http(s) URL.
    """
    if environ.get(_DISABLED_VARIABLE, "").strip().lower() == "true":
        return None
    variable = TRACES_VARIABLE if environ.get(TRACES_VARIABLE, "").strip() else BASE_VARIABLE
    url = environ.get(variable, "").strip()
    if not url:
        return None
    is_grpc = _first(environ, _PROTOCOL_VARIABLES).lower() == "grpc"
    if is_grpc and "://" not in url:
        url = f"http://{url}"  # gRPC endpoints are often written as host:port
    if not _is_http_url(url):
        raise ConfigError(f"{variable}: an http or https URL is wanted, for example http://localhost:4318")
    if variable == BASE_VARIABLE and not is_grpc:
        url = url.rstrip("/") + _TRACES_PATH
    return Endpoint(url, is_grpc, _seconds(_first(environ, _TIMEOUT_VARIABLES)))


def otlp_exporter_name(environ: Mapping[str, str], signal: str) -> str:
    """The SDK's name of the OTLP exporter for `signal` (`traces`, `logs`); gRPC without a protocol, as the SDK has it.

    Raises:
        ConfigError: the SDK knows no such protocol.
    """
    variables = (f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    protocol = _first(environ, variables) or "grpc"
    if protocol not in _EXPORTER_NAMES:
        raise ConfigError(f"{' or '.join(variables)}: {protocol!r}; {' or '.join(_EXPORTER_NAMES)} is wanted")
    return _EXPORTER_NAMES[protocol]


def named_endpoint(text: str, environ: Mapping[str, str]) -> Endpoint:
    """The receiver that a person named: a URL, or host and port. Timeout and protocol are those of the environment.

    The port 4317, and `grpc://`, mean OTLP over gRPC; the path of the traces is added where there is none.

    Raises:
        ConfigError: it is no http(s) URL.
    """
    url = text.strip()
    scheme, separator, rest = url.partition("://")
    if not separator:
        url, scheme = f"http://{url}", "http"  # host and port
    if scheme == "grpc":
        url = f"http://{rest}"
    if not _is_http_url(url) or any(char.isspace() for char in url):
        raise ConfigError(f"{text!r} is no address of a receiver; wanted is, for example, http://localhost:4318")
    parts = urlsplit(url)
    is_grpc = scheme == "grpc" or parts.port == _GRPC_PORT or _first(environ, _PROTOCOL_VARIABLES).lower() == "grpc"
    if not is_grpc and parts.path in ("", "/"):
        url = url.rstrip("/") + _TRACES_PATH
    return Endpoint(url, is_grpc, _seconds(_first(environ, _TIMEOUT_VARIABLES)))


def _is_http_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port that is no number
        return False


def _first(environ: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((environ[name].strip() for name in names if environ.get(name, "").strip()), "")


def _seconds(text: str) -> float:
    """The timeout; what is no number is not our variable to refuse, the exporters ignore it too."""
    try:
        seconds = float(text)
    except ValueError:
        return DEFAULT_TIMEOUT_SECONDS
    return seconds if isfinite(seconds) and seconds > 0 else DEFAULT_TIMEOUT_SECONDS
