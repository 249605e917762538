"""Rows of a signed list that are begun: whether they may be, and what is kept of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from onrecord.chassis.sealing import new_data_key
from onrecord.contracts.enrolment import (
    BeginState,
    Begun,
    ChunkRef,
    EnrolmentBatch,
    EnrolmentStart,
    RowStatus,
)
from onrecord.contracts.events import Event
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import ManifestAct
from onrecord.vector_search.core import write_points
from onrecord.vector_search.core.statements import committed
from onrecord.vector_search.core.values import Gallery, RecordRow
from onrecord.vector_search.roster import manifest_rows, manifests, records
from onrecord.vector_search.roster.manifest_rows import HeldRow, RowEnd
from onrecord.vector_search.service.ending import Endings, Rejected
from onrecord.vector_search.service.parts import PlaneParts


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows of a batch as they stand, and their enrolments, by number."""

    ref: ChunkRef
    manifest: manifests.Manifest
    chunk: manifests.Chunk
    held: dict[int, HeldRow]
    enrolments: dict[int, RecordRow]

    def answered(self, start: EnrolmentStart) -> Begun | None:
        """What a start was answered before; None where it is to be begun now.

        BEGUN without a ticket: there is an enrolment, and it has not ended.
        """
        row = self.held.get(start.row or 0)
        if row is None:  # forgotten with its closed chunk: it ended well
            enrolment = self.enrolments.get(start.row or 0)
            if enrolment is None:
                return Begun(BeginState.UNCHANGED, "")
            return Begun(BeginState.SUBMITTED, enrolment.enrolment_id)
        match row.status:
            case RowStatus.AWAITED if not row.enrolment_id:
                return None
            case RowStatus.AWAITED:
                return Begun(BeginState.BEGUN, row.enrolment_id, duplicate=row.duplicate)
            case RowStatus.PROCESSING:
                return Begun(BeginState.BEGUN, row.enrolment_id, duplicate=row.duplicate)
            case RowStatus.ACCEPTED:
                return Begun(BeginState.SUBMITTED, row.enrolment_id, duplicate=row.duplicate)
            case RowStatus.UNCHANGED:
                return Begun(BeginState.UNCHANGED, row.enrolment_id)
            case _:
                return Begun(BeginState.REJECTED, row.enrolment_id, code=row.code)


class RowsOfChunk:
    """Holds a batch against what the state has signed."""

    def __init__(self, parts: PlaneParts) -> None:
        self._parts = parts
        self._endings = Endings(parts)

    def of(self, tx: Connection, batch: EnrolmentBatch) -> Batch | None:
        """The rows of the batch, or None outside a manifest.

        Raises NOT_FOUND, MANIFEST_STATE, MANIFEST_CHANGED.
        """
        if batch.chunk is None:
            return None
        manifest = manifests.find(tx, batch.chunk.manifest_id)
        if manifest is None or manifest.gallery != batch.gallery:
            raise OnRecordError(ErrorCode.NOT_FOUND, f"{batch.gallery} has no such manifest")
        chunk = manifests.find_chunk(tx, manifest.manifest_id, batch.chunk.chunk)
        if manifest.act is not ManifestAct.ENROL or chunk is None or not chunk.delivered:
            raise OnRecordError(
                ErrorCode.MANIFEST_STATE, "the rows of that chunk have not been brought to enrol"
            )
        numbers = {start.row or 0 for start in batch.starts}
        if len(numbers) < len(batch.starts):
            raise OnRecordError(ErrorCode.FIELD_INVALID, "a row is named twice", field="starts")
        held = manifest_rows.find(tx, manifest.manifest_id, numbers)
        for start in batch.starts:
            _check(start, held.get(start.row or 0), batch.chunk, closed=chunk.change is not None)
        return Batch(
            batch.chunk,
            manifest,
            chunk,
            held,
            records.of_manifest_rows(tx, manifest.manifest_id, numbers),
        )

    def write(
        self,
        tx: Connection,
        gallery: Gallery,
        batch: Batch | None,
        starts: Sequence[EnrolmentStart],
        begun: Sequence[Begun],
        now: datetime,
    ) -> list[Event]:
        """Keep what the batch came to, and close the chunk where nothing of it is left."""
        if batch is None or batch.chunk.change is not None:
            return []
        started, ended, withdrawn = [], [], []
        for start, one in zip(starts, begun, strict=True):
            number = start.row or 0
            row = batch.held.get(number)
            if row is None or not row.open:
                continue
            enrolment = batch.enrolments.get(number)
            if one.state is BeginState.REJECTED and enrolment is not None:
                code = one.code or ErrorCode.INTERNAL
                records.make_gone(tx, [enrolment.enrolment_id], now, code, "no portrait came")
                withdrawn.append(Rejected(enrolment, code, "no portrait came"))
            elif one.state is BeginState.REJECTED:
                ended.append(self._rejected(batch, row, one.code or ErrorCode.INTERNAL))
            elif one.state is BeginState.UNCHANGED:
                ended.append(RowEnd(row.manifest_id, number, RowStatus.UNCHANGED, None))
            elif one.state is BeginState.BEGUN and not row.enrolment_id:
                started.append((number, one.enrolment_id, one.duplicate))
        manifest_rows.begin(tx, batch.ref.manifest_id, started)
        self._parts.reached(write_points.ROWS_ENDED)
        manifest_rows.end(tx, ended)
        events = self._endings.write(tx, gallery, (), withdrawn, now) if withdrawn else []
        if ended:
            events.extend(self._endings.close_if_ended(tx, gallery, batch.ref, now))
        return events

    def _rejected(self, batch: Batch, row: HeldRow, code: ErrorCode) -> RowEnd:
        key = batch.manifest.secret or new_data_key()
        content = row.content
        said = committed(key, batch.chunk.salt, content.record_id, content.image_sha256, code)
        return RowEnd(row.manifest_id, row.row, RowStatus.REJECTED, said.leaf.hex(), code)


def _check(start: EnrolmentStart, row: HeldRow | None, chunk: ChunkRef, *, closed: bool) -> None:
    if row is None or row.chunk != chunk.chunk:
        if closed and row is None and start.row is not None:
            return  # forgotten, and nothing can come of it
        raise _changed(start)
    if not row.content.record_id and not row.open:
        return  # its words were destroyed with the record
    if (start.record_id, start.image_sha256) != (row.content.record_id, row.content.image_sha256):
        raise _changed(start)


def _changed(start: EnrolmentStart) -> OnRecordError:
    return OnRecordError(
        ErrorCode.MANIFEST_CHANGED,
        "a row is not as the state has signed it",
        field="row",
        details={} if start.row is None else {"row": start.row},
    )
