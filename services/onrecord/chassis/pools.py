"""Threads that take with them what belongs to the call they work for."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any


class CarryingPool(ThreadPoolExecutor):
    """A thread pool whose work sees the context variables of whoever asked for it: its trace."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(copy_context().run, fn, *args, **kwargs)
