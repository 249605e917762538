"""One call to another service: deadline out, answer or error back."""

from collections.abc import Callable
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from onrecord.chassis.grpc import MAX_MESSAGE_BYTES
from onrecord.chassis.grpc_status import error_from_rpc, is_unanswered
from onrecord.clients.circuit import Circuit
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service

_Q = TypeVar("_Q", bound=Message)
_A = TypeVar("_A", bound=Message)
_V = TypeVar("_V")


class Exchange:
    """How every method of one client is called; `unavailable` says which service is missing."""

    def __init__(
        self, unavailable: ErrorCode, service: Service, circuit: Circuit | None = None
    ) -> None:
        self._unavailable = unavailable
        self._circuit = circuit or Circuit(service)

    def __call__(
        self,
        method: "grpc.UnaryUnaryMultiCallable[_Q, _A]",
        write: Callable[[], _Q],
        read: Callable[[_A], _V],
        deadline: Deadline,
        *,
        always: bool = False,
    ) -> _V:
        """Send what `write` makes and read the answer.

        `always`: even to a service that others were told is dead, because what this call brings
        is the record's, and may be brought by nobody else.

        Raises what the service raised; `unavailable` where none was reached, or where it is not
        asked because it is dead, DEADLINE_EXCEEDED, REQUEST_MALFORMED for what cannot be sent and
        INTERNAL for an answer that cannot be read.
        """
        deadline.check()
        request = _written(write)
        if not always and not self._circuit.lets_through():
            raise OnRecordError(self._unavailable, "the service does not answer")
        seconds = deadline.remaining()
        try:
            answer = method(request, timeout=seconds)
        except grpc.RpcError as failure:
            if not is_unanswered(failure):
                self._circuit.answered()
            elif _says_something(failure, seconds, self._circuit):
                self._circuit.unanswered()
            raise error_from_rpc(failure, self._unavailable) from failure
        self._circuit.answered()
        try:
            return read(answer)
        except OnRecordError as error:
            # It is not the caller's request that is malformed.
            raise OnRecordError(
                ErrorCode.INTERNAL, f"the answer cannot be read: {error.message}"
            ) from error


def _says_something(failure: grpc.RpcError, seconds: float, circuit: Circuit) -> bool:
    """Not where we had no time left to be answered in: that is our caller's fault."""
    late = isinstance(failure, grpc.Call) and failure.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    return not late or seconds >= circuit.limits.patience_seconds


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
