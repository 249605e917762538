"""Room for calls: who is let in, who waits a moment, and who is told to come again.

Each kind of call has places of its own, so that searches, however many are asked for, take none
from examiners, auditors and custodians. Used from one event loop.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Hashable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final, NoReturn

from onrecord.chassis.problems import RETRY_AFTER_MS
from onrecord.chassis.telemetry import Label, Meter, Reading, Value
from onrecord.gateway.limits import Limits
from onrecord.kernel.errors import ErrorCode, OnRecordError

_RETRY_MS: Final = 1000
_CALLS, _UPLOADS, _PROBES, _SEARCHES, _LINE = "calls", "uploads", "probes", "searches", "line"

METER: Final = Meter("room at the gateway")
SHED: Final = METER.counter(
    "gateway_shed_total",
    "Calls that were told to come again, by what there was no room for: a call, a custodian's "
    "upload, one more probe on its way, one more search (before its probe is read), or a search "
    "that waited in the line for as long as it may. Nothing was granted or looked at.",
    (Label("room", "what was full", (_CALLS, _UPLOADS, _PROBES, _SEARCHES, _LINE)),),
)
PLACES: Final = METER.gauge(
    "gateway_places",
    "How many calls are worked on at once, at most.",
    (Label("room", "of what", (_CALLS, _UPLOADS, _PROBES, _SEARCHES)),),
)
TAKEN: Final = METER.gauge(
    "gateway_places_taken",
    "How many of the places are taken.",
    (Label("room", "of what", (_CALLS, _UPLOADS, _PROBES, _SEARCHES)),),
)
WAITING: Final = METER.gauge(
    "gateway_searches_waiting", "Searches, read in full, that wait in the line for a place."
)


class Room:
    """So many calls at once; one more is told to come again, at once.

    The last `kept` places are for calls that go on with what was begun, one for each of those.
    """

    def __init__(self, name: str, places: int, kept: int = 0) -> None:
        self.name = name
        self.places = places
        self.free = places
        self._kept = kept
        self._going_on: set[Hashable] = set()

    @contextmanager
    def place(self) -> Iterator[bool]:
        """A place for one call; whether it is one of those kept. Raises OVERLOADED where there is
        none.
        """
        if self.free == 0:
            raise _come_again(self.name)
        is_kept = self.free <= self._kept
        self.free -= 1
        try:
            yield is_kept
        finally:
            self.free += 1

    def refuse(self) -> NoReturn:
        """Somebody has a place that is kept, and goes on with nothing. Raises OVERLOADED."""
        raise _come_again(self.name)

    @contextmanager
    def going_on(self, begun: Hashable) -> Iterator[None]:
        """A place that is kept, for what was begun. Raises OVERLOADED where it has one already."""
        if begun in self._going_on:
            self.refuse()
        self._going_on.add(begun)
        try:
            yield
        finally:
            self._going_on.remove(begun)


class SearchRoom:
    """So many searches at work, and a short line behind them in the order of coming.

    The line is what keeps the places busy between two searches; a long one would only make all of
    them late. A search that was granted before, and comes again for its answer, goes first: its
    grant does not live for long.
    """

    name = _SEARCHES

    def __init__(self, places: int, seconds: float) -> None:
        self.places = places
        self.free = places
        self._seconds = seconds
        self._new: deque[asyncio.Future[None]] = deque()
        self._granted: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        return len(self._new) + len(self._granted)

    def look(self) -> None:
        """Whether a new search that came now would soon have a place. Raises OVERLOADED."""
        if self.free == 0 and self.waiting >= self.places // 2:
            raise _come_again(_SEARCHES)

    @asynccontextmanager
    async def place(self, *, granted: bool = False) -> AsyncIterator[None]:
        """A place for one search, waited for. Raises OVERLOADED where none comes in time."""
        await self._enter(self._granted if granted else self._new)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, line: deque[asyncio.Future[None]]) -> None:
        if self.free:  # then nobody waits: who leaves hands the place on
            self.free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(turn)
        try:
            await asyncio.wait((turn,), timeout=self._seconds)
        except BaseException:
            if turn.done():
                self._leave()  # it was given the place in the moment in which it gave up
            else:
                line.remove(turn)
            raise
        if not turn.done():
            line.remove(turn)
            raise _come_again(_LINE)

    def _leave(self) -> None:
        for line in (self._granted, self._new):
            if line:
                line.popleft().set_result(None)
                return
        self.free += 1


class Rooms:
    """All of a gateway's. `probes`: searches from their first byte to their answer. Some are kept
    for those that were granted, have no end and come again, one for each of them: whoever sends
    many other probes slowly does not shut them out.
    """

    def __init__(self, limits: Limits) -> None:
        self.calls = Room(_CALLS, limits.admission)
        self.uploads = Room(_UPLOADS, limits.uploads)
        many = max(limits.admission, 2 * limits.searches)
        self.probes = Room(_PROBES, many, kept=max(1, limits.searches // 2))
        self.searches = SearchRoom(limits.searches, limits.search_wait_seconds)

    @property
    def threads(self) -> int:
        """How many calls may want a thread at once."""
        return self.calls.places + self.uploads.places + self.probes.places

    @property
    def reading(self) -> Reading:
        return Reading("room", self._read)

    def _read(self) -> Iterable[Value]:
        for room in (self.calls, self.uploads, self.probes, self.searches):
            yield Value(PLACES, room.places, {"room": room.name})
            yield Value(TAKEN, room.places - room.free, {"room": room.name})
        yield Value(WAITING, self.searches.waiting)


def _come_again(room: str) -> OnRecordError:
    SHED.add(room=room)
    return OnRecordError(
        ErrorCode.OVERLOADED,
        "too many calls are being worked on; try again",
        details={RETRY_AFTER_MS: _RETRY_MS},
    )
