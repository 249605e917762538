"""A Triton Inference Server as this process calls it: gRPC, and its errors in our words."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import grpc
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc

from onrecord.chassis.problems import RETRY_AFTER_MS
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError

_INFER: Final = "/inference.GRPCInferenceService/ModelInfer"
_RAW_INPUT: Final = bytes([pb.ModelInferRequest.RAW_INPUT_CONTENTS_FIELD_NUMBER << 3 | 2])
"""What stands before the field on the wire: its number, and that so many bytes follow."""
_RETRY_MS: Final = 1000
_QUEUE_IS_FULL: Final = "maximum queue size"
_WAITED_TOO_LONG: Final = ("timeout expired", "request timeout")
_INSTANCE_DIED: Final = "not healthy"
_OPTIONS: Final = (
    # 256 crops and their outputs are some megabytes; what is sent is ours.
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # A server that comes back is found within two seconds, not after two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.enable_http_proxy", 0),
)
_Status = grpc.StatusCode
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class TritonTls:
    """PEM: the roots of the server's certificate; our own and its key, where it asks for one."""

    roots: bytes
    certificate: bytes | None = None
    key: bytes | None = None


class TritonServer:
    """One server at `host:port`, in plain text without `tls`. Safe to share between threads.

    Every method raises DEADLINE_EXCEEDED, OVERLOADED, INFERENCE_UNAVAILABLE, INTERNAL.
    """

    def __init__(self, address: str, tls: TritonTls | None = None) -> None:
        self.address = address
        self._channel = _channel(address, tls)
        # Generated code without types: the one untyped edge.
        self._stub: Any = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)
        self._infer: Any = self._channel.unary_unary(
            _INFER, response_deserializer=pb.ModelInferResponse.FromString
        )

    def on_disconnection(self, lost: Callable[[], None]) -> None:
        """Call `lost` whenever a connection is: another server may answer the next call."""
        connected = False

        def seen(state: grpc.ChannelConnectivity) -> None:
            nonlocal connected
            was, connected = connected, state is grpc.ChannelConnectivity.READY
            if was and not connected:
                lost()

        self._channel.subscribe(seen)

    def ready(self, deadline: Deadline) -> bool:
        """Whether the server takes calls and all its models are loaded."""
        return bool(self._ask(self._stub.ServerReady, pb.ServerReadyRequest(), deadline).ready)

    def model_ready(self, name: str, version: str, deadline: Deadline) -> bool:
        request = pb.ModelReadyRequest(name=name, version=version)
        return bool(self._ask(self._stub.ModelReady, request, deadline).ready)

    def config(self, name: str, version: str, deadline: Deadline) -> Any:
        """The `ModelConfig` with which the server loaded a model."""
        request = pb.ModelConfigRequest(name=name, version=version)
        return self._ask(self._stub.ModelConfig, request, deadline).config

    def infer(self, request: Any, content: memoryview, deadline: Deadline) -> Any:
        """The `ModelInferResponse`. Triton is told how long we wait: the call ends then, and what
        still waits there of it is dropped; a policy of its queue hears of it, too.

        `request` says all but the bytes of its one input, which are `content`. They are copied
        once: as a field of the message they would be four times, which took 3 of the 5 ms that
        asking about an image of 640 x 640 costs us.
        """
        request.parameters["timeout"].int64_param = max(1, int(deadline.remaining() * 1e6))
        return self._ask(self._infer, encoded(request, content), deadline)

    def close(self) -> None:
        self._channel.close()

    def _ask(self, call: Callable[..., _Answer], request: Any, deadline: Deadline) -> _Answer:
        deadline.check()
        try:
            return call(request, timeout=deadline.remaining())
        except grpc.RpcError as error:
            raise _said(self.address, error) from error
        except ValueError as error:  # the channel was closed
            raise _away(f"Triton at {self.address} is not called any more") from error


def encoded(request: Any, content: memoryview) -> bytes:
    """A `ModelInferRequest` as protobuf writes it, with `content` as its `raw_input_contents`."""
    said = request.SerializeToString()
    return b"".join((said, _RAW_INPUT, _varint(content.nbytes), content))


def _varint(number: int) -> bytes:
    """As protobuf writes a length: seven bits a byte, the lowest first."""
    low, rest = number & 0x7F, number >> 7
    return bytes([low]) if not rest else bytes([low | 0x80]) + _varint(rest)


def _channel(address: str, tls: TritonTls | None) -> grpc.Channel:
    if tls is None:
        return grpc.insecure_channel(address, _OPTIONS)
    credentials = grpc.ssl_channel_credentials(tls.roots, tls.key, tls.certificate)
    return grpc.secure_channel(address, credentials, _OPTIONS)


def _said(address: str, error: Any) -> OnRecordError:
    """What a status of Triton means to us. It says UNAVAILABLE of much: of a full queue, too."""
    status, words = error.code(), str(error.details() or "")
    told = f"Triton at {address}: {words[:300] or status.name}"
    lower = words.lower()
    if status is _Status.RESOURCE_EXHAUSTED or _QUEUE_IS_FULL in lower:
        return OnRecordError(ErrorCode.OVERLOADED, told, details={RETRY_AFTER_MS: _RETRY_MS})
    if status is _Status.DEADLINE_EXCEEDED or any(one in lower for one in _WAITED_TOO_LONG):
        return OnRecordError(ErrorCode.DEADLINE_EXCEEDED, told)
    away = (_Status.UNAVAILABLE, _Status.CANCELLED, _Status.NOT_FOUND, _Status.UNAUTHENTICATED)
    if status in away or _INSTANCE_DIED in lower:
        return _away(told)
    # INVALID_ARGUMENT and the rest: a slip of ours, or a model that failed.
    return OnRecordError(ErrorCode.INTERNAL, told)


def _away(why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.INFERENCE_UNAVAILABLE, why)
