"""How the fake plane fills, changes and empties its galleries. It keeps the contract in memory.

What is submitted is opened from both stores with the plane's own keys, and its end is published on
the bus at once, or, while `held_back` is set, when `work` is called.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from onrecord.chassis.bus.ports import Publisher
from onrecord.chassis.objects import ObjectStore
from onrecord.chassis.sealing import GalleryKey, Sealed, decrypt, open_sealed
from onrecord.contracts import events
from onrecord.contracts.enrolment import (
    BeginState,
    Begun,
    ChunkRef,
    ChunkState,
    Deletion,
    EnrolmentBatch,
    EnrolmentStart,
    EnrolmentState,
    EnrolmentTicket,
    GalleryCheck,
    ManifestRow,
    ManifestState,
    Redriven,
    RowStatus,
    Submission,
    TransportKey,
    portrait_aad,
)
from onrecord.contracts.events import EnrolmentRef, ingest_object_key, transport_aad
from onrecord.events.messages import message_of
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import Clock, format_time
from onrecord.kernel.vocabulary import EnrolmentStatus, ManifestAct
from onrecord.proof import canonical, statements
from onrecord.proof.attestation import Attestation
from onrecord.proof.authority import key_name
from onrecord.proof.manifests import (
    ManifestHeader,
    Row,
    check_chunk,
    manifest_id,
    verify_manifest,
)
from onrecord.proof.notes import NoteSigner

_ENDS = (RowStatus.ACCEPTED, RowStatus.UNCHANGED, RowStatus.REJECTED)


def stated(body: dict[str, Any]) -> Attestation:
    """A statement without a signature."""
    return Attestation(canonical.encode(body), b"", ())


@dataclass(slots=True)
class HeldEnrolment:
    ref: EnrolmentRef
    start: EnrolmentStart
    model_id: str
    chunk: ChunkRef | None
    status: EnrolmentStatus = EnrolmentStatus.REQUESTED
    submission: Submission | None = None
    code: ErrorCode | None = None
    duplicate: bool = False


@dataclass(slots=True)
class HeldManifest:
    header: ManifestHeader
    rows: dict[int, list[ManifestRow]] = field(default_factory=dict)


class FakeEnrolling:
    """Mixed into the fake plane, which says what models and keys its galleries have."""

    keys: dict[str, GalleryKey]

    def __init__(self, clock: Clock) -> None:
        self.authorities: dict[str, NoteSigner] = {}
        self.enrolled: dict[str, HeldEnrolment] = {}
        self.manifests: dict[str, HeldManifest] = {}
        self.removed_unknown: list[int] = []
        self.deleted: dict[tuple[str, str], Deletion] = {}
        self.redriven: list[str] = []
        self.held_back = False
        self.waiting: list[str] = []
        self.refusals: dict[bytes, tuple[ErrorCode, dict[str, int]]] = {}
        self.full = False
        self._time = clock

    def attach(self, publisher: Publisher, vault: ObjectStore, ingest: ObjectStore) -> None:
        self._publisher, self._vault, self._ingest = publisher, vault, ingest

    def authority(self, gallery: str) -> NoteSigner:
        """The state's own key."""
        if gallery not in self.authorities:
            self.authorities[gallery] = NoteSigner.generate(key_name(gallery))
        return self.authorities[gallery]

    def model_of(self, gallery: str) -> str:
        raise NotImplementedError

    def make_live(self, gallery: str, record_id: str, portrait: bytes) -> None:
        raise NotImplementedError

    def remove(self, gallery: str, record_id: str) -> bool:
        raise NotImplementedError

    def transport_key(self, gallery: str, key_id: str | None, deadline: Deadline) -> TransportKey:
        now = self._time.now()
        key = hashlib.sha256(gallery.encode()).digest()
        return TransportKey(gallery, "key-1", key, now + timedelta(days=1), now + timedelta(days=2))

    def begin_enrolments(
        self, batch: EnrolmentBatch, user_token: str, deadline: Deadline
    ) -> tuple[Begun, ...]:
        return tuple(self._begin(batch, start) for start in batch.starts)

    def submit_enrolments(
        self, gallery: str, submissions: Sequence[Submission], deadline: Deadline
    ) -> None:
        if self.full:
            raise OnRecordError(ErrorCode.STORAGE_FULL, "the bus has no room left")
        for one in submissions:
            held = self._held(gallery, one.enrolment_id)
            if held.submission is None:
                held.submission = one
                self._mark(held, RowStatus.PROCESSING)
                self.waiting.append(one.enrolment_id)
        if not self.held_back:
            self.work()

    def enrolment(self, gallery: str, enrolment_id: str, deadline: Deadline) -> EnrolmentState:
        held = self._held(gallery, enrolment_id)
        now = self._time.now()
        return EnrolmentState(
            gallery=gallery,
            enrolment_id=enrolment_id,
            generation=held.ref.generation,
            model_id=held.model_id,
            status=held.status,
            requested_at=now,
            ended_at=now if held.status is EnrolmentStatus.LIVE else None,
            code=held.code,
            message="",
            duplicate=held.duplicate,
        )

    def work(self) -> None:
        """Detection, embedding and the plane do their work on what waits."""
        waiting, self.waiting = self.waiting, []
        for enrolment_id in waiting:
            self._work(self.enrolled[enrolment_id])

    def open_manifest(
        self, header: bytes, signature: str, user_token: str, deadline: Deadline
    ) -> ManifestState:
        known = [signer.verifier for signer in self.authorities.values()]
        read = verify_manifest(header, signature, known)
        self.manifests.setdefault(manifest_id(header), HeldManifest(read))
        return self.manifest(manifest_id(header), deadline)

    def put_chunk(self, chunk: ChunkRef, rows: Sequence[Row], deadline: Deadline) -> ChunkState:
        held = self._manifest(chunk.manifest_id)
        check_chunk(held.header, chunk.chunk, rows)
        if chunk.chunk not in held.rows:
            seen = {one.content.record_id for listed in held.rows.values() for one in listed}
            first = held.header.first_row(chunk.chunk)
            held.rows[chunk.chunk] = [
                self._row(held.header, first + place, row, seen) for place, row in enumerate(rows)
            ]
        return self._chunk(held, chunk.chunk)

    def manifest(self, manifest_id: str, deadline: Deadline) -> ManifestState:
        held = self._manifest(manifest_id)
        header = held.header
        chunks = tuple(self._chunk(held, number) for number in range(len(header.chunks)))
        state = ManifestState(
            manifest_id,
            header.gallery,
            header.act,
            header.rows,
            header.chunk_rows,
            self._time.now(),
            chunks,
        )
        if not state.complete or header.act is not ManifestAct.ENROL:
            return state
        live = [
            one
            for one in self.enrolled.values()
            if one.chunk is not None
            and one.chunk.manifest_id == manifest_id
            and one.status is EnrolmentStatus.LIVE
            and (header.gallery, one.start.record_id) not in self.deleted
        ]
        return replace(state, live=len(live))

    def manifest_rows(
        self,
        chunk: ChunkRef,
        statuses: Sequence[RowStatus],
        after: int,
        limit: int,
        deadline: Deadline,
    ) -> tuple[ManifestRow, ...]:
        rows = self._manifest(chunk.manifest_id).rows.get(chunk.chunk, [])
        wanted = [
            one
            for one in rows
            if one.row > after and (one.status in statuses if statuses else one.duplicate)
        ]
        return tuple(wanted[: min(limit, 1000)])

    def delete_record(
        self, gallery: str, record_id: str, user_token: str, deadline: Deadline
    ) -> Deletion:
        if (gallery, record_id) in self.deleted:
            return self.deleted[gallery, record_id]
        if not self.remove(gallery, record_id):
            raise OnRecordError(ErrorCode.NOT_FOUND, "there never was such a record")
        now = self._time.now()
        said = stated({"type": statements.RECORD_DELETED, "gallery": gallery})
        receipt = Deletion(gallery, 1, now, None, now + timedelta(days=30), said, None)
        self.deleted[gallery, record_id] = receipt
        return receipt

    def deletion(
        self, gallery: str, record_id: str, user_token: str, deadline: Deadline
    ) -> Deletion:
        if (gallery, record_id) not in self.deleted:
            raise OnRecordError(ErrorCode.NOT_FOUND, "it was not deleted")
        return self.deleted[gallery, record_id]

    def check_gallery(
        self,
        gallery: str,
        repair: bool,
        user_token: str,
        remove_unknown: int | None,
        deadline: Deadline,
    ) -> GalleryCheck:
        if remove_unknown is not None:
            self.removed_unknown.append(remove_unknown)
        return GalleryCheck(
            gallery, 3, 2, 1, 0, 0, 1 if repair else 0, 0 if self.removed_unknown else 2
        )

    def redrive(
        self, gallery: str, enrolment_ids: Sequence[str], user_token: str, deadline: Deadline
    ) -> tuple[Redriven, ...]:
        answers = []
        for one in enrolment_ids:
            known = one in self.enrolled
            answers.append(Redriven(one, None if known else ErrorCode.NOT_FOUND))
            if known:
                self.redriven.append(one)
                self.waiting.append(one)
        if not self.held_back:
            self.work()
        return tuple(answers)

    def _begin(self, batch: EnrolmentBatch, start: EnrolmentStart) -> Begun:
        gallery = batch.gallery
        if not 1 <= len(start.record_id) <= 128:
            return Begun(BeginState.REJECTED, "", code=ErrorCode.RECORD_ID_INVALID)
        same = [
            held
            for held in self.enrolled.values()
            if held.ref.gallery == gallery and held.start.record_id == start.record_id
        ]
        for held in same:
            if held.start == start and held.chunk == batch.chunk and held.submission is None:
                return Begun(BeginState.BEGUN, held.ref.enrolment_id, ticket=self._ticket(held))
            if held.start.image_sha256 == start.image_sha256:
                if held.status is EnrolmentStatus.LIVE:
                    self._mark_row(batch.chunk, start.row, RowStatus.UNCHANGED)
                    return Begun(BeginState.UNCHANGED, held.ref.enrolment_id)
                if held.status is not EnrolmentStatus.REJECTED:
                    return Begun(BeginState.SUBMITTED, held.ref.enrolment_id)
        if start.problem is not None:
            self._mark_row(batch.chunk, start.row, RowStatus.REJECTED, start.problem)
            return Begun(BeginState.REJECTED, "", code=start.problem)
        ref = EnrolmentRef(gallery, f"enrolment-{len(self.enrolled)}", len(same) + 1)
        held = HeldEnrolment(ref, start, self.model_of(gallery), batch.chunk)
        held.duplicate = any(
            other.start.image_sha256 == start.image_sha256 for other in self.enrolled.values()
        )
        self.enrolled[ref.enrolment_id] = held
        return Begun(
            BeginState.BEGUN, ref.enrolment_id, self._ticket(held), duplicate=held.duplicate
        )

    def _ticket(self, held: HeldEnrolment) -> EnrolmentTicket:
        body = {"type": statements.ENROLMENT_TICKET, "image_sha256": held.start.image_sha256}
        ref = held.ref
        public = self.keys[ref.gallery].public
        return EnrolmentTicket(
            ref.enrolment_id, ref.generation, public, held.model_id, stated(body)
        )

    def _work(self, held: HeldEnrolment) -> None:
        portrait = self._opened(held)
        now = self._time.now()
        refused = self.refusals.get(portrait)
        if refused is not None:
            held.status, held.code = EnrolmentStatus.REJECTED, refused[0]
            self._mark(held, RowStatus.REJECTED, refused[0])
            said = stated({"type": statements.DETECTION_REFUSED, "details": refused[1]})
            event: events.Event = events.EnrolmentRejected(
                held.ref, refused[0], "not usable", now, said
            )
        else:
            held.status = EnrolmentStatus.LIVE
            self._mark(held, RowStatus.ACCEPTED)
            self.make_live(held.ref.gallery, held.start.record_id, portrait)
            event = events.RecordEnrolled(held.ref, held.model_id, now)
        self._publisher.publish([message_of(event)], Deadline.after(10))

    def _opened(self, held: HeldEnrolment) -> bytes:
        """The portrait, from the vault and from the copy for the way: the same in both."""
        assert held.submission is not None
        ref, digest = held.ref, held.start.image_sha256
        vault = held.submission.vault
        sealed = Sealed(self._vault.get(vault.object_key), vault.wrapped_key)
        assert hashlib.sha256(sealed.ciphertext).hexdigest() == vault.ciphertext_sha256
        about = portrait_aad(ref.gallery, ref.enrolment_id, digest)
        portrait = open_sealed(self.keys[ref.gallery].private, sealed, about)
        moving = self._ingest.get(ingest_object_key(ref.gallery, ref.enrolment_id))
        key = self.transport_key(ref.gallery, held.submission.key_id, Deadline.after(1)).key
        assert decrypt(key, moving, transport_aad("portrait", ref)) == portrait
        assert hashlib.sha256(portrait).hexdigest() == digest
        return portrait

    def _row(self, header: ManifestHeader, number: int, row: Row, seen: set[str]) -> ManifestRow:
        status, code = RowStatus.AWAITED, None
        if not 1 <= len(row.record_id) <= 128:
            status, code = RowStatus.REJECTED, ErrorCode.RECORD_ID_INVALID
        elif row.record_id in seen:
            status, code = RowStatus.REJECTED, ErrorCode.ROW_DUPLICATE
        elif header.act is ManifestAct.DELETE:
            gone = self.remove(header.gallery, row.record_id)
            status = RowStatus.DELETED if gone else RowStatus.UNKNOWN
        seen.add(row.record_id)
        return ManifestRow(number, row, status, "", code, False)

    def _chunk(self, held: HeldManifest, number: int) -> ChunkState:
        rows = held.rows.get(number)
        if rows is None:
            return ChunkState(number, held.header.rows_in(number), False, {}, 0, None)
        counts: dict[RowStatus, int] = {}
        for one in rows:
            counts[one.status] = counts.get(one.status, 0) + 1
        open_rows = counts.get(RowStatus.AWAITED, 0) + counts.get(RowStatus.PROCESSING, 0)
        body = {"type": statements.GALLERY_CHANGED, "time": format_time(self._time.now())}
        change = None if open_rows else stated(body)
        duplicates = sum(one.duplicate for one in rows)
        return ChunkState(number, len(rows), True, counts, duplicates, change)

    def _mark(self, held: HeldEnrolment, status: RowStatus, code: ErrorCode | None = None) -> None:
        self._mark_row(held.chunk, held.start.row, status, code, held)

    def _mark_row(
        self,
        chunk: ChunkRef | None,
        row: int | None,
        status: RowStatus,
        code: ErrorCode | None = None,
        held: HeldEnrolment | None = None,
    ) -> None:
        if chunk is None or row is None:
            return
        rows = self.manifests[chunk.manifest_id].rows[chunk.chunk]
        for place, one in enumerate(rows):
            if one.row == row:
                identity = "" if held is None else held.ref.enrolment_id
                duplicate = held is not None and held.duplicate
                rows[place] = ManifestRow(row, one.content, status, identity, code, duplicate)

    def _held(self, gallery: str, enrolment_id: str) -> HeldEnrolment:
        held = self.enrolled.get(enrolment_id)
        if held is None or held.ref.gallery != gallery:
            raise OnRecordError(ErrorCode.NOT_FOUND, "there is no such enrolment")
        return held

    def _manifest(self, identity: str) -> HeldManifest:
        if identity not in self.manifests:
            raise OnRecordError(ErrorCode.NOT_FOUND, "there is no such manifest")
        return self.manifests[identity]
