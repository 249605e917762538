"""Lists that a state has signed: taken up, brought a chunk at a time, gone on with (R-42)."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from onrecord.contracts.enrolment import (
    BeginState,
    Begun,
    ChunkRef,
    ChunkState,
    EnrolmentBatch,
    EnrolmentStart,
    ManifestRow,
    ManifestState,
    RowStatus,
)
from onrecord.contracts.field_reading import invalid
from onrecord.contracts.request_parsing import parse_jurisdiction
from onrecord.contracts.vector_search import Plane
from onrecord.gateway.callers import Caller
from onrecord.gateway.core import write_points
from onrecord.gateway.core.image_type import UNKNOWN, media_type
from onrecord.gateway.core.manifest_parts import BroughtRows
from onrecord.gateway.intake import Brought, Intake
from onrecord.gateway.limits import Limits
from onrecord.gateway.planes import PlaneDirectory
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import ManifestAct, Role
from onrecord.kernel.writepoints import WritePoint
from onrecord.proof.manifests import Row, read_header

_KNOWN = 1024


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What became of a row that was brought. `code` where it is rejected."""

    row: int
    status: RowStatus
    enrolment_id: str
    code: ErrorCode | None
    duplicate: bool


class Manifests:
    """Everything may be repeated; rows that have gone on stay where they are."""

    def __init__(
        self, *, planes: PlaneDirectory, intake: Intake, limits: Limits, reached: WritePoint
    ) -> None:
        self._planes = planes
        self._intake = intake
        self._limits = limits
        self._reached = reached
        # Which gallery and act a manifest is of: signed, so it never changes.
        self._known: OrderedDict[str, tuple[str, ManifestAct]] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, caller: Caller, gallery: str, header: bytes, signature: str) -> ManifestState:
        """Take up a list. Raises MANIFEST_INVALID, SIGNATURE_INVALID, ROLE_MISSING,
        CALLER_NOT_ALLOWED, GALLERY_UNKNOWN.
        """
        parse_jurisdiction(gallery, "gallery")
        caller.require_custodian(gallery)
        if read_header(header).gallery != gallery:
            raise OnRecordError(
                ErrorCode.MANIFEST_INVALID,
                f"the manifest is for another gallery than {gallery}",
                field="gallery",
            )
        deadline = Deadline.after(self._limits.search_seconds)
        plane = self._planes.of(gallery, deadline)
        opened = plane.open_manifest(header, signature, caller.token, deadline)
        self._reached(write_points.MANIFEST_OPENED)
        return opened

    def state(self, caller: Caller, gallery: str, manifest_id: str) -> ManifestState:
        """Raises NOT_FOUND, ROLE_MISSING, CALLER_NOT_ALLOWED."""
        deadline = Deadline.after(self._limits.search_seconds)
        return self._of(caller, gallery, manifest_id, deadline).manifest(manifest_id, deadline)

    def put_chunk(
        self, caller: Caller, gallery: str, chunk: ChunkRef, rows: Sequence[Row]
    ) -> ChunkState:
        """The rows of a chunk; of a list of deletions, carried out when it returns.

        Raises MANIFEST_CHANGED where they are not those the state has signed.
        """
        deadline = Deadline.after(self._limits.chunk_seconds)
        plane = self._of(caller, gallery, chunk.manifest_id, deadline)
        state = plane.put_chunk(chunk, rows, deadline)
        self._reached(write_points.CHUNK_PUT)
        return state

    def rows(
        self,
        caller: Caller,
        gallery: str,
        chunk: ChunkRef,
        statuses: Sequence[RowStatus],
        after: int,
        limit: int,
    ) -> tuple[ManifestRow, ...]:
        """Rows of a chunk in these states, or, with none named, the duplicates among them."""
        deadline = Deadline.after(self._limits.call_seconds)
        plane = self._of(caller, gallery, chunk.manifest_id, deadline)
        return plane.manifest_rows(chunk, statuses, after, limit, deadline)

    def bring(
        self, caller: Caller, gallery: str, chunk: ChunkRef, brought: BroughtRows
    ) -> tuple[RowOutcome, ...]:
        """Portraits for some rows of a chunk, and why others have none; one outcome a row.

        Each image is held against the hash the state has signed. Raises MANIFEST_STATE for rows
        whose chunk has not been put, STORAGE_FULL and *_UNAVAILABLE; then bring the same again.
        """
        deadline = Deadline.after(self._limits.search_seconds)
        plane = self._of(caller, gallery, chunk.manifest_id, deadline)
        rows = self._named(plane, chunk, brought, deadline)
        awaited = [one for one in rows if one.status is RowStatus.AWAITED]
        outcomes = {one.row: _standing(one) for one in rows}
        if awaited:
            starts = tuple(_start(one, brought) for one in awaited)
            begun = plane.begin_enrolments(
                EnrolmentBatch(gallery, starts, chunk), caller.token, deadline
            )
            self._reached(write_points.ENROLMENT_BEGUN)
            self._submit(plane, gallery, starts, begun, brought, deadline)
            for one, answer in zip(awaited, begun, strict=True):
                outcomes[one.row] = _outcome(one.row, answer)
        return tuple(outcomes[number] for number in sorted(outcomes))

    def _submit(
        self,
        plane: Plane,
        gallery: str,
        starts: Sequence[EnrolmentStart],
        begun: Sequence[Begun],
        brought: BroughtRows,
        deadline: Deadline,
    ) -> None:
        taken = [
            Brought(answer.ticket, start.image_sha256, brought.portraits[start.row])
            for start, answer in zip(starts, begun, strict=True)
            if answer.ticket is not None and start.row is not None and start.problem is None
        ]
        if taken:
            submissions = self._intake.take(gallery, taken, deadline)
            plane.submit_enrolments(gallery, submissions, deadline)
            self._reached(write_points.ENROLMENT_SUBMITTED)

    def _named(
        self, plane: Plane, chunk: ChunkRef, brought: BroughtRows, deadline: Deadline
    ) -> list[ManifestRow]:
        """The plane's own rows under the numbers that were brought: what the state has signed."""
        numbers = brought.numbers
        first, last = numbers[0], numbers[-1]
        span = last - first + 1
        if span > self._limits.batch_span:
            raise invalid("rows", f"may be at most {self._limits.batch_span} apart in one call")
        wanted = set(numbers)
        rows: list[ManifestRow] = []
        after = first - 1
        # The plane hands out so many at once, and rows that were brought may be far apart.
        while after < last:
            found = plane.manifest_rows(chunk, tuple(RowStatus), after, last - after, deadline)
            if not found:
                break
            rows += [one for one in found if one.row in wanted]
            after = found[-1].row
        missing = wanted - {one.row for one in rows}
        if missing and not self._delivered(plane, chunk, deadline):
            raise OnRecordError(
                ErrorCode.MANIFEST_STATE,
                f"the rows of chunk {chunk.chunk} have not been put yet",
                field="chunk",
            )
        return rows

    def _delivered(self, plane: Plane, chunk: ChunkRef, deadline: Deadline) -> bool:
        chunks = plane.manifest(chunk.manifest_id, deadline).chunks
        return any(one.number == chunk.chunk and one.delivered for one in chunks)

    def _of(self, caller: Caller, gallery: str, manifest_id: str, deadline: Deadline) -> Plane:
        """The plane, if the manifest is this gallery's and the caller its custodian or operator."""
        parse_jurisdiction(gallery, "gallery")
        if Role.OPERATOR not in caller.claims.roles:
            caller.require_custodian(gallery)
        plane = self._planes.of(gallery, deadline)
        with self._lock:
            known = self._known.get(manifest_id)
        if known is None:
            state = plane.manifest(manifest_id, deadline)
            known = (state.gallery, state.act)
            with self._lock:
                self._known[manifest_id] = known
                while len(self._known) > _KNOWN:
                    self._known.popitem(last=False)
        if known[0] != gallery:
            raise OnRecordError(ErrorCode.NOT_FOUND, "there is no such manifest in this gallery")
        return plane


def _start(one: ManifestRow, brought: BroughtRows) -> EnrolmentStart:
    said = one.content
    problem = brought.problems.get(one.row)
    portrait = brought.portraits.get(one.row)
    if portrait is not None:
        problem = _problem(portrait, said.image_sha256)
    return EnrolmentStart(said.record_id, said.image_sha256, one.row, problem)


def _problem(portrait: bytes, image_sha256: str) -> ErrorCode | None:
    """Why these bytes are not taken any further; what else is wrong with them, detection finds.

    Bytes of no kind that is decoded are refused before they are sealed, stored and sent on.
    """
    if hashlib.sha256(portrait).hexdigest() != image_sha256:
        return ErrorCode.IMAGE_HASH_MISMATCH
    if not portrait:
        return ErrorCode.IMAGE_EMPTY
    if media_type(portrait) == UNKNOWN:
        return ErrorCode.IMAGE_TYPE_UNSUPPORTED
    return None


def _standing(one: ManifestRow) -> RowOutcome:
    return RowOutcome(one.row, one.status, one.enrolment_id, one.code, one.duplicate)


_STATUS = {
    BeginState.BEGUN: RowStatus.PROCESSING,
    BeginState.SUBMITTED: RowStatus.PROCESSING,
    BeginState.UNCHANGED: RowStatus.UNCHANGED,
    BeginState.REJECTED: RowStatus.REJECTED,
}


def _outcome(row: int, begun: Begun) -> RowOutcome:
    return RowOutcome(row, _STATUS[begun.state], begun.enrolment_id, begun.code, begun.duplicate)
