"""Manifests, their chunks and rows, to messages and back."""

from collections.abc import Sequence

from onrecord.contracts.enrolment import (
    ChunkRef,
    ChunkState,
    ManifestRow,
    ManifestState,
    RowStatus,
)
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import ManifestAct
from onrecord.proof.manifests import Row
from onrecord.rpc.enrolment import chunk_ref_message, read_chunk_ref, read_time
from onrecord.rpc.fields import malformed, read_all, read_field, read_word
from onrecord.rpc.v1 import enrolment_pb2 as pb
from onrecord.rpc.values import attestation_message, read_attestation


def chunk_rows_message(chunk: ChunkRef, rows: Sequence[Row]) -> pb.PutChunkRequest:
    return pb.PutChunkRequest(
        chunk=chunk_ref_message(chunk), rows=[_line_message(row) for row in rows]
    )


def read_chunk_rows(message: pb.PutChunkRequest) -> tuple[ChunkRef, tuple[Row, ...]]:
    return (
        read_field(message, "chunk", read_chunk_ref),
        read_all(message.rows, "rows", _read_line),
    )


def chunk_state_message(state: ChunkState) -> pb.ChunkState:
    return pb.ChunkState(
        number=state.number,
        rows=state.rows,
        delivered=state.delivered,
        counts=[
            pb.RowCount(status=status.value, rows=rows)
            for status, rows in sorted(state.counts.items())
        ],
        duplicates=state.duplicates,
        change=None if state.change is None else attestation_message(state.change),
    )


def read_chunk_state(message: pb.ChunkState) -> ChunkState:
    counts = {read_word(one.status, "counts", RowStatus): one.rows for one in message.counts}
    if len(counts) != len(message.counts):
        raise malformed("counts", "a status is counted twice")
    has_change = message.HasField("change")
    return ChunkState(
        number=message.number,
        rows=message.rows,
        delivered=message.delivered,
        counts=counts,
        duplicates=message.duplicates,
        change=read_field(message, "change", read_attestation) if has_change else None,
    )


def manifest_state_message(state: ManifestState) -> pb.ManifestState:
    return pb.ManifestState(
        manifest_id=state.manifest_id,
        gallery=state.gallery,
        act=state.act.value,
        rows=state.rows,
        chunk_rows=state.chunk_rows,
        opened_at=format_time(state.opened_at),
        chunks=[chunk_state_message(one) for one in state.chunks],
        live=state.live,
    )


def read_manifest_state(message: pb.ManifestState) -> ManifestState:
    return ManifestState(
        manifest_id=message.manifest_id,
        gallery=message.gallery,
        act=read_word(message.act, "act", ManifestAct),
        rows=message.rows,
        chunk_rows=message.chunk_rows,
        opened_at=read_time(message.opened_at, "opened_at"),
        chunks=read_all(message.chunks, "chunks", read_chunk_state),
        live=message.live if message.HasField("live") else None,
    )


def rows_wanted_message(
    chunk: ChunkRef, statuses: Sequence[RowStatus], after: int, limit: int
) -> pb.ListManifestRowsRequest:
    return pb.ListManifestRowsRequest(
        chunk=chunk_ref_message(chunk),
        statuses=[one.value for one in statuses],
        after=after,
        limit=limit,
    )


def read_statuses(message: pb.ListManifestRowsRequest) -> tuple[RowStatus, ...]:
    return tuple(read_word(one, "statuses", RowStatus) for one in message.statuses)


def manifest_rows_message(rows: Sequence[ManifestRow]) -> pb.ListManifestRowsResponse:
    return pb.ListManifestRowsResponse(
        rows=[
            pb.ManifestRow(
                row=one.row,
                content=_line_message(one.content),
                status=one.status.value,
                enrolment_id=one.enrolment_id,
                code=one.code,
                duplicate=one.duplicate,
            )
            for one in rows
        ]
    )


def read_manifest_rows(message: pb.ListManifestRowsResponse) -> tuple[ManifestRow, ...]:
    return read_all(message.rows, "rows", _read_manifest_row)


def _read_manifest_row(message: pb.ManifestRow) -> ManifestRow:
    return ManifestRow(
        row=message.row,
        content=read_field(message, "content", _read_line),
        status=read_word(message.status, "status", RowStatus),
        enrolment_id=message.enrolment_id,
        code=read_word(message.code, "code", ErrorCode) if message.HasField("code") else None,
        duplicate=message.duplicate,
    )


def _line_message(row: Row) -> pb.ManifestLine:
    return pb.ManifestLine(record_id=row.record_id, image_sha256=row.image_sha256, path=row.path)


def _read_line(message: pb.ManifestLine) -> Row:
    return Row(message.record_id, message.image_sha256, message.path)
