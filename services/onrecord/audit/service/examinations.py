"""Examination: looks, decisions, and what follows from them."""

from collections.abc import Callable
from datetime import datetime

from onrecord.audit.core.draft import Appended, Proposal
from onrecord.audit.core.examining import check_written, conclude, decide, look
from onrecord.audit.core.people import require_role, require_training
from onrecord.audit.core.searching import OutstandingError, OverdueError, expire, state_error
from onrecord.audit.service.ports import Ledger
from onrecord.chassis.tokens import TokenVerifier
from onrecord.contracts.audit import DecideCall, LookCall, ReleaseOutcome
from onrecord.contracts.field_reading import read_text
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import OnRecordError
from onrecord.kernel.identity import Claims
from onrecord.kernel.times import Clock
from onrecord.kernel.vocabulary import EntryKind, Role
from onrecord.proof.entry import LoggedEntry, parse_body
from onrecord.proof.release import ReleaseProof

_MAX_ID = 128
_LOOK_AGAIN = 0.1


class Examinations:
    """Writes what examiners look at and decide, and derives the outcome."""

    def __init__(
        self,
        ledger: Ledger,
        tokens: TokenVerifier,
        clock: Clock,
        read_until: Callable[[datetime], bool],
        patience: float,
    ) -> None:
        self._ledger = ledger
        self._tokens = tokens
        self._clock = clock
        self._read_until = read_until
        self._patience = patience

    def authorize_look(self, call: LookCall, deadline: Deadline) -> LoggedEntry:
        claims = self._examiner(call.user_token)
        _check_ids(call.task_id, call.source)
        appended = self._append(call.search_id, lambda books: look(call, claims, books), deadline)
        return self._ledger.logged(appended)

    def decide(self, call: DecideCall, deadline: Deadline) -> LoggedEntry:
        claims = self._examiner(call.user_token)
        _check_ids(call.task_id, call.source)
        check_written(call)
        appended = self._append(call.search_id, lambda books: decide(call, claims, books), deadline)
        return self._ledger.logged(appended)

    def release(self, search_id: str, deadline: Deadline) -> ReleaseOutcome:
        appended = self._append(search_id, lambda books: conclude(search_id, books), deadline)
        body, _, kind = parse_body(appended.body)
        if kind != EntryKind.LEAD_RELEASED:
            return ReleaseOutcome(self._ledger.logged(appended), None, body["reason"])
        executed, decided = tuple(body["executed"]), tuple(body["decided"])
        release, grant, *rest = self._ledger.entries(
            [appended.index, body["grant_index"], *executed, *decided]
        )
        proof = ReleaseProof(
            release=release,
            grant=grant,
            executed=tuple(rest[: len(executed)]),
            decided=tuple(rest[len(executed) :]),
        )
        return ReleaseOutcome(release, proof, body["reason"])

    def _examiner(self, token: str) -> Claims:
        claims = self._tokens.verify(token)
        require_role(claims, Role.EXAMINER)
        require_training(claims, self._clock.now())
        return claims

    def _append(self, search_id: str, proposal: Proposal, deadline: Deadline) -> Appended:
        """Append, as soon as the ledger knows how the search ended in every granted gallery.

        Receipts come over the bus, a moment after the answer of the search. Where a gallery never
        reached its end, it is written that it expired.
        """
        patience = Deadline.after(min(self._patience, deadline.remaining()), deadline.monotonic)
        while True:
            try:
                return self._ledger.append(proposal, deadline)
            except OutstandingError as error:
                missing: OnRecordError = error
            except OverdueError as error:
                if error.due is None or self._read_until(error.due):
                    self._ledger.append(lambda books: expire(books, search_id), deadline)
                    continue
                missing = state_error("what planes have published has not been read yet")
            if patience.remaining() <= 0.0:
                raise missing
            # Bounded: a receipt may have been committed since the ledger was asked.
            self._ledger.wait_for_append(min(_LOOK_AGAIN, patience.remaining()))


def _check_ids(task_id: str, source: str) -> None:
    read_text(task_id, "task_id", _MAX_ID)
    read_text(source, "source", _MAX_ID, empty=True)
