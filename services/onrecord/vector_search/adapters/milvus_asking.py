"""One question to Milvus: in time, and its errors in our words."""

from functools import partial
from typing import Any, Final, TypeVar

import grpc
from pymilvus import MilvusException

from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError

NOT_FOUND: Final = 100
NOT_LOADED: Final = 101
"""What a server of 2.3 and later says of a collection; Milvus Lite has words of its own."""

_Answer = TypeVar("_Answer")


class MilvusUnavailableError(OnRecordError):
    """PLANE_UNAVAILABLE; `milvus` is Milvus's own code, where it gave one."""

    def __init__(self, message: str, milvus: int | None = None) -> None:
        super().__init__(ErrorCode.PLANE_UNAVAILABLE, message)
        self.milvus = milvus


def asked(question: "partial[_Answer]", deadline: Deadline) -> _Answer:
    """The answer, if it comes before the deadline: pymilvus tries again until its timeout.

    Raises DEADLINE_EXCEEDED, MilvusUnavailableError.
    """
    deadline.check()
    try:
        return question(timeout=deadline.remaining())
    except (MilvusException, grpc.RpcError, ConnectionError) as error:
        code = getattr(error, "code", None)
        raise MilvusUnavailableError(
            f"the vector index does not answer: {type(error).__name__}", _number(code)
        ) from error


def _number(code: Any) -> int | None:
    return int(code) if isinstance(code, int) else None
