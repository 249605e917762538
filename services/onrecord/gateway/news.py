"""What a client is told of its own affairs, and waiting for it (R-40)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from onrecord.chassis.problems import RETRY_AFTER_MS
from onrecord.gateway.arrivals import Arrivals
from onrecord.gateway.callers import Caller
from onrecord.gateway.store import EventStore
from onrecord.gateway.store.events import Event, custodian, examiner, requester
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Role

_LOOK_AGAIN_SECONDS = 1.0
"""Another gateway on the same database may have written what is waited for."""


class Waiting:
    """Woken when there may be news for one of some audiences."""

    def __init__(self, signals: list[asyncio.Event]) -> None:
        self._signals = signals

    async def wait(self, seconds: float) -> None:
        """Return at news, or after so many seconds, or after one: whoever waits looks again."""
        waiters = [asyncio.ensure_future(signal.wait()) for signal in self._signals]
        try:
            await asyncio.wait(
                waiters,
                timeout=min(seconds, _LOOK_AGAIN_SECONDS),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            for waiter in waiters:
                waiter.cancel()
            # Before the next look, not after it: what comes in between must wake again.
            for signal in self._signals:
                signal.clear()


class News:
    """Reads what the stores have written for a caller, and nothing of anybody else's."""

    def __init__(self, events: EventStore, most_waiting: int) -> None:
        self._events = events
        self._most_waiting = most_waiting
        self._waiting = 0
        self._arrivals = Arrivals()
        events.listen(self._arrivals.told)

    def audiences(self, caller: Caller) -> tuple[str, ...]:
        """Whose events are the caller's own, by what their token says. Raises ROLE_MISSING."""
        roles = caller.claims.roles
        found = []
        if Role.REQUESTER in roles:
            found.append(requester(caller.person, caller.claims.agency))
        if Role.EXAMINER in roles:
            found.append(examiner(caller.person))
        if Role.CUSTODIAN in roles and caller.claims.gallery is not None:
            found.append(custodian(caller.claims.gallery))
        if not found:
            raise OnRecordError(
                ErrorCode.ROLE_MISSING,
                "there are events for requesters, examiners and custodians",
                field="roles",
            )
        return tuple(found)

    def page(self, audiences: tuple[str, ...], after: int, limit: int) -> tuple[Event, ...]:
        """Events with an id above `after`, in order."""
        return self._events.of(audiences, after, limit)

    @asynccontextmanager
    async def waiting(self, audiences: tuple[str, ...]) -> AsyncIterator[Waiting]:
        """Begin before looking, and none is missed. Raises OVERLOADED beyond the places."""
        if self._waiting >= self._most_waiting:
            raise OnRecordError(
                ErrorCode.OVERLOADED,
                "too many clients wait for events; ask again",
                details={RETRY_AFTER_MS: 1000},
            )
        self._waiting += 1
        try:
            with ExitStack() as stack:
                signals = [
                    stack.enter_context(self._arrivals.expecting(audience))
                    for audience in audiences
                ]
                yield Waiting(signals)
        finally:
            self._waiting -= 1
