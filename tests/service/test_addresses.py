"""Where the service listens, and by which names it may be addressed."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from otel_sessionopt.config import load_settings
from otel_sessionopt.errors import SessionOptError
from otel_sessionopt.service.access import Access
from otel_sessionopt.service.app import Service
from otel_sessionopt.service.otlp_request import Refusal
from otel_sessionopt.service_settings import ServiceSettings
from tests.support.service_process import agent_request, post, running_service


@pytest.mark.parametrize("name", ["http_port", "grpc_port", "pages_port"])
def test_a_port_that_is_taken_is_told_before_anything_starts(tmp_path: Path, name: str) -> None:
    settings = load_settings(environ={})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ports = {"http_port": 0, "grpc_port": 0, "pages_port": 0, name: port}
        service = replace(settings.service, folder=tmp_path / "data", **ports)
        with pytest.raises(SessionOptError, match=f"port {port} of 127.0.0.1 cannot be listened on"):
            Service(replace(settings, service=service))
    assert not (tmp_path / "data").exists()


def test_names_are_compared_whatever_their_case() -> None:
    access = Access(ServiceSettings(allowed_hosts=("Agents.Example",)))
    for host in ("agents.example:4318", "AGENTS.EXAMPLE", "[::1]:4318", "LocalHost:4318"):
        access.check(host, "")
    with pytest.raises(Refusal):
        access.check("evil.example", "")


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_it_listens_on_ipv6(tmp_path: Path) -> None:
    with running_service(tmp_path, "--host=::1") as service:
        assert service.http.startswith("http://[::1]:")
        headers = {"Content-Type": "application/x-protobuf"}
        assert post(f"{service.http}/v1/traces", agent_request(1, [1]), headers).status == 200


def test_without_a_token_only_names_that_can_be_no_others_are_taken_on_all_addresses(tmp_path: Path) -> None:
    everywhere = ServiceSettings(host="0.0.0.0", allow_anyone=True)
    for host in ("192.168.1.5:4318", "[fe80::1]:4318", "localhost:4318", socket.gethostname()):
        Access(everywhere).check(host, "")
    with pytest.raises(Refusal, match="allowed_hosts"):
        Access(everywhere).check("evil.example:4318", "")
    named = replace(everywhere, allowed_hosts=("sessionopt",))
    Access(named).check("sessionopt:4318", "")
    token = tmp_path / "token"
    token.write_text("a-token-of-many-characters")
    guarded = ServiceSettings(host="0.0.0.0", token_file=str(token))
    Access(guarded).check("any.example:4318", "Bearer a-token-of-many-characters")
