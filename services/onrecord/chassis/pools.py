"""Threads that take with them what belongs to the call they work for."""

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, Generic, TypeVar

_V = TypeVar("_V")


class CarryingPool(ThreadPoolExecutor):
    """A thread pool whose work sees the context variables of whoever asked for it: its trace."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(copy_context().run, fn, *args, **kwargs)


class Beside(Generic[_V]):
    """Work that is done while its caller does something else, where a thread is free for it.

    What no thread has begun when it is asked for, its caller does: a busy pool delays nobody, and
    without a pool everything is done in turn. For one caller.
    """

    def __init__(self, pool: Executor | None, act: Callable[[], _V]) -> None:
        self._act = act
        self._future: Future[_V] | None = None if pool is None else pool.submit(act)

    def result(self) -> _V:
        """What it gives or raises."""
        if self._future is None or self._future.cancel():
            return self._act()
        return self._future.result()

    def leave(self) -> None:
        """Nobody asks for it any more."""
        if self._future is not None:
            self._future.cancel()
