"""What kafka-python raises, in our words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from kafka import errors

from onrecord.kernel.errors import ErrorCode, OnRecordError

_REBALANCED: Final = (
    errors.CommitFailedError,
    errors.RebalanceInProgressError,
    errors.IllegalGenerationError,
    errors.UnknownMemberIdError,
    errors.FencedInstanceIdError,
)
_TOO_LARGE: Final = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)
_FORBIDDEN: Final = (errors.AuthorizationError, errors.SaslAuthenticationFailedError)
SETTLING: Final = (
    errors.CoordinatorNotAvailableError,
    errors.CoordinatorLoadInProgressError,
    errors.NotCoordinatorError,
    errors.LeaderNotAvailableError,
    errors.NotLeaderForPartitionError,
    errors.OffsetNotAvailableError,
)
"""What brokers that are there say while they settle among themselves who does what."""


@contextmanager
def told_as_ours(doing: str) -> Iterator[None]:
    """Raises BUS_REBALANCED, MESSAGE_TOO_LARGE, BUS_UNAVAILABLE; `doing` says what was not done."""
    try:
        yield
    except (errors.KafkaError, OSError, RuntimeError) as error:
        # RuntimeError: what kafka-python raises when its loop has been closed meanwhile.
        raise ours(error, doing) from error


def ours(error: BaseException, doing: str) -> OnRecordError:
    """The name of the error and never its text, which may hold what a message held."""
    name = type(error).__name__
    if isinstance(error, _REBALANCED):
        return OnRecordError(
            ErrorCode.BUS_REBALANCED, f"{doing}: the group is being shared anew ({name})"
        )
    if isinstance(error, _TOO_LARGE):
        return OnRecordError(
            ErrorCode.MESSAGE_TOO_LARGE, f"{doing}: the brokers take no message so large ({name})"
        )
    if isinstance(error, errors.UnknownTopicOrPartitionError):
        return unavailable(f"{doing}: a topic is not there ({name})")
    if isinstance(error, _FORBIDDEN):
        return unavailable(f"{doing}: the brokers do not let us ({name})")
    return unavailable(f"{doing}: the bus cannot be reached ({name})")


def unavailable(says: str) -> OnRecordError:
    return OnRecordError(ErrorCode.BUS_UNAVAILABLE, says)


def closed() -> OnRecordError:
    return unavailable("the bus has been closed")


def is_passing(error: BaseException) -> bool:
    """Whether the same producer may go on after it."""
    return isinstance(error, errors.RetriableError | errors.MessageSizeTooLargeError)
