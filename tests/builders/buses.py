"""Buses under test, and what is asked of them in other processes.

A bus is opened by its *address*, a text that a child process understands too: whoever adds an
implementation adds its kind here, and the contract's tests run on it unchanged.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

from onrecord.chassis.bus.kafka.times import KafkaTimes
from onrecord.chassis.bus.ports import Bus, Consumer, Message, Received
from onrecord.chassis.bus.sqlite import SqliteBus, TopicFile
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.times import SystemClock

MANY: Final = "many.v1"
"""A topic of four partitions."""
ONE: Final = "one.v1"
"""A topic of one partition, apart from the others."""
PATIENCE: Final = 60.0
KAFKA_TIMES: Final = KafkaTimes(session=2.0, heartbeat=0.3, fetch=0.2)
LEASE: Final = 3.0
"""Seconds. Who renews it must come to it, also on a machine that has much to do."""
_ROOT = Path(__file__).parents[2]


def open_bus(address: str) -> Bus:
    """`sqlite:FOLDER`, `kafka:HOST:PORT`. Members that fall silent are missed within `LEASE`."""
    kind, _, place = address.partition(":")
    if kind == "kafka":
        # Imported where it is needed: the other has no use for it.
        from onrecord.chassis.bus.kafka.access import KafkaAccess
        from onrecord.chassis.bus.kafka.bus import KafkaBus

        return KafkaBus(KafkaAccess((place,)), KAFKA_TIMES)
    if kind != "sqlite":
        raise ValueError(f"no bus {kind!r} is known here")
    files = [
        TopicFile("ledger", {ONE: 1}),
        TopicFile("enrolment", {MANY: 4}, retention=timedelta(hours=24)),
    ]
    return SqliteBus(Path(place), files, SystemClock(), lease=LEASE)


def said(text: str, key: str = "k", topic: str = MANY) -> Message:
    return Message(topic, key, text.encode(), {"onrecord-schema": "test"})


def texts(received: Sequence[Received]) -> list[str]:
    return [one.message.payload.decode() for one in received]


def soon() -> Deadline:
    return Deadline.after(PATIENCE)


def gather(consumer: Consumer, count: int) -> list[Received]:
    """Poll until there are so many; fails where they do not come."""
    found: list[Received] = []
    until = time.monotonic() + PATIENCE
    while len(found) < count:
        assert time.monotonic() < until, f"{len(found)} of {count} messages came"
        found.extend(consumer.poll(count - len(found), 0.2))
    return found


def poll_until(consumers: Sequence[Consumer], holds: Callable[[], bool]) -> list[Received]:
    """Poll all of them in turn until something holds; what they got meanwhile."""
    found: list[Received] = []
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until, [consumer.assigned() for consumer in consumers]
        for consumer in consumers:
            found.extend(consumer.poll(100, 0.05))
    return found


def in_a_child(act: str, address: str, *arguments: str) -> None:
    """Run an act of `bus_child` in a process that ends in `os._exit`."""
    with a_child(act, address, *arguments):
        pass


@contextmanager
def a_child(act: str, address: str, *arguments: str) -> Iterator[None]:
    """The same, while it runs: what it has done stands at least until the block ends."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.builders.bus_child", act, address, *arguments],
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": f"{_ROOT / 'services'}:{_ROOT}"},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield
        _, said_last = child.communicate(timeout=60)  # its input ends: it may end, too
    finally:
        child.kill()
        child.wait()
    assert child.returncode == 77, said_last
