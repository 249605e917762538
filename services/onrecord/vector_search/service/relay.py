"""From the outbox to the bus, in order, at least once.

A use-case queues messages in its transaction and calls `flush` when that is committed: what the
caller has been told is published by then. What a crash leaves behind is published at start. That
a message has been published is noted afterwards, many at a time: a crash in between publishes it
twice, which every consumer takes in its stride.

Several processes may serve one roster, each with a relay. What is for the ledger whoever comes
first publishes, with all that stands before it, so that its order holds. Of an enrolment each
relay publishes what was queued with it, and what is another's only when that one has let it lie:
else every portrait would be worked on once for each process.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from sqlalchemy import Connection, Engine

from onrecord.chassis.bus.ports import Message, Publisher
from onrecord.chassis.database import (
    read_transaction,
    take_turn,
    write_ahead,
    write_transaction,
)
from onrecord.contracts.events import ENROLMENT_TOPICS
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import OnRecordError
from onrecord.kernel.writepoints import WritePoint
from onrecord.vector_search.core import write_points
from onrecord.vector_search.roster import outbox

_AT_ONCE = 256
_TIDY_SECONDS = 0.5
_RETRY_SECONDS = 1.0
_LET_LIE_SECONDS = 5.0
"""Longer than a relay that lives takes to publish and to tidy up, where it can publish at all."""
_NUMBERS_KEPT = 100_000
_TURN = "outbox"
_log = logging.getLogger(__name__)


class Relay:
    """One publisher of one roster. May be flushed from many threads."""

    def __init__(
        self,
        roster: Engine,
        publisher: Publisher,
        reached: WritePoint,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._roster = roster
        self._publisher = publisher
        self._reached = reached
        self._monotonic = monotonic
        self._publishing = threading.Lock()
        self._published: set[int] = set()
        self._ours: set[int] = set()
        self._others: dict[int, float] = {}  # and since when they have been seen to wait
        self._rounds = 0  # how many times what waits has been read, or is being read
        self._done = 0  # the last of them of which all is published
        self._stopped = threading.Event()
        self._tidier: threading.Thread | None = None

    def start(self) -> None:
        """Publish what was left behind, and tidy up from now on."""
        self._tidier = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._tidier.start()

    def queue(self, tx: Connection, messages: Sequence[Message]) -> None:
        """To be published by this relay, in this order, once the transaction has committed."""
        self._ours.update(outbox.queue_numbered(tx, messages))

    def flush(self, deadline: Deadline, patience: float = _LET_LIE_SECONDS) -> None:
        """What was queued here, or is for the ledger, and was committed before this call, is
        published when it returns; so is what has waited for its own relay longer than `patience`
        (seconds).

        Raises BUS_UNAVAILABLE, STORAGE_FULL, DEADLINE_EXCEEDED; the messages stay queued.
        """
        before = self._rounds
        with self._publishing:
            if self._done > before:
                return  # whoever was first has read since this call, and published for all
            while True:
                self._rounds += 1
                # Within a gallery numbers rise in the order of commits, because whoever queues
                # holds its row; between galleries they may not, so none is taken as a bound.
                limit = _AT_ONCE + len(self._published) + len(self._others)
                with read_transaction(self._roster) as tx:
                    held = outbox.waiting(tx, limit)
                    fresh = self._to_publish(held, patience)
                    some = fresh[:_AT_ONCE]
                    found = outbox.read(tx, some) if some else ()
                if found:
                    self._publisher.publish([one.message for one in found], deadline)
                    self._reached(write_points.OUTBOX_PUBLISHED)
                    self._published.update(some)
                # What is another's makes no end: behind a page full of it may stand a receipt.
                if len(held) < limit and len(some) == len(fresh):
                    self._done = self._rounds
                    return

    def tidy(self) -> None:
        """Take from the outbox what has been published."""
        done = sorted(self._published)
        if done:
            with write_transaction(self._roster) as tx:
                take_turn(tx, _TURN)
                for start in range(0, len(done), _AT_ONCE):
                    outbox.forget(tx, done[start : start + _AT_ONCE])
            self._reached(write_points.OUTBOX_TIDIED)
        with self._publishing:
            self._published.difference_update(done)
            self._ours.difference_update(done)
            # A transaction that was rolled back leaves its numbers here.
            if len(self._ours) > 2 * _NUMBERS_KEPT:
                self._ours = set(sorted(self._ours)[-_NUMBERS_KEPT:])

    def close(self) -> None:
        """Stop, having noted what was published."""
        self._stopped.set()
        if self._tidier is not None:
            self._tidier.join()
        self.tidy()

    def _to_publish(self, held: Sequence[tuple[int, str]], patience: float) -> list[int]:
        """The numbers of those that are this relay's to publish, now."""
        now = self._monotonic()
        others = {
            number: self._others.get(number, now)
            for number, topic in held
            if topic in ENROLMENT_TOPICS and number not in self._ours
        }
        self._others = others
        return [
            number
            for number, _ in held
            if number not in self._published
            and (number not in others or now - others[number] >= patience)
        ]

    def _run(self) -> None:
        patience = 0.0  # what is found at start may be of a process that has ended
        while not self._stopped.is_set():
            try:
                self.flush(Deadline.after(_RETRY_SECONDS * 10), patience)
                patience = _LET_LIE_SECONDS
                self.tidy()
                # Here, where nobody waits for it: a search's own transaction writes many pages.
                write_ahead.empty(self._roster)
            except OnRecordError as error:
                _log.warning("outbox not published", extra={"code": error.code.value})
            except Exception:  # noqa: BLE001 - a thread that ends would end publishing silently
                _log.exception("outbox not published")
            self._stopped.wait(_TIDY_SECONDS)
