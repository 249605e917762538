"""What librdkafka says, in our words."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, cast

from confluent_kafka import KafkaError, KafkaException

from onrecord.kernel.errors import ErrorCode, OnRecordError

SHARING_ANEW: Final = frozenset({KafkaError.REBALANCE_IN_PROGRESS, KafkaError.ILLEGAL_GENERATION})
"""A group that is being shared anew takes no commit: a moment later it does, of whoever is still a
member."""
_REBALANCED: Final = SHARING_ANEW | {
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError._ASSIGNMENT_LOST,
}
_TOO_LARGE: Final = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})
_MISSING: Final = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
    }
)
_FORBIDDEN: Final = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError._AUTHENTICATION,
    }
)
SETTLING: Final = frozenset(
    {
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.NOT_COORDINATOR,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
    }
)
"""What brokers that are there say while they settle among themselves who does what."""


@contextmanager
def told_as_ours(doing: str) -> Iterator[None]:
    """Raises BUS_REBALANCED, MESSAGE_TOO_LARGE, BUS_UNAVAILABLE; `doing` says what was not done."""
    try:
        yield
    except KafkaException as error:
        raise ours(error_in(error), doing) from error
    except (OSError, RuntimeError) as error:
        # TimeoutError: nobody answered. RuntimeError: of a client that has been closed meanwhile.
        raise unavailable(f"{doing}: the bus cannot be reached ({type(error).__name__})") from error


def error_in(exception: KafkaException) -> KafkaError:
    """What each of them is raised with."""
    return cast(KafkaError, exception.args[0])


def ours(error: KafkaError, doing: str) -> OnRecordError:
    """The name of the error and never its text, which may hold what a message held."""
    code, name = error.code(), error.name()
    if code in _REBALANCED:
        return OnRecordError(
            ErrorCode.BUS_REBALANCED, f"{doing}: the group is being shared anew ({name})"
        )
    if code in _TOO_LARGE:
        return OnRecordError(
            ErrorCode.MESSAGE_TOO_LARGE, f"{doing}: the brokers take no message so large ({name})"
        )
    if code in _MISSING:
        return unavailable(f"{doing}: a topic is not there ({name})")
    if code in _FORBIDDEN:
        return unavailable(f"{doing}: the brokers do not let us ({name})")
    return unavailable(f"{doing}: the bus cannot be reached ({name})")


def worst(failures: Sequence[KafkaError]) -> KafkaError:
    """Of several messages the one to tell: what a repetition meets again before what passes.

    Its code says so and not `retriable()`, which is False of a message that was too late as well.
    """

    def rank(error: KafkaError) -> int:
        if error.code() in _TOO_LARGE:
            return 0
        return 1 if error.code() in _FORBIDDEN | _MISSING else 2

    return min(failures, key=rank)


def unavailable(says: str) -> OnRecordError:
    return OnRecordError(ErrorCode.BUS_UNAVAILABLE, says)


def closed() -> OnRecordError:
    return unavailable("the bus has been closed")


def is_lasting(error: KafkaError) -> bool:
    """Whether a consumer that is told so does not get over it by itself."""
    return error.fatal() or error.code() in _FORBIDDEN | _MISSING | {
        KafkaError.INCONSISTENT_GROUP_PROTOCOL
    }
