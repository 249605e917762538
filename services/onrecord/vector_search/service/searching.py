"""One search of galleries of this plane under one grant (laws 2, 3 and 8)."""

import logging
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import partial

from onrecord.chassis.pools import CarryingPool
from onrecord.chassis.telemetry import current_traceparent
from onrecord.contracts.vector_search import GalleryAnswer, GalleryResult, PlaneSearch
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.grant import Grant, GrantReader
from onrecord.vector_search.core import write_points
from onrecord.vector_search.roster.live import LiveRow
from onrecord.vector_search.service.admitting import Admissions
from onrecord.vector_search.service.answering import Answering, Told
from onrecord.vector_search.service.batch import Found
from onrecord.vector_search.service.each import Each
from onrecord.vector_search.service.looking import Look, Looking
from onrecord.vector_search.service.parts import PlaneParts
from onrecord.vector_search.service.policy_trust import PolicyTrust
from onrecord.vector_search.service.trust import LedgerTrust

_log = logging.getLogger("onrecord.vector-search")
_TIME_TO_ANSWER = 0.5
_PART_TO_ANSWER = 0.1


class Searches:
    """Looks only where the ledger shows it was allowed, and says so before it answers."""

    def __init__(
        self,
        parts: PlaneParts,
        ledger: LedgerTrust,
        policies: PolicyTrust,
        grants: GrantReader | None = None,
    ) -> None:
        """`grants`: shared with whoever reads them before they are shown here."""
        self._parts = parts
        self._admissions = Admissions(parts, ledger, grants or GrantReader(parts.ledger_key))
        self._looking = Looking(parts, policies)
        self._answering = Answering(parts, ledger)
        self._ledger = ledger
        self._pool = CarryingPool(parts.looks, thread_name_prefix="look")

    def search(self, search: PlaneSearch, deadline: Deadline) -> tuple[GalleryAnswer, ...]:
        """What is answered has its receipt on the bus, also where it is answered again (law 3)."""
        opened = self._admissions.open(search, deadline)
        each = Each(self._parts.random_bytes)
        looks: list[Look] = []
        repeated: list[str] = []
        for one in search.searches:
            for name in one.galleries:
                admitted = each.attempt((name,), partial(opened.admit, name, one.template))
                if isinstance(admitted, GalleryResult):
                    each.answered(admitted)
                    each.perhaps_kept.add(name)
                    repeated.append(name)
                elif admitted is not None:
                    looks.append(Look(admitted))
        if repeated:
            each.attempt(repeated, partial(self._parts.relay.flush, deadline))
        self._look(looks, opened.grant, each, deadline)
        answered = {name for name, it in each.answers.items() if isinstance(it, GalleryResult)}
        if answered <= set(repeated):
            # With new answers it was kept; and without any it is not forgotten either (law 2).
            self._keep_checkpoint(search.galleries, each, deadline)
        return tuple(each.answers[name] for name in search.galleries)

    def close(self) -> None:
        """Nothing may be asked afterwards."""
        self._pool.shutdown()

    def _keep_checkpoint(self, names: Sequence[str], each: Each, deadline: Deadline) -> None:
        """Where it cannot be kept, those say so that have left no receipt for certain."""
        failing = [name for name in names if name not in each.perhaps_kept]
        try:
            self._ledger.keep_now(deadline)
        except OnRecordError as error:
            _log.warning("a checkpoint was not kept", extra={"code": error.code.value})
            for name in failing:
                each.failed(name, error)

    def _look(self, looks: Sequence[Look], grant: Grant, each: Each, deadline: Deadline) -> None:
        """Nobody waits for a gallery that is slow: what is there is stored before it."""
        looking = _sooner(deadline)
        pending = self._begun(looks, grant, looking)
        while pending:
            some = _some_of(pending, looking, self._parts.gathering_seconds)
            if not some:
                break
            arrived = [(pending.pop(one), one) for one in some]
            done = [
                look for look, one in arrived if each.attempt((look.name,), one.result) is not None
            ]
            pending |= self._begun(self._answered(done, grant, each, deadline), grant, looking)
        for one, look in pending.items():
            one.cancel()
            each.failed(look.name, _not_in_time())

    def _begun(
        self, looks: Sequence[Look], grant: Grant, deadline: Deadline
    ) -> dict["Future[Look]", Look]:
        """Side by side; one alone in this thread, which would only wait for it."""
        if len(looks) != 1:
            return {self._pool.submit(self._ask, one, grant, deadline): one for one in looks}
        done: Future[Look] = Future()
        try:
            done.set_result(self._ask(looks[0], grant, deadline))
        except BaseException as error:  # noqa: BLE001 - raised where its result is asked for
            done.set_exception(error)
        return {done: looks[0]}

    def _ask(self, look: Look, grant: Grant, deadline: Deadline) -> Look:
        try:
            self._looking.ask(look, grant, deadline)
        except OnRecordError as error:
            # Nothing of it is kept: that must not be told as what may have been searched.
            if error.code is ErrorCode.DEADLINE_EXCEEDED:
                raise _not_in_time() from error
            raise
        return look

    def _answered(
        self, looks: Sequence[Look], grant: Grant, each: Each, deadline: Deadline
    ) -> list[Look]:
        """Answers those that have found enough; the others are to ask for more."""
        live = each.attempt([one.name for one in looks], partial(self._looking.live, looks))
        if live is None:
            return []
        judged = [
            each.attempt((one.name,), partial(self._judged, one, grant, live)) for one in looks
        ]
        found = [one for one in judged if isinstance(one, Found)]
        names = [one.gallery.jurisdiction for one in found]
        if found:
            each.perhaps_kept.update(names)
            told = each.attempt(names, partial(self._answering.answer, found, deadline))
            for name, what in zip(names, told or (), strict=False):
                result = each.attempt((name,), partial(_given, what))
                if result is not None:
                    each.answered(result)
        return [one for one in judged if isinstance(one, Look)]

    def _judged(self, look: Look, grant: Grant, live: dict[str, LiveRow]) -> Found | Look:
        """What it has found; the look itself where that is not enough."""
        ranked = self._looking.ranked(look, live)
        if ranked is None:
            return look
        self._parts.reached(write_points.CANDIDATES_FOUND)
        # Before the roster is held: it asks a key and nothing of the books.
        named = self._looking.named(look, grant, ranked)
        admitted = look.admitted
        return Found(
            admitted.gallery,
            grant,
            admitted.allowed,
            admitted.template_sha256,
            named,
            current_traceparent(),
        )


def _some_of(
    pending: dict["Future[Look]", Look], deadline: Deadline, gathering: float
) -> set["Future[Look]"]:
    """Those that have come, once one has and the others had a moment to; none: time is up."""
    done, rest = wait(pending, deadline.remaining(), FIRST_COMPLETED)
    if done and rest:
        done |= wait(rest, min(gathering, deadline.remaining())).done
    return done


def _sooner(deadline: Deadline) -> Deadline:
    """So long may be looked: then there is time to answer for what was found."""
    kept = min(_TIME_TO_ANSWER, deadline.remaining() * _PART_TO_ANSWER)
    return Deadline(deadline.at - kept, deadline.monotonic)


def _given(told: Told) -> GalleryResult:
    if isinstance(told, BaseException):
        raise told
    return told


def _not_in_time() -> OnRecordError:
    return OnRecordError(ErrorCode.PLANE_UNAVAILABLE, "the gallery was not searched in time")
