"""How far a portrait is, as events tell it: in any order, more than once, never backwards."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from onrecord.contracts import events
from onrecord.contracts.events import EnrolmentRef, Event
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import EnrolmentStatus
from onrecord.proof import statements
from onrecord.proof.attestation import Attestation

_S = EnrolmentStatus
RANKS: Final = {_S.REQUESTED: 0, _S.DETECTED: 1, _S.EMBEDDED: 2, _S.REJECTED: 3, _S.LIVE: 4}
"""A status gives way only to one of a higher rank: `live` and `rejected` are ends.

What the plane made live stays so: detection, given the same portrait again after a crash, finds
its copy gone and says that it is missing.
"""
ENDED: Final = RANKS[_S.REJECTED]
Details = dict[str, str | int]


@dataclass(frozen=True, slots=True)
class EnrolmentProgress:
    """One portrait on its way, without a word of whose it is.

    `code`, `message` and `details` where it was rejected. `changed_at`: the last event's time, as
    far as the event tells one.
    """

    enrolment: EnrolmentRef
    status: EnrolmentStatus
    model_id: str = ""
    code: ErrorCode | None = None
    message: str = ""
    details: Details = field(default_factory=dict, hash=False)
    changed_at: datetime | None = None

    @property
    def ended(self) -> bool:
        return RANKS[self.status] >= ENDED


def progress_of(event: Event) -> EnrolmentProgress | None:
    """What an event says of its enrolment; None for one that is about none."""
    match event:
        case events.EnrolmentRequested(ref):
            return EnrolmentProgress(ref, _S.REQUESTED)
        case events.FaceDetected(ref):
            return EnrolmentProgress(ref, _S.DETECTED)
        case events.FaceEmbedded(ref):
            return EnrolmentProgress(ref, _S.EMBEDDED)
        case events.RecordEnrolled(ref, model_id, time):
            return EnrolmentProgress(ref, _S.LIVE, model_id, changed_at=time)
        case events.EnrolmentRejected(ref, code, message, time, refusal):
            return EnrolmentProgress(
                ref,
                _S.REJECTED,
                code=code,
                message=message,
                details=_details(refusal),
                changed_at=time,
            )
        case _:
            return None


def furthest(found: list[EnrolmentProgress]) -> dict[str, EnrolmentProgress]:
    """By enrolment id, the furthest of several; among ends, the first that was told."""
    best: dict[str, EnrolmentProgress] = {}
    for one in found:
        known = best.get(one.enrolment.enrolment_id)
        if known is None or RANKS[one.status] > RANKS[known.status]:
            best[one.enrolment.enrolment_id] = one
    return best


def _details(refusal: Attestation | None) -> Details:
    """What detection's signed refusal says beside its code, such as how many faces there are."""
    if refusal is None:
        return {}
    try:
        said = statements.read(refusal).get("details")
    except OnRecordError:
        return {}
    if not isinstance(said, dict):
        return {}
    return {
        str(name): value
        for name, value in said.items()
        if isinstance(value, str | int) and not isinstance(value, bool)
    }
