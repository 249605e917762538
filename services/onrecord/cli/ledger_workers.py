"""Spans of a ledger examined by several processes, with a bounded number of them at hand."""

import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from onrecord.cli.ledger_source import open_fetch
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.spans import Examine, Examined, Span, examine, one_by_one

if TYPE_CHECKING:
    from concurrent.futures import Future

# For each process, one span at work, one that waits for it, and one whose result is being read.
_AHEAD = 3
# Starting a process takes as long as examining some hundred thousand entries without bodies.
_WORTH = 50_000


def by_processes(source: str, processes: int, worth: int = _WORTH) -> Examine:
    """Examines the spans of the ledger at `source` by so many processes.

    A ledger shorter than `worth` is examined here. The processes end with the last result, or when
    whoever asks stops asking.
    """
    return partial(_examine_all, source, processes, worth)


def _examine_all(
    source: str, processes: int, worth: int, spans: Iterable[Span]
) -> Iterator[Examined]:
    waiting = iter(spans)
    first = next(waiting, None)
    if first is None:
        return
    every = chain((first,), waiting)
    if processes < 2 or first.size < worth:
        yield from one_by_one(open_fetch(source))(every)
    else:
        yield from _by_pool(source, processes, every)


def _by_pool(source: str, processes: int, spans: Iterable[Span]) -> Iterator[Examined]:
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    # A fork has imported everything already. It is safe where no other thread can hold a lock.
    forks = sys.platform == "linux" and threading.active_count() == 1
    context = get_context("fork" if forks else "spawn")
    pool = ProcessPoolExecutor(processes, mp_context=context)
    waiting: deque[Future[Examined]] = deque()
    try:
        for span in spans:
            if len(waiting) == _AHEAD * processes:
                yield waiting.popleft().result()
            waiting.append(pool.submit(_examine_one, source, span))
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        message = "a process that verified a part of the ledger has ended early"
        raise OnRecordError(ErrorCode.LEDGER_UNAVAILABLE, message) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _examine_one(source: str, span: Span) -> Examined:
    return examine(open_fetch(source), span)
