"""The bus: topics in partitions, read by groups. SQLite and Kafka keep this one contract.

At least once, in the order of a key, and durable when `publish` returns. Nothing more is promised,
and nothing more is relied upon: a consumer meets messages twice, late and, between keys, in any
order. Payloads are encoded protobuf (`proto/onrecord/events/v1`); headers are short texts, among
them the name of the message (`SCHEMA`) and the trace (`traceparent`, W3C).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError

SCHEMA: Final = "onrecord-schema"
"""Header: the full name of the protobuf message in the payload."""
TRACE: Final = "traceparent"
"""Header: W3C trace context, handed on by whoever publishes because of what they received."""
ATTEMPTS: Final = "onrecord-attempts"
"""Header of a parked message: how often it has been tried."""
NOT_BEFORE: Final = "onrecord-not-before"
"""Header of a parked message: when it is due (RFC 3339, hundredths, UTC)."""
DEAD: Final = ".dlq"
PARKED: Final = ".parked"
LARGEST: Final = 1_000_000
"""Bytes of a payload at most: what brokers of Kafka take unless they are told otherwise, less a
little. A crop is well under a tenth of it."""
_LARGEST_AROUND: Final = 16_000
"""Bytes of key and headers together at most."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is published. Messages of one topic and key keep their order."""

    topic: str
    key: str
    payload: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)


def must_fit(message: Message) -> None:
    """Raises MESSAGE_TOO_LARGE for one that no bus takes. Its text tells sizes, not contents."""
    texts = (message.key, *message.headers, *message.headers.values())
    around = sum(len(text.encode()) for text in texts)
    if len(message.payload) > LARGEST or around > _LARGEST_AROUND:
        raise OnRecordError(
            ErrorCode.MESSAGE_TOO_LARGE,
            f"a message for {message.topic} of {len(message.payload)} bytes, with {around} of key "
            f"and headers: at most {LARGEST} and {_LARGEST_AROUND} are taken",
        )


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """One ordered log of a topic."""

    topic: str
    number: int


@dataclass(frozen=True, slots=True)
class Received:
    """A message where it stands. `offset` rises by at least one from message to message."""

    message: Message
    partition: Partition
    offset: int
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Position:
    """Where a group is in a partition: `offset` is the next to be read.

    `note` is a short text kept with it (at most 1,000 characters), as Kafka keeps metadata: how
    often what stands there has been tried.
    """

    offset: int
    note: str = ""


Start = Callable[[Partition], int | None]
"""Where a consumer that keeps its own offsets begins a partition it was just given; None: where
the group stands, or at the beginning."""


class Publisher(Protocol):
    """May be used from many threads."""

    def publish(self, messages: Sequence[Message], deadline: Deadline) -> None:
        """All of them durable when it returns (`acks=all`). Nothing is lost and told as done.

        Where it raises, some of them may have been published all the same. Raises
        MESSAGE_TOO_LARGE, and then none was; BUS_UNAVAILABLE, STORAGE_FULL, DEADLINE_EXCEEDED.
        """
        ...

    def close(self) -> None: ...


class Consumer(Protocol):
    """One member of a group. Used from one thread.

    Partitions are shared among the members of a group, and shared anew when one comes, goes or
    falls silent; what was read and not committed is then read again by somebody else. Sharing
    anew may wait for every member to poll: one that is at work on what it polled holds the others
    up for so long.
    """

    def poll(self, limit: int, seconds: float) -> tuple[Received, ...]:
        """At most `limit` messages that follow what was polled before; waits for the first.

        Empty after `seconds`, or where no partition is this member's. Fewer than `limit` does not
        mean that there are no more (`ends`). Raises BUS_UNAVAILABLE.
        """
        ...

    def ends(self) -> Mapping[Partition, int] | None:
        """Of this member's partitions, the offset of the next message to come: all that has been
        published stands before it. None while it is not known which they are. Raises
        BUS_UNAVAILABLE.
        """
        ...

    def has_polled(self, ends: Mapping[Partition, int]) -> bool:
        """Whether all that stands before these offsets was polled. False where the partitions are
        not those of this member any more. Raises BUS_UNAVAILABLE.
        """
        ...

    def assigned(self) -> frozenset[Partition]:
        """The partitions that are this member's, as of the last poll."""
        ...

    def position(self, partition: Partition) -> Position:
        """What the group has committed; offset 0 before anything was."""
        ...

    def commit(self, positions: Mapping[Partition, Position]) -> None:
        """Durable when it returns. Raises BUS_REBALANCED, and commits nothing, where one of the
        partitions is no longer this member's; BUS_UNAVAILABLE.
        """
        ...

    def seek(self, partition: Partition, offset: int) -> None:
        """Poll goes on from here. Of an assigned partition only."""
        ...

    def close(self) -> None:
        """Leave the group at once, so that others need not wait. Repeatable."""
        ...


class Bus(Protocol):
    """Topics are made before they are used; `partitions` says how many each has."""

    def publisher(self) -> Publisher: ...

    def consumer(self, group: str, topics: Sequence[str], start: Start | None = None) -> Consumer:
        """A new member of `group`. Raises BUS_UNAVAILABLE for a topic that does not exist."""
        ...

    def partitions(self, topic: str) -> int: ...

    def lag(self, group: str, topics: Sequence[str]) -> dict[Partition, int]:
        """How many messages stand beyond what the group has committed."""
        ...

    def close(self) -> None: ...
