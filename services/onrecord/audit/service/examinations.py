"""Examination: looks, decisions, and what follows from them."""

from onrecord.audit.core.draft import Appended, Proposal
from onrecord.audit.core.examining import check_written, conclude, decide, look
from onrecord.audit.core.people import require_role, require_training
from onrecord.audit.core.searching import OverdueError, expire
from onrecord.audit.service.ports import Ledger
from onrecord.chassis.tokens import TokenVerifier
from onrecord.contracts.audit import DecideCall, LookCall, ReleaseOutcome
from onrecord.contracts.field_reading import read_text
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.identity import Claims
from onrecord.kernel.times import Clock
from onrecord.kernel.vocabulary import EntryKind, Role
from onrecord.proof.entry import LoggedEntry, parse_body
from onrecord.proof.release import ReleaseProof

_MAX_ID = 128


class Examinations:
    """Writes what examiners look at and decide, and derives the outcome."""

    def __init__(self, ledger: Ledger, tokens: TokenVerifier, clock: Clock) -> None:
        self._ledger = ledger
        self._tokens = tokens
        self._clock = clock

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
        """Append; where a gallery never reached its end, write that it expired, and ask again."""
        try:
            return self._ledger.append(proposal, deadline)
        except OverdueError:
            self._ledger.append(lambda books: expire(books, search_id), deadline)
            return self._ledger.append(proposal, deadline)


def _check_ids(task_id: str, source: str) -> None:
    read_text(task_id, "task_id", _MAX_ID)
    read_text(source, "source", _MAX_ID, empty=True)
