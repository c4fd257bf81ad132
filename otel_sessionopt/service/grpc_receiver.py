"""OTLP over gRPC: the two `Export` methods, on raw bytes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
from google.protobuf.any_pb2 import Any as AnyMessage  # type: ignore[import-untyped]  # its stubs are a package apart
from google.protobuf.duration_pb2 import Duration  # type: ignore[import-untyped]  # as above
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]  # as above
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # as above

from otel_sessionopt.errors import SessionOptError
from otel_sessionopt.service.durable_writer import StoreRefused
from otel_sessionopt.service.otlp_request import RETRY_SECONDS, Refusal, answer, received_now, unavailable
from otel_sessionopt.service.request_log import Form, Signal

if TYPE_CHECKING:
    from otel_sessionopt.service.access import Access
    from otel_sessionopt.service.intake import Intake
    from otel_sessionopt.service_settings import ServiceSettings

_THREADS: Final = 8
"""Requests at a time: each waits for the disk, with all others that wait for the same flush."""
_STOP_SECONDS: Final = 5.0
_SERVICES: Final = {
    Signal.TRACES: "opentelemetry.proto.collector.trace.v1.TraceService",
    Signal.LOGS: "opentelemetry.proto.collector.logs.v1.LogsService",
}
_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}
_DETAILS: Final = "grpc-status-details-bin"


class GrpcReceiver:
    """The gRPC server.

    Args:
        intake, access: where requests go, and who may send them.
        settings: address and bounds.

    Raises:
        SessionOptError: the port is taken.
    """

    def __init__(self, intake: Intake, access: Access, settings: ServiceSettings) -> None:
        self._intake = intake
        self._access = access
        self._server = grpc.server(
            ThreadPoolExecutor(_THREADS, thread_name_prefix="sessionopt-grpc"),
            options=[
                ("grpc.max_receive_message_length", settings.max_request_bytes),
                ("grpc.so_reuseport", 0),  # a second service on the port is an error, not a share of the requests
            ],
        )
        for signal, service in _SERVICES.items():
            handler = grpc.unary_unary_rpc_method_handler(self._export(signal))
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": handler}),))
        address = f"[{settings.host}]" if ":" in settings.host else settings.host
        try:
            self.port = int(self._server.add_insecure_port(f"{address}:{settings.grpc_port}"))
        except RuntimeError as error:
            raise SessionOptError(
                f"port {settings.grpc_port} of {settings.host} cannot be listened on; --grpc-port chooses another"
            ) from error

    def start(self) -> None:
        """Begin to take requests."""
        self._server.start()

    def stop(self) -> None:
        """Answer what is being received, and end."""
        self._server.stop(_STOP_SECONDS).wait()

    def _export(self, signal: Signal) -> Callable[[bytes, Any], bytes]:
        def export(body: bytes, context: Any) -> bytes:
            try:
                return self._take(signal, body, context)
            except Refusal as refusal:
                self._intake.count_refusal(refusal)
                return _abort(context, refusal)

        return export

    def _take(self, signal: Signal, body: bytes, context: Any) -> bytes:
        metadata = dict(context.invocation_metadata())
        self._access.check_token(str(metadata.get("authorization", "")))
        with self._intake.room_for(len(body)):
            received = received_now(signal, Form.PROTOBUF, body, is_gzip=False)
            taken = self._intake.take(received)
            if taken.durable is not None:
                try:
                    taken.durable.result()
                except StoreRefused as refused:
                    raise unavailable(str(refused)) from None
        self._intake.count(received, taken.accepted)
        return answer(signal, Form.PROTOBUF, taken.accepted)


def _abort(context: Any, refusal: Refusal) -> bytes:
    status = Status(code=refusal.code, message=refusal.message)
    if refusal.may_retry:
        # Without it senders must not try again after RESOURCE_EXHAUSTED.
        retry = AnyMessage()
        retry.Pack(RetryInfo(retry_delay=Duration(seconds=RETRY_SECONDS)))
        status.details.append(retry)
    context.set_trailing_metadata(((_DETAILS, status.SerializeToString()),))
    context.set_code(_CODES[refusal.code])
    context.set_details(refusal.message)
    assert refusal.status is not HTTPStatus.OK
    return b""
