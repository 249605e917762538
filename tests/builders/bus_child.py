"""What other processes do to a bus before they die. `python -m tests.builders.bus_child ACT …`.

Each ends in `os._exit`, once its standard input has ended: nothing is closed, left or flushed on
the way out.
"""

import os
import sys
import threading

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
    gather(consumer, int(count) - len(found))
    # A member that ends at once may be gone before anybody saw that it came.
    poll_until([consumer], _let_go().is_set)


def _let_go() -> threading.Event:
    """Set when whoever started this process has closed its standard input."""
    ended = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    return ended


if __name__ == "__main__":
    act, *arguments = sys.argv[1:]
    {"publish": publish, "read": read}[act](*arguments)
    os._exit(77)
