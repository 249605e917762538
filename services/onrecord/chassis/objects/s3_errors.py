"""What S3 and the way to it may say, as our own errors."""

import re
from contextlib import nullcontext
from typing import Final

from obstore.exceptions import (
    BaseError,
    NotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
)

from onrecord.kernel.errors import ErrorCode, OnRecordError

# An answer stands in obstore's message after these words: "404 Not Found: " and the body. Before
# them stand addresses, keys and durations, in which any digits may occur.
_ANSWER: Final = re.compile(r"status code: (?P<status>\d{3})\b(?P<rest>.*)", re.DOTALL)
_CODE: Final = re.compile(r"<Code>\s*(\w+)\s*</Code>")
_MESSAGE: Final = re.compile(r"<Message>([^<]*)</Message>")
_FULL_STATUS: Final = "507"
_FULL_CODES: Final = frozenset(
    {"InsufficientStorage", "InsufficientStorageSpace", "StorageFull", "QuotaExceeded"}
)
_FULL_WORDS: Final = "no space left"
_NO_BUCKET: Final = "NoSuchBucket"
_NOT_FOUND: Final = (NotFoundError, FileNotFoundError)
_REFUSED: Final = (UnauthenticatedError, PermissionDeniedError, PermissionError)


def no_such_object(error: BaseException) -> bool:
    """Whether the store says that the object is not there, and not that its whole bucket lacks."""
    return isinstance(error, _NOT_FOUND) and _NO_BUCKET not in _codes(error)


class Told(nullcontext[None]):
    """Raises what goes wrong inside as OBJECTS_UNAVAILABLE or STORAGE_FULL."""

    def __init__(self, name: str) -> None:
        """`name`: what the store is called in messages."""
        super().__init__()
        self._name = name

    def __exit__(self, *excinfo: object) -> None:
        error = excinfo[1]
        if not isinstance(error, BaseError | OSError | TimeoutError):
            return
        if _full(error):
            raise OnRecordError(
                ErrorCode.STORAGE_FULL, "there is no room left in the object store"
            ) from error
        said = "does not let us in" if isinstance(error, _REFUSED) else "does not answer"
        if _NO_BUCKET in _codes(error):
            said = "has no such bucket"
        raise OnRecordError(
            ErrorCode.OBJECTS_UNAVAILABLE, f"the object store {self._name} {said}"
        ) from error


def _full(error: BaseException) -> bool:
    answer = _ANSWER.search(str(error))
    if answer is None:
        return False
    words = "".join(_MESSAGE.findall(answer["rest"])).lower()
    return (
        answer["status"] == _FULL_STATUS
        or not _FULL_CODES.isdisjoint(_codes(error))
        or _FULL_WORDS in words
    )


def _codes(error: BaseException) -> frozenset[str]:
    answer = _ANSWER.search(str(error))
    return frozenset(_CODE.findall(answer["rest"])) if answer else frozenset()
