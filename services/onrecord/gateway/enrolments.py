"""Enrolling one record: begun at the plane, brought to the stores, sent on its way."""

import hashlib
from dataclasses import dataclass

from onrecord.contracts.enrolment import (
    BeginState,
    Begun,
    EnrolmentBatch,
    EnrolmentStart,
    EnrolmentState,
)
from onrecord.contracts.events import EnrolmentRef
from onrecord.contracts.request_parsing import parse_jurisdiction
from onrecord.contracts.vector_search import Plane
from onrecord.gateway.arrivals import Arrivals
from onrecord.gateway.callers import Caller
from onrecord.gateway.core import write_points
from onrecord.gateway.core.enrolments import EnrolmentProgress
from onrecord.gateway.intake import Brought, Intake
from onrecord.gateway.limits import Limits
from onrecord.gateway.planes import PlaneDirectory
from onrecord.gateway.store.enrolments import EnrolmentStore
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import EnrolmentStatus, Role
from onrecord.kernel.writepoints import WritePoint


@dataclass(frozen=True, slots=True)
class Enrolling:
    """How far it is. `unchanged`: it was live already, with this very image."""

    progress: EnrolmentProgress
    duplicate: bool
    unchanged: bool = False


class Enrolments:
    """`arrivals` tells who waits for one that it has ended."""

    def __init__(
        self,
        *,
        planes: PlaneDirectory,
        intake: Intake,
        store: EnrolmentStore,
        arrivals: Arrivals,
        limits: Limits,
        reached: WritePoint,
    ) -> None:
        self.arrivals = arrivals
        self._planes = planes
        self._intake = intake
        self._store = store
        self._limits = limits
        self._reached = reached

    def enrol(self, caller: Caller, gallery: str, record_id: str, portrait: bytes) -> Enrolling:
        """Begin to make a portrait (encoded image) searchable, in place of the record's older one.

        A repeat goes on where the first ended. Raises ROLE_MISSING, CALLER_NOT_ALLOWED,
        GALLERY_UNKNOWN, RECORD_ID_INVALID, IMAGE_EMPTY, STORAGE_FULL and *_UNAVAILABLE.
        """
        parse_jurisdiction(gallery, "gallery")
        caller.require_custodian(gallery)
        if not portrait:
            raise OnRecordError(ErrorCode.IMAGE_EMPTY, "the portrait is empty", field="portrait")
        deadline = Deadline.after(self._limits.search_seconds)
        plane = self._planes.of(gallery, deadline)
        start = EnrolmentStart(record_id, hashlib.sha256(portrait).hexdigest())
        (begun,) = plane.begin_enrolments(EnrolmentBatch(gallery, (start,)), caller.token, deadline)
        self._reached(write_points.ENROLMENT_BEGUN)
        if begun.state is BeginState.REJECTED:
            raise _refused(begun)
        if begun.ticket is not None:
            brought = Brought(begun.ticket, start.image_sha256, portrait)
            self._submit(plane, gallery, brought, deadline)
        return self._enrolling(plane, gallery, begun, deadline)

    def progress(self, gallery: str, enrolment_id: str) -> EnrolmentProgress:
        """As far as is known here, or else at the plane. Raises NOT_FOUND."""
        held = self._store.find(enrolment_id)
        if held is not None and held.enrolment.gallery == gallery and not _is_doubtful(held):
            return held
        deadline = Deadline.after(self._limits.call_seconds)
        return _progress(
            self._planes.of(gallery, deadline).enrolment(gallery, enrolment_id, deadline)
        )

    def own(self, caller: Caller, gallery: str, enrolment_id: str) -> EnrolmentProgress:
        """For the gallery's custodians, and for operators. Raises NOT_FOUND, ROLE_MISSING."""
        parse_jurisdiction(gallery, "gallery")
        if Role.OPERATOR not in caller.claims.roles:
            caller.require_custodian(gallery)
        return self.progress(gallery, enrolment_id)

    def _submit(self, plane: Plane, gallery: str, brought: Brought, deadline: Deadline) -> None:
        ticket = brought.ticket
        ref = EnrolmentRef(gallery, ticket.enrolment_id, ticket.generation)
        self._store.expect(ref, ticket.model_id)
        submissions = self._intake.take(gallery, (brought,), deadline)
        plane.submit_enrolments(gallery, submissions, deadline)
        self._reached(write_points.ENROLMENT_SUBMITTED)

    def _enrolling(self, plane: Plane, gallery: str, begun: Begun, deadline: Deadline) -> Enrolling:
        if begun.state is BeginState.UNCHANGED:
            live = _progress(plane.enrolment(gallery, begun.enrolment_id, deadline))
            return Enrolling(live, begun.duplicate, unchanged=True)
        return Enrolling(self.progress(gallery, begun.enrolment_id), begun.duplicate)


def _is_doubtful(held: EnrolmentProgress) -> bool:
    """Detection says so too of a portrait that it is given once more when the record is live and
    the copy cleared away: after a crash, or when the bus has shared out its partitions anew. Which
    of the two it is, the plane knows.
    """
    return held.status is EnrolmentStatus.REJECTED and held.code is ErrorCode.IMAGE_MISSING


def _refused(begun: Begun) -> OnRecordError:
    code = begun.code or ErrorCode.INTERNAL
    field = "record_id" if code is ErrorCode.RECORD_ID_INVALID else None
    return OnRecordError(code, "the plane does not take this record", field=field)


def _progress(state: EnrolmentState) -> EnrolmentProgress:
    return EnrolmentProgress(
        EnrolmentRef(state.gallery, state.enrolment_id, state.generation),
        state.status,
        state.model_id,
        state.code,
        state.message,
        changed_at=state.ended_at or state.requested_at,
    )
