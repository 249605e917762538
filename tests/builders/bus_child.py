"""What other processes do to a bus before they die. `python -m tests.builders.bus_child ACT …`.

Each ends in `os._exit`: nothing is closed, left or flushed on the way out.
"""

import os
import sys
import time

from tests.builders.buses import MANY, gather, open_bus, poll_until, said, soon


def publish(address: str, count: str, size: str) -> None:
    """`count` messages of `size` letters, in one call; dead as soon as it returned."""
    bus = open_bus(address)
    messages = [said(f"{number}".rjust(int(size)), f"k{number}") for number in range(int(count))]
    bus.publisher().publish(messages, soon())


def read(address: str, group: str, count: str) -> None:
    """Read so many as a member of the group, commit nothing, die."""
    consumer = open_bus(address).consumer(group, [MANY])
    found = poll_until([consumer], lambda: len(consumer.assigned()) > 0)
    # A member that ends at once may be gone before anybody saw that it came.
    until = time.monotonic() + 0.5
    found += poll_until([consumer], lambda: time.monotonic() > until)
    gather(consumer, int(count) - len(found))


if __name__ == "__main__":
    act, *arguments = sys.argv[1:]
    {"publish": publish, "read": read}[act](*arguments)
    os._exit(77)
