"""A message of librdkafka as the port has it."""

from datetime import UTC, datetime
from typing import cast

from confluent_kafka import Message as Record

from onrecord.chassis.bus.ports import Message, Partition, Received


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
        datetime.fromtimestamp(milliseconds / 1000, UTC),
    )


def _text(given: str | bytes | None) -> str:
    return given if isinstance(given, str) else (given or b"").decode(errors="replace")
