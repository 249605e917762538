"""What nobody could work on, and what is told to whoever asks for events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    letter_id: int
    topic: str
    partition: int
    offset: int
    gallery: str | None
    enrolment_id: str | None
    code: str
    message: str
    attempts: int
    time: str
    redriven_at: str | None

    @classmethod
    def read(cls, said: Json) -> "DeadLetter":
        return cls(
            said["letter_id"],
            said["topic"],
            said["partition"],
            said["offset"],
            said["gallery"],
            said["enrolment_id"],
            said["code"],
            said["message"],
            said["attempts"],
            said["time"],
            said["redriven_at"],
        )


@dataclass(frozen=True, slots=True)
class Explained:
    """`helps`: whether sending it on again can do anything; `redrive`: what it would do."""

    dead_letter: DeadLetter
    was: str
    reason: str
    enrolment_status: str | None
    helps: bool
    redrive: str

    @classmethod
    def read(cls, said: Json) -> "Explained":
        return cls(
            DeadLetter.read(said["dead_letter"]),
            said["was"],
            said["reason"],
            said["enrolment_status"],
            said["helps"],
            said["redrive"],
        )


@dataclass(frozen=True, slots=True)
class Sent:
    """`code` says why it is not on its way again; None where it is."""

    letter_id: int
    code: str | None

    @classmethod
    def read(cls, said: Json) -> "Sent":
        return cls(said["letter_id"], said["code"])


@dataclass(frozen=True, slots=True)
class Event:
    """Something of the caller's own has changed: `ref` names it, `data` says what of it."""

    event_id: int
    time: str
    kind: str
    ref: str
    data: Mapping[str, str | int] = field(hash=False)

    @classmethod
    def read(cls, said: Json) -> "Event":
        return cls(said["id"], said["time"], said["kind"], said["ref"], said["data"])


@dataclass(frozen=True, slots=True)
class EventPage:
    """`next`: what to send as `after` for what follows."""

    events: tuple[Event, ...]
    next: int

    @classmethod
    def read(cls, said: Json) -> "EventPage":
        return cls(tuple(Event.read(one) for one in said["events"]), said["next"])
