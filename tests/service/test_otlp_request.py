"""Requests that are small on the wire and large in memory."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import pytest

from otel_sessionopt.service.otlp_request import LARGE_BYTES, Accepted, Refusal, check_request
from otel_sessionopt.service.request_log import Form, Request, Signal
from tests.support.service_process import agent_request

LIMIT = 64 * 1024 * 1024


class Turnstile:
    """Counts who came through."""

    def __init__(self) -> None:
        self.count = 0

    @contextmanager
    def passing(self) -> Iterator[None]:
        self.count += 1
        yield


def check(
    body: bytes, form: Form = Form.PROTOBUF, max_bytes: int = LIMIT, *, is_gzip: bool = False
) -> tuple[Accepted, int]:
    turnstile = Turnstile()
    accepted = check_request(Request(Signal.TRACES, form, is_gzip, 0, body), max_bytes, turnstile.passing())
    return accepted, turnstile.count


def padded(size: int) -> bytes:
    """An empty request, as long as wanted."""
    return b'{"resourceSpans":[]' + b" " * size + b"}"


def test_a_small_request_waits_for_nobody() -> None:
    assert check(agent_request(1, [1, 2])) == (Accepted(2, 0), 0)
    assert check(gzip.compress(agent_request(1, [1, 2])), is_gzip=True) == (Accepted(2, 0), 0)


@pytest.mark.parametrize("is_gzip", [False, True])
def test_large_requests_are_checked_one_at_a_time(is_gzip: bool) -> None:
    body = padded(LARGE_BYTES)
    assert check(gzip.compress(body) if is_gzip else body, Form.JSON, is_gzip=is_gzip) == (Accepted(0, 0), 1)


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (b'{"resourceSpans":[' + b"{}," * 4_000_001 + b"{}]}", Form.JSON),
        (b"\x0a\x00" * 4_000_001, Form.PROTOBUF),
    ],
)
def test_more_parts_than_any_sender_has_are_refused(body: bytes, form: Form) -> None:
    with pytest.raises(Refusal, match="4,000,000 parts") as raised:
        check(gzip.compress(body), form, is_gzip=True)
    assert raised.value.status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def test_the_limit_holds_below_the_size_of_a_large_request_too() -> None:
    body = padded(20_000)
    assert check(body, Form.JSON, len(body))[0] == Accepted(0, 0)
    for sent, is_gzip in ((body, False), (gzip.compress(body), True)):
        with pytest.raises(Refusal, match="bytes; send smaller batches"):
            check(sent, Form.JSON, len(body) - 1, is_gzip=is_gzip)
