"""A message of librdkafka as the port has it."""

from datetime import UTC, datetime
from typing import Final, cast

from confluent_kafka import Message as Record

from onrecord.chassis.bus.ports import Message, Partition, Received

_UNKNOWN: Final = datetime.fromtimestamp(0, UTC)


def received(record: Record) -> Received:
    """Of whoever wrote it: what is no text of ours is told as well as it can be."""
    topic, number = cast(str, record.topic()), cast(int, record.partition())
    _, milliseconds = record.timestamp()
    headers = record.headers() or ()
    pairs = headers.items() if isinstance(headers, dict) else headers
    return Received(
        Message(
            topic,
            _text(record.key()),
            bytes(record.value() or b""),
            {name: _text(text) for name, text in pairs},
        ),
        Partition(topic, number),
        cast(int, record.offset()),
        _instant(milliseconds),
    )


def _instant(milliseconds: int) -> datetime:
    """1970 for what is no time: whoever writes says when it was, and may say anything."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return _UNKNOWN


def _text(given: str | bytes | None) -> str:
    return given if isinstance(given, str) else (given or b"").decode(errors="replace")
