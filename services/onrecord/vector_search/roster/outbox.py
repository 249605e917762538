"""What the plane has still to publish, written in the transaction of what it tells of (law 3)."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from onrecord.chassis.bus.ports import Message
from onrecord.proof import canonical
from onrecord.vector_search.roster.schema import outbox


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that is committed here and may not be published yet."""

    number: int
    message: Message


def queue(tx: Connection, messages: Sequence[Message]) -> None:
    """To be published, in this order, once the transaction has committed (`Relay.flush`)."""
    if messages:
        tx.execute(
            insert(outbox),
            [
                {
                    "topic": message.topic,
                    "key": message.key,
                    "headers": canonical.encode(dict(message.headers)).decode(),
                    "payload": message.payload,
                }
                for message in messages
            ],
        )


def waiting(tx: Connection, limit: int) -> tuple[Waiting, ...]:
    """What stands in the outbox, in order."""
    rows = tx.execute(select(outbox).order_by(outbox.c.number).limit(limit))
    return tuple(
        Waiting(
            row.number,
            Message(row.topic, row.key, row.payload, _headers(row.headers)),
        )
        for row in rows
    )


def forget(tx: Connection, numbers: Sequence[int]) -> None:
    """These are published."""
    if numbers:
        tx.execute(delete(outbox).where(outbox.c.number.in_(numbers)))


def _headers(held: str) -> dict[str, str]:
    value = canonical.decode(held.encode())
    return {str(name): str(said) for name, said in value.items()} if isinstance(value, dict) else {}
