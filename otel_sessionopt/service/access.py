"""Who may send: the host a request is addressed to, and the token."""

from __future__ import annotations

import hmac
import ipaddress
import socket
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

from otel_sessionopt.errors import ConfigError
from otel_sessionopt.service.otlp_request import PERMISSION_DENIED, UNAUTHENTICATED, Refusal

if TYPE_CHECKING:
    from otel_sessionopt.service_settings import ServiceSettings

_LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "::1")
_MIN_TOKEN_CHARS: Final = 16
"""A shorter token can be guessed."""


class Access:
    """Checks each request.

    A web page can make a browser send requests to addresses of its own name that lead here (DNS rebinding); the name
    it was addressed by gives that away.

    Args:
        settings: host, allowed names, token.

    Raises:
        ConfigError: the service would listen beyond loopback for anyone, without that being asked for; or the token
            cannot be read.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self._token = _token(settings.token_file)
        if not is_loopback(settings.host) and not self._token and not settings.allow_anyone:
            raise ConfigError(
                f"service.host is {settings.host!r}, which others can reach: give a token with service.token_file, or "
                "set service.allow_anyone"
            )
        names = {*_LOCAL_NAMES, settings.host, *settings.allowed_hosts}
        # With an address for "all of them" the names of this machine are not known: a token protects it, or else only
        # numeric addresses are certain to be no other's names.
        is_everywhere = _is_unspecified(settings.host) and not settings.allowed_hosts
        self._takes_any_host = is_everywhere and bool(self._token)
        self._takes_addresses = _is_unspecified(settings.host)
        self._hosts = frozenset(map(str.lower, {*names, socket.gethostname()} if is_everywhere else names))

    def check(self, host: str, authorization: str) -> None:
        """Raise `Refusal` for a request that is not for us or not from somebody who may send."""
        if not self._takes_any_host and not self._is_ours(_host_name(host)):
            raise Refusal(
                HTTPStatus.FORBIDDEN,
                PERMISSION_DENIED,
                "the Host header names another host; service.allowed_hosts has further ones",
            )
        self.check_token(authorization)

    def _is_ours(self, name: str) -> bool:
        return name in self._hosts or (self._takes_addresses and _is_address(name))

    def check_token(self, authorization: str) -> None:
        """Raise `Refusal` where a token is wanted and not given."""
        if not self._token:
            return
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self._token):
            raise Refusal(HTTPStatus.UNAUTHORIZED, UNAUTHENTICATED, "a token is wanted: `Authorization: Bearer …`")


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_unspecified(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return not host


def _host_name(host: str) -> str:
    """The name without its port and brackets."""
    name = host.strip().lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.rpartition(":")[0] if ":" in name else name


def _token(file: str) -> bytes:
    if not file:
        return b""
    try:
        token = Path(file).expanduser().read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"service.token_file {file!r} cannot be read: {error.strerror}") from error
    if len(token) < _MIN_TOKEN_CHARS:
        raise ConfigError(f"service.token_file {file!r}: a token of {_MIN_TOKEN_CHARS} characters or more is wanted")
    return token
