"""What named methods take, seen from outside, in a program that knows nothing of it."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any
from unittest.mock import patch


@dataclass(frozen=True, slots=True)
class Watched:
    """A method of a class. `stage` names it, or names it by the object it is called on."""

    owner: type
    method: str
    stage: str | Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds: by the clock, and of processor over all threads of this process.

    What waits, for a disk or for a processor that others use, costs no processor time.
    """

    wall: float = 0.0
    cpu: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.wall + other.wall, self.cpu + other.cpu)

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(self.wall - other.wall, self.cpu - other.cpu)


class Watch:
    """Adds up what is spent by stage until it is taken. One thing is done at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spent: dict[str, Spent] = {}

    def take(self) -> dict[str, Spent]:
        """What has added up since the last call."""
        with self._lock:
            taken, self._spent = self._spent, {}
        return taken

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        began = spent_now()
        yield
        spent = spent_now() - began
        with self._lock:
            self._spent[name] = self._spent.get(name, Spent()) + spent

    @contextmanager
    def on(self, methods: Sequence[Watched]) -> Iterator[None]:
        """Time these methods of every object of their classes, while this lasts."""
        with ExitStack() as stack:
            for one in methods:
                timed = self._timed(getattr(one.owner, one.method), one.stage)
                stack.enter_context(patch.object(one.owner, one.method, timed))
            yield

    def _timed(
        self, method: Callable[..., Any], stage: str | Callable[[Any], str]
    ) -> Callable[..., Any]:
        @wraps(method)
        def run(owner: Any, *given: Any, **named: Any) -> Any:
            name = stage if isinstance(stage, str) else stage(owner)
            with self.stage(name):
                return method(owner, *given, **named)

        return run


def spent_now() -> Spent:
    """The clock and the processor time of this process until now."""
    return Spent(time.perf_counter(), time.process_time())
