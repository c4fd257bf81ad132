"""Requests that went wrong on the way: valid ones with bytes changed, cut, doubled, with wrong headers."""

from __future__ import annotations

import gzip
import random
from typing import Final, NamedTuple

from google.protobuf import json_format  # type: ignore[import-untyped]  # its stubs are a package of their own
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.service_process import agent_request

_TYPES: Final = (
    "application/x-protobuf",
    "application/json",
    "application/json; charset=utf-8",
    "text/plain",
    "",
    "x/y",
)
_ENCODINGS: Final = ("", "", "", "gzip", "gzip", "identity", "br", "gzip, gzip")
_TOKENS: Final = (b"null", b"[]", b"{}", b'""', b"1e999", b"-1", b"\x00", b"\xff\xff", b'"\\ud800"', b"[" * 200, b"NaN")


class Mutated(NamedTuple):
    """One request to send."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def mutated_request(chance: random.Random) -> Mutated:
    """A request that may be anything from untouched to nonsense. The same `chance` gives the same ones."""
    trace_id = chance.randint(1, 1 << 128) % (1 << 128)
    body = agent_request(trace_id, range(1, chance.randint(2, 6)))
    content_type = _TYPES[0]
    if chance.random() < 0.4:
        content_type = _TYPES[1]
        message = ExportTraceServiceRequest.FromString(body)
        body = json_format.MessageToJson(message).encode()  # its ids are base64: one more thing that is wrong
    body = _mutate(body, chance)
    encoding = chance.choice(_ENCODINGS)
    if encoding.startswith("gzip") and chance.random() < 0.8:
        body = gzip.compress(body, 1)
        if chance.random() < 0.5:
            body = _mutate(body, chance)
    headers = {"Content-Type": content_type if chance.random() < 0.9 else chance.choice(_TYPES)}
    if encoding:
        headers["Content-Encoding"] = encoding
    if chance.random() < 0.05:
        headers[chance.choice(["Host", "Authorization", "X-\x7f", "Transfer-Encoding"])] = chance.choice(
            ["", "a", "%00"]
        )
    path = (
        "/v1/traces"
        if chance.random() < 0.9
        else chance.choice(["/v1/logs", "/", "/v1/traces/", "/v1/%00", "/v1/metrics"])
    )
    method = "POST" if chance.random() < 0.97 else chance.choice(["GET", "PUT", "DELETE", "OPTIONS", "HEAD"])
    return Mutated(method, path, headers, body)


def _mutate(body: bytes, chance: random.Random) -> bytes:
    content = bytearray(body)
    for _ in range(chance.choice((0, 1, 1, 2, 4, 16))):
        at = chance.randrange(len(content) + 1)
        match chance.randrange(5):
            case 0 if content:
                content[min(at, len(content) - 1)] = chance.randrange(256)
            case 1:
                del content[at:]
            case 2:
                content[at:at] = chance.choice(_TOKENS)
            case 3:
                content[at:at] = content[at : at + chance.randrange(64)]
            case _:
                del content[at : at + chance.randrange(1, 16)]
    return bytes(content)
