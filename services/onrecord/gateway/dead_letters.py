"""What nobody could work on: told in words, and sent on its way again from roster and vault."""

from collections.abc import Sequence
from dataclasses import dataclass

from onrecord.chassis.problems import PROBLEMS
from onrecord.contracts import events
from onrecord.contracts.enrolment import Redriven
from onrecord.contracts.request_parsing import parse_jurisdiction
from onrecord.gateway.callers import Caller
from onrecord.gateway.core import write_points
from onrecord.gateway.core.enrolments import EnrolmentProgress
from onrecord.gateway.enrolments import Enrolments
from onrecord.gateway.limits import Limits
from onrecord.gateway.planes import PlaneDirectory
from onrecord.gateway.store.dead_letters import DeadLetterStore, HeldLetter
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock
from onrecord.kernel.vocabulary import EnrolmentStatus, Role
from onrecord.kernel.writepoints import WritePoint

_WAS = {
    events.ENROLMENT_REQUESTED: "a portrait on its way to detection",
    events.FACE_DETECTED: "a face that was found, on its way to embedding",
    events.FACE_EMBEDDED: "a template, on its way into its gallery",
    events.RECORD_ENROLLED: "the news that a record is live",
    events.ENROLMENT_REJECTED: "the news that a portrait was rejected",
    events.SEARCH_EXECUTED: "a plane's receipt for a search, on its way to the ledger",
    events.GALLERY_CHANGED: "a change of a gallery, on its way to the ledger",
}


@dataclass(frozen=True, slots=True)
class Explained:
    """A dead letter in words. `status` is how far its enrolment is now; None for one about none.

    `helps`: whether sending it on again can do anything.
    """

    held: HeldLetter
    was: str
    reason: str
    status: EnrolmentStatus | None
    helps: bool
    redrive: str


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of one: `code` where it could not be sent on."""

    letter_id: int
    code: ErrorCode | None


class DeadLetters:
    """For operators, of every gallery; for custodians, of their own."""

    def __init__(
        self,
        *,
        planes: PlaneDirectory,
        store: DeadLetterStore,
        enrolments: Enrolments,
        clock: Clock,
        limits: Limits,
        reached: WritePoint,
    ) -> None:
        self._planes = planes
        self._store = store
        self._enrolments = enrolments
        self._clock = clock
        self._limits = limits
        self._reached = reached

    def list(
        self, caller: Caller, gallery: str | None, after: int, limit: int
    ) -> tuple[HeldLetter, ...]:
        """By rising id above `after`. Raises ROLE_MISSING, CALLER_NOT_ALLOWED."""
        return self._store.list(_scope(caller, gallery), after, limit)

    def explain(self, caller: Caller, letter_id: int) -> Explained:
        """Raises NOT_FOUND, which is also what somebody else's is."""
        held = self._own(caller, letter_id)
        progress = self._progress(held)
        helps, redrive = _advice(held, progress)
        letter = held.letter
        return Explained(
            held,
            _WAS.get(letter.topic, "a message of another topic"),
            f"{PROBLEMS[letter.code][1]}: {letter.message}",
            None if progress is None else progress.status,
            helps,
            redrive,
        )

    def redrive(
        self,
        caller: Caller,
        gallery: str | None,
        letter_ids: Sequence[int] | None,
        after: int = 0,
    ) -> tuple[Sent, ...]:
        """Send on the letters named, or those of a gallery that wait, a page above `after`.

        One that is about no enrolment is answered with NOT_FOUND; an id that is none of the
        caller's raises it.
        """
        if letter_ids is None:
            scope = _scope(caller, gallery)
            if scope is None:
                raise OnRecordError(
                    ErrorCode.FIELD_MISSING, "name the letters, or a gallery", field="gallery"
                )
            chosen = self._store.list(scope, after, self._limits.page, waiting=True)
        else:
            chosen = tuple(self._own(caller, one) for one in letter_ids)
        sent = {one.letter_id: Sent(one.letter_id, ErrorCode.NOT_FOUND) for one in chosen}
        for place in sorted({_gallery_of(one) for one in chosen} - {""}):
            self._send(caller, [one for one in chosen if _gallery_of(one) == place], place, sent)
        return tuple(sent.values())

    def _send(
        self, caller: Caller, chosen: Sequence[HeldLetter], gallery: str, sent: dict[int, Sent]
    ) -> None:
        deadline = Deadline.after(self._limits.search_seconds)
        ids = sorted({_enrolment_of(one) for one in chosen})
        plane = self._planes.of(gallery, deadline)
        answers: dict[str, Redriven] = {
            one.enrolment_id: one for one in plane.redrive(gallery, ids, caller.token, deadline)
        }
        for one in chosen:
            sent[one.letter_id] = Sent(one.letter_id, answers[_enrolment_of(one)].code)
        gone = [one.letter_id for one in chosen if sent[one.letter_id].code is None]
        self._store.redriven(gone, self._clock.now())
        self._reached(write_points.LETTERS_REDRIVEN)

    def _own(self, caller: Caller, letter_id: int) -> HeldLetter:
        held = self._store.get(letter_id)
        if Role.OPERATOR in caller.claims.roles:
            return held
        caller.require(Role.CUSTODIAN)
        if _gallery_of(held) != caller.claims.gallery:
            raise OnRecordError(ErrorCode.NOT_FOUND, "there is no such dead letter")
        return held

    def _progress(self, held: HeldLetter) -> EnrolmentProgress | None:
        ref = held.letter.enrolment
        if ref is None:
            return None
        try:
            return self._enrolments.progress(ref.gallery, ref.enrolment_id)
        except OnRecordError as error:
            if error.code in (ErrorCode.NOT_FOUND, ErrorCode.GALLERY_UNKNOWN):
                return None
            raise


def _scope(caller: Caller, gallery: str | None) -> str | None:
    """The gallery whose letters the caller may see; None for all of them."""
    if gallery is not None:
        parse_jurisdiction(gallery, "gallery")
    if Role.OPERATOR in caller.claims.roles:
        return gallery
    caller.require(Role.CUSTODIAN)
    named = gallery or caller.claims.gallery or ""
    caller.require_custodian(named)
    return named


def _advice(held: HeldLetter, progress: EnrolmentProgress | None) -> tuple[bool, str]:
    if held.letter.enrolment is None:
        return False, "It is about no enrolment that could be read; there is nothing to send on."
    if progress is None:
        return False, "No plane knows its enrolment any more; there is nothing to send on."
    if progress.status is EnrolmentStatus.LIVE:
        return False, "Its record is live; nothing would be done."
    if progress.status is EnrolmentStatus.REJECTED:
        return False, "It was rejected, which is an end; bring the portrait again instead."
    return True, (
        "The plane opens the portrait in its vault, seals it under the transport key of today and "
        "sends it to detection again, under the same generation. Should the record have been "
        "deleted or replaced meanwhile, it is rejected."
    )


def _gallery_of(held: HeldLetter) -> str:
    return "" if held.letter.enrolment is None else held.letter.enrolment.gallery


def _enrolment_of(held: HeldLetter) -> str:
    return "" if held.letter.enrolment is None else held.letter.enrolment.enrolment_id
