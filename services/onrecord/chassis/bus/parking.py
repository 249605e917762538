"""Messages that wait for another try, beside their topic, so that those behind them go on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from onrecord.chassis.bus.ports import (
    ATTEMPTS,
    NOT_BEFORE,
    PARKED,
    Message,
    Partition,
    Received,
)
from onrecord.kernel.errors import OnRecordError
from onrecord.kernel.times import format_time, parse_time

GROUP: Final = "onrecord-group"
"""Header of a parked message: whose it is. A topic that two groups read has one parking place."""
ORIGIN: Final = "onrecord-origin"
"""Header of a parked message: partition and offset where it stood first."""
_OURS = (ATTEMPTS, NOT_BEFORE, GROUP, ORIGIN)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A parked message as its handler meets it, and where it is parked."""

    original: Received
    attempts: int
    due: datetime
    partition: Partition
    offset: int


def parked(received: Received, group: str, attempts: int, now: datetime, wait: float) -> Message:
    """The message on the parking place of its topic, due `wait` seconds from now."""
    message = received.message
    headers = {
        **message.headers,
        ATTEMPTS: str(attempts),
        NOT_BEFORE: format_time(after(now, wait)),
        GROUP: group,
        ORIGIN: f"{received.partition.number} {received.offset}",
    }
    return replace(message, topic=message.topic + PARKED, headers=headers)


def after(now: datetime, seconds: float) -> datetime:
    """A hundredth later than asked, because times are written cut to it: never before its time."""
    return now + timedelta(seconds=seconds + 0.01)


def waiting(received: Received, group: str) -> Waiting | None:
    """What is parked there; None where it is another group's.

    One that nobody of ours has parked is due at once, as a first attempt.
    """
    headers = received.message.headers
    if headers.get(GROUP, group) != group:
        return None
    topic = received.message.topic.removesuffix(PARKED)
    number, offset = _origin(headers, received)
    own = {name: text for name, text in headers.items() if name not in _OURS}
    original = Received(
        replace(received.message, topic=topic, headers=own),
        Partition(topic, number),
        offset,
        received.published_at,
    )
    attempts, due = _progress(headers, received)
    return Waiting(original, attempts, due, received.partition, received.offset)


def _origin(headers: Mapping[str, str], received: Received) -> tuple[int, int]:
    try:
        number, offset = headers[ORIGIN].split()
        return int(number), int(offset)
    except (KeyError, ValueError):
        return received.partition.number, received.offset


def _progress(headers: Mapping[str, str], received: Received) -> tuple[int, datetime]:
    try:
        return int(headers[ATTEMPTS]), parse_time(headers[NOT_BEFORE])
    except (KeyError, ValueError, OnRecordError):
        return 0, received.published_at
