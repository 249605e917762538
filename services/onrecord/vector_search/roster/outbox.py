"""What the plane has still to publish, written in the transaction of what it tells of (law 3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, insert, select

from onrecord.chassis.bus.ports import TRACE, Message
from onrecord.chassis.database import Direct
from onrecord.chassis.telemetry import current_traceparent
from onrecord.proof import canonical
from onrecord.vector_search.roster.schema import outbox

# Inline: PostgreSQL is not asked for the number, so that it may be sent with others.
_COLUMNS = ("topic", "key", "headers", "payload")
_ADD = Direct(insert(outbox).inline(), columns=_COLUMNS)
_ADD_NUMBERED = insert(outbox).inline().returning(outbox.c.number)
_HELD = Direct(
    select(outbox.c.number, outbox.c.topic).order_by(outbox.c.number).limit(bindparam("limit"))
)
_THESE = Direct(
    select(outbox.c.number, *(outbox.c[one] for one in _COLUMNS))
    .where(outbox.c.number.in_(bindparam("numbers", expanding=True)))
    .order_by(outbox.c.number),
    listed="numbers",
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that is committed here and may not be published yet."""

    number: int
    message: Message


def queue(tx: Connection, messages: Sequence[Message]) -> None:
    """To be published, in this order, once the transaction has committed, by whichever relay comes
    first (`Relay.flush`).
    """
    if messages:
        _ADD.run_each(tx, [_row(one) for one in messages])


def queue_numbered(tx: Connection, messages: Sequence[Message]) -> list[int]:
    """As `queue`; the numbers under which they stand, in no order."""
    if not messages:
        return []
    return list(tx.execute(_ADD_NUMBERED, [_row(one) for one in messages]).scalars())


def waiting(tx: Connection, limit: int) -> list[tuple[int, str]]:
    """Number and topic of what stands in the outbox, in order, the first `limit` of them."""
    return [(number, topic) for number, topic in _HELD.rows(tx, {"limit": limit})]


def read(tx: Connection, numbers: Sequence[int]) -> tuple[Waiting, ...]:
    """These messages, in order."""
    return tuple(
        Waiting(number, Message(topic, key, payload, _headers(headers)))
        for number, topic, key, headers, payload in _THESE.rows(tx, {"numbers": numbers})
    )


def forget(tx: Connection, numbers: Sequence[int]) -> None:
    """These are published."""
    if numbers:
        tx.execute(delete(outbox).where(outbox.c.number.in_(numbers)))


def _row(message: Message) -> dict[str, str | bytes]:
    return {
        "topic": message.topic,
        "key": message.key,
        "headers": canonical.encode(_traced(message.headers)).decode(),
        "payload": message.payload,
    }


def _traced(headers: Mapping[str, str]) -> dict[str, str]:
    """With the trace of whoever queues it: it is published after the call has ended."""
    trace = current_traceparent()
    return dict(headers) if trace is None else {TRACE: trace, **headers}


def _headers(held: str) -> dict[str, str]:
    value = canonical.decode(held.encode())
    return {str(name): str(said) for name, said in value.items()} if isinstance(value, dict) else {}
