"""Audit's member on the bus: reads what planes publish, a poll a transaction (ADR 19).

The offsets that count stand in the ledger's own database, with the entries. The bus is told them
as well, so that its lag can be seen. Whether the bus is still the one they were counted on is
checked where a partition is begun: the last message that was taken in must stand before them. If
another stands there, or none, the bus was restored from an older copy, and is read from its
beginning; what stands in the ledger already is found by its content and not written twice.
"""

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from onrecord.audit.adapters.ends import StoredEnds
from onrecord.audit.adapters.places import StoredPlaces
from onrecord.audit.core import write_points
from onrecord.audit.core.draft import Place
from onrecord.audit.service.intake import TakingIn, payload_digest
from onrecord.chassis.bus.measured import DONE, MESSAGES, begin_counting, consuming
from onrecord.chassis.bus.ports import Bus, Consumer, Partition, Position, Received
from onrecord.chassis.throttle import Foreground
from onrecord.contracts.events import LEDGER_TOPICS
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock
from onrecord.kernel.writepoints import WritePoint

GROUP = "audit"
_LIMIT = 32
"""Messages in one transaction: while it appends them, requests wait."""

_APPEND_SECONDS = 30.0
_GATHER_SECONDS = 0.2
"""Between polls: the receipts of one search come together, and its answer goes out before them."""

_LEVEL_FOR = timedelta(seconds=1)
"""For so long the brokers are not asked again whether all is read, where nothing has come: at each
poll it was a third of all that an idle cluster computes."""

_NEVER = datetime.min.replace(tzinfo=UTC)
_PAUSES = (0.1, 0.5, 1.0, 2.0, 5.0)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Goal:
    """All that stood in a member's partitions at a time."""

    at: datetime
    ends: Mapping[Partition, int]


class LedgerConsumer:
    """`step` takes in one poll, in the caller's thread; `start` goes on in a thread of its own."""

    def __init__(
        self,
        bus: Bus,
        taking: TakingIn,
        places: StoredPlaces,
        ends: StoredEnds,
        clock: Clock,
        reached: WritePoint,
        foreground: Foreground,
        limit: int = _LIMIT,
    ) -> None:
        self._bus = bus
        self._taking = taking
        self._places = places
        self._ends = ends
        self._clock = clock
        self._reached = reached
        self._foreground = foreground
        self._limit = limit
        self._consumer: Consumer | None = None
        self._unproved: dict[Partition, Place] = {}
        self._read_to = _NEVER
        self._level_at = _NEVER
        self._sought = False
        self._goal: _Goal | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None
        begin_counting(GROUP)

    @property
    def is_alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def last_error(self) -> Exception | None:
        """Why it does not get on at present; None while it does."""
        return self._error

    def read_until(self, when: datetime) -> bool:
        """Whether all that stood on the bus at `when` has been taken in."""
        return self._read_to >= when

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="ledger-consumer", daemon=True)
        self._thread.start()

    def stop(self, grace: float) -> bool:
        """Finish the poll in hand and leave the group; whether it did, in `grace` seconds.

        What it could not finish is read again. Repeatable.
        """
        self._stopping.set()
        if self._thread is None:
            self._leave()
            return True
        self._thread.join(grace)
        return not self._thread.is_alive()

    def step(self, seconds: float = 0.0) -> int:
        """Take in what is there, or wait for it at most `seconds`; how many messages it was.

        Raises BUS_UNAVAILABLE, LEDGER_UNAVAILABLE: nothing is lost, the same is read again.
        """
        try:
            return self._take(seconds)
        except BaseException:
            self._leave()  # and begin again where the ledger says that we are
            raise

    def _take(self, seconds: float) -> int:
        began = self._clock.now()
        consumer = self._consumer
        if consumer is None:
            consumer = self._consumer = self._bus.consumer(GROUP, LEDGER_TOPICS, self._begin)
        polled = consumer.poll(self._limit, seconds)
        is_level = not polled and self._goal is None and began - self._level_at < _LEVEL_FOR
        goal = None if is_level else self._goal_of(consumer, began)
        is_all, self._sought = goal is not None and consumer.has_polled(goal.ends), False
        fresh = self._proved(consumer, polled, is_all)
        if fresh or self._ends.any_held():
            spans = [one for one in map(consuming, fresh) if one is not None]
            self._taking.take(fresh, Deadline.after(_APPEND_SECONDS))
            for one in spans:
                one.end()
            self._reached(write_points.INTAKE_COMMITTED)
        if fresh:
            MESSAGES.add(len(fresh), group=GROUP, outcome=DONE)
            self._tell(consumer, fresh)
            self._reached(write_points.OFFSETS_TOLD)
        if is_all or self._sought:
            self._goal = None
            self._level_at = began if is_all and not self._sought else _NEVER
        if goal is not None and is_all and not self._sought and self._is_alone_or_level(consumer):
            self._read_to = goal.at
        return len(fresh)

    def _goal_of(self, consumer: Consumer, began: datetime) -> _Goal | None:
        """What is to be read before one may say that all is read: kept until it is, however much
        is published meanwhile. None while it is not known what there is to read.
        """
        if self._goal is None or self._goal.ends.keys() != consumer.assigned():
            ends = consumer.ends()
            self._goal = None if ends is None else _Goal(began, ends)
        return self._goal

    def _begin(self, partition: Partition) -> int:
        """One message before the place where the ledger stands: it proves that the bus is ours."""
        place = self._places.of(partition.topic, partition.number)
        if place is None:
            self._unproved.pop(partition, None)
            return 0
        self._unproved[partition] = place
        return max(0, place.offset - 1)

    def _proved(
        self, consumer: Consumer, polled: Sequence[Received], is_all: bool
    ) -> tuple[Received, ...]:
        """What was polled, without the messages that only proved where we are."""
        fresh = list(polled)
        for partition in consumer.assigned() & self._unproved.keys():
            here = [one for one in fresh if one.partition == partition]
            if not here and not is_all:
                continue  # it may stand behind the others
            place = self._unproved.pop(partition)
            if here and here[0].offset >= place.offset:
                continue  # the bus has forgotten the message before it, as it may in time
            if (
                here
                and here[0].offset == place.offset - 1
                and payload_digest(here[0]) == place.digest
            ):
                fresh.remove(here[0])
                continue
            _log.error(
                "the bus does not hold what was read from %s (%d) before: it is read from its "
                "beginning",
                partition.topic,
                partition.number,
            )
            fresh = [one for one in fresh if one.partition != partition]
            consumer.seek(partition, 0)
            self._read_to = _NEVER
            self._sought = True
        return tuple(fresh)

    def _tell(self, consumer: Consumer, fresh: Iterable[Received]) -> None:
        positions = {one.partition: Position(one.offset + 1) for one in fresh}
        try:
            consumer.commit(positions)
        except OnRecordError as error:
            # The ledger has them; whoever reads these partitions now begins where it says.
            if error.code is not ErrorCode.BUS_REBALANCED:
                raise

    def _is_alone_or_level(self, consumer: Consumer) -> bool:
        """Whether what other members of the group have to read is read too."""
        every = sum(self._bus.partitions(topic) for topic in LEDGER_TOPICS)
        if len(consumer.assigned()) == every:
            return True
        return not any(self._bus.lag(GROUP, LEDGER_TOPICS).values())

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                taken = self.step()
            except Exception as error:  # noqa: BLE001 - a consumer that ends in silence is worse
                self._error = error
                _log.exception("what planes publish could not be taken in; trying again")
                self._stopping.wait(_PAUSES[min(failures, len(_PAUSES) - 1)])
                failures += 1
            else:
                self._error, failures = None, 0
                if taken < self._limit:  # a backlog gives way to nobody, or it would grow
                    self._stopping.wait(_GATHER_SECONDS)
                    self._foreground.give_way()
        self._leave()

    def _leave(self) -> None:
        consumer, self._consumer = self._consumer, None
        self._goal = None
        self._unproved.clear()
        if consumer is None:
            return
        try:
            consumer.close()
        except OnRecordError as error:
            _log.warning("the bus could not be told that audit leaves: %s", error)
