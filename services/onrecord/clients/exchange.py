"""One call to another service: deadline out, answer or error back."""

from collections.abc import Callable
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from onrecord.chassis.grpc import MAX_MESSAGE_BYTES
from onrecord.chassis.grpc_status import error_from_rpc
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError

_Q = TypeVar("_Q", bound=Message)
_A = TypeVar("_A", bound=Message)
_V = TypeVar("_V")


class Exchange:
    """How every method of one client is called; `unavailable` says which service is missing."""

    def __init__(self, unavailable: ErrorCode) -> None:
        self._unavailable = unavailable

    def __call__(
        self,
        method: "grpc.UnaryUnaryMultiCallable[_Q, _A]",
        write: Callable[[], _Q],
        read: Callable[[_A], _V],
        deadline: Deadline,
    ) -> _V:
        """Send what `write` makes and read the answer.

        Raises what the service raised; `unavailable` where none was reached, DEADLINE_EXCEEDED,
        REQUEST_MALFORMED for what cannot be sent and INTERNAL for an answer that cannot be read.
        """
        deadline.check()
        request = _written(write)
        try:
            answer = method(request, timeout=deadline.remaining())
        except grpc.RpcError as failure:
            raise error_from_rpc(failure, self._unavailable) from failure
        try:
            return read(answer)
        except OnRecordError as error:
            # It is not the caller's request that is malformed.
            raise OnRecordError(
                ErrorCode.INTERNAL, f"the answer cannot be read: {error.message}"
            ) from error


def _written(write: Callable[[], _Q]) -> _Q:
    try:
        request = write()
    except ValueError as error:
        # Half of a surrogate pair in a text, or a number beyond 64 bits.
        raise OnRecordError(
            ErrorCode.REQUEST_MALFORMED, "a value of the request cannot be sent"
        ) from error
    if request.ByteSize() > MAX_MESSAGE_BYTES:
        raise OnRecordError(
            ErrorCode.REQUEST_MALFORMED,
            f"the request has more than {MAX_MESSAGE_BYTES // 2**20} MB",
        )
    return request
