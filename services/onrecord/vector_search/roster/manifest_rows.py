"""The rows of a state's list, and what became of each."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, insert, select, update
from sqlalchemy import delete as delete_from

from onrecord.contracts.enrolment import ChunkRef, ManifestRow, RowStatus
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.vocabulary import ManifestAct
from onrecord.proof import manifests as signed
from onrecord.vector_search.roster.schema import deletions, manifest_rows, manifests

OPEN = (RowStatus.AWAITED, RowStatus.PROCESSING)
_IN_ONE_QUERY = 500
_ADD = insert(manifest_rows)
_BEGIN = (
    update(manifest_rows)
    .where(manifest_rows.c.manifest_id == bindparam("of"), manifest_rows.c.row == bindparam("at"))
    .values(enrolment_id=bindparam("enrolment"), duplicate=bindparam("twice"))
)
_BROUGHT = (
    update(manifest_rows)
    .where(
        manifest_rows.c.manifest_id == bindparam("of"),
        manifest_rows.c.row == bindparam("at"),
        manifest_rows.c.status == RowStatus.AWAITED.value,
    )
    .values(status=RowStatus.PROCESSING.value)
)
_END = (
    update(manifest_rows)
    .where(manifest_rows.c.manifest_id == bindparam("of"), manifest_rows.c.row == bindparam("at"))
    .values(status=bindparam("now"), code=bindparam("why"), leaf=bindparam("hash"))
)


@dataclass(frozen=True, slots=True)
class HeldRow:
    """A row as it stands here. `leaf` (hexadecimal) once it has ended."""

    manifest_id: str
    row: int
    chunk: int
    record_mac: str
    content: signed.Row
    status: RowStatus
    code: ErrorCode | None = None
    enrolment_id: str = ""
    duplicate: bool = False
    leaf: str | None = None

    @property
    def open(self) -> bool:
        return self.status in OPEN

    @property
    def told(self) -> ManifestRow:
        return ManifestRow(
            self.row, self.content, self.status, self.enrolment_id, self.code, self.duplicate
        )


@dataclass(frozen=True, slots=True)
class RowEnd:
    """How a row has ended."""

    manifest_id: str
    row: int
    status: RowStatus
    leaf: str | None
    code: ErrorCode | None = None


def add(tx: Connection, rows: Sequence[HeldRow]) -> None:
    if rows:
        tx.execute(_ADD, [_columns(row) for row in rows])


def find(tx: Connection, manifest_id: str, rows: Collection[int]) -> dict[int, HeldRow]:
    """Those of these rows that are held, by number."""
    held: dict[int, HeldRow] = {}
    for some in _parts(rows):
        found = select(manifest_rows).where(
            manifest_rows.c.manifest_id == manifest_id, manifest_rows.c.row.in_(some)
        )
        held.update({row.row: _held(row) for row in tx.execute(found)})
    return held


def named_before(tx: Connection, manifest_id: str, macs: Collection[str]) -> set[str]:
    """Those of these records that a row of the manifest names already."""
    held: set[str] = set()
    for some in _parts(macs):
        found = select(manifest_rows.c.record_mac).where(
            manifest_rows.c.manifest_id == manifest_id,
            manifest_rows.c.record_mac.in_(some),
            manifest_rows.c.status != RowStatus.REJECTED.value,
        )
        held.update(tx.execute(found).scalars())
    return held


def awaited(tx: Connection, record_mac: str) -> tuple[HeldRow, ...]:
    """Rows of lists to enrol that wait for a portrait of this record."""
    found = (
        select(manifest_rows)
        .join(manifests, manifests.c.manifest_id == manifest_rows.c.manifest_id)
        .where(
            manifest_rows.c.record_mac == record_mac,
            manifest_rows.c.status == RowStatus.AWAITED.value,
            manifests.c.act == ManifestAct.ENROL.value,
        )
        .order_by(manifest_rows.c.manifest_id, manifest_rows.c.row)
    )
    return tuple(_held(row) for row in tx.execute(found))


def begin(tx: Connection, manifest_id: str, begun: Sequence[tuple[int, str, bool]]) -> None:
    """Row, enrolment and whether its image is another record's too.

    The portrait is awaited on: whoever was stopped here brings it again.
    """
    if begun:
        tx.execute(
            _BEGIN,
            [
                {"of": manifest_id, "at": row, "enrolment": enrolment, "twice": int(duplicate)}
                for row, enrolment, duplicate in begun
            ],
        )


def brought(tx: Connection, rows: Sequence[tuple[str, int]]) -> None:
    """The portraits of these rows (manifest and number) stand in the stores."""
    if rows:
        tx.execute(_BROUGHT, [{"of": manifest_id, "at": row} for manifest_id, row in rows])


def end(tx: Connection, ended: Sequence[RowEnd]) -> None:
    if ended:
        tx.execute(
            _END,
            [
                {
                    "of": one.manifest_id,
                    "at": one.row,
                    "now": one.status.value,
                    "why": None if one.code is None else one.code.value,
                    "hash": one.leaf,
                }
                for one in ended
            ],
        )


def is_open(tx: Connection, chunk: ChunkRef) -> bool:
    """Whether a row of the chunk has not ended yet."""
    found = (
        select(manifest_rows.c.row)
        .where(_of(chunk), manifest_rows.c.status.in_([one.value for one in OPEN]))
        .limit(1)
    )
    return tx.execute(found).first() is not None


def counts(
    tx: Connection, manifest_id: str, chunk: int | None = None
) -> dict[int, dict[RowStatus, int]]:
    """How many rows of each chunk, or of one, are held in each status."""
    found = (
        select(manifest_rows.c.chunk, manifest_rows.c.status, func.count())
        .where(_within(manifest_id, chunk))
        .group_by(manifest_rows.c.chunk, manifest_rows.c.status)
    )
    held: dict[int, dict[RowStatus, int]] = {}
    for chunk, status, many in tx.execute(found):
        held.setdefault(chunk, {})[RowStatus(status)] = many
    return held


def duplicates(tx: Connection, manifest_id: str, chunk: int | None = None) -> dict[int, int]:
    """How many rows of each chunk, or of one, have an image that is another record's too."""
    found = (
        select(manifest_rows.c.chunk, func.count())
        .where(_within(manifest_id, chunk), manifest_rows.c.duplicate == 1)
        .group_by(manifest_rows.c.chunk)
    )
    return {row[0]: row[1] for row in tx.execute(found)}


def leaves(tx: Connection, chunk: ChunkRef) -> Iterator[tuple[RowStatus, str | None]]:
    """Status and leaf of every row of a chunk, in order."""
    found = (
        select(manifest_rows.c.status, manifest_rows.c.leaf)
        .where(_of(chunk))
        .order_by(manifest_rows.c.row)
    )
    for status, leaf in tx.execute(found):
        yield RowStatus(status), leaf


def listed(
    tx: Connection, chunk: ChunkRef, statuses: Sequence[RowStatus], after: int, limit: int
) -> tuple[HeldRow, ...]:
    """Rows in these statuses, or, with none named, duplicates, by number above `after`."""
    wanted = (
        manifest_rows.c.status.in_([one.value for one in statuses])
        if statuses
        else manifest_rows.c.duplicate == 1
    )
    found = (
        select(manifest_rows)
        .where(_of(chunk), wanted, manifest_rows.c.row > after)
        .order_by(manifest_rows.c.row)
        .limit(limit)
    )
    return tuple(_held(row) for row in tx.execute(found))


def forget_deleted(tx: Connection, chunk: ChunkRef) -> None:
    """Rows of a list of deletions no longer name what they have deleted."""
    tx.execute(
        update(manifest_rows)
        .where(_of(chunk), manifest_rows.c.status == RowStatus.DELETED.value)
        .values(record_id="", image_sha256="", path="")
    )


def forget_some(tx: Connection, chunk: ChunkRef, limit: int) -> bool:
    """Of a closed chunk only what is worth a report keeps its words (R-26).

    Accepted rows go: the records name their manifest. What ended well otherwise keeps its mac, by
    which the same record is recognised further down the list; so do records deleted meanwhile.
    At most `limit` rows; whether there may be more.
    """
    well = manifest_rows.c.status.in_([RowStatus.UNCHANGED.value, RowStatus.DELETED.value])
    buried = manifest_rows.c.record_mac.in_(select(deletions.c.record_mac))
    accepted = (manifest_rows.c.status == RowStatus.ACCEPTED.value) & (
        manifest_rows.c.duplicate == 0
    )
    named = manifest_rows.c.record_id != ""
    gone = _numbers(tx, _of(chunk) & accepted, limit)
    blank = _numbers(tx, _of(chunk) & named & ~accepted & (well | buried), limit)
    of = manifest_rows.c.manifest_id == chunk.manifest_id
    for some in _parts(gone):
        tx.execute(delete_from(manifest_rows).where(of, manifest_rows.c.row.in_(some)))
    for some in _parts(blank):
        tx.execute(
            update(manifest_rows)
            .where(of, manifest_rows.c.row.in_(some))
            .values(record_id="", image_sha256="", path="")
        )
    return limit in (len(gone), len(blank))


def _numbers(tx: Connection, wanted: ColumnElement[bool], limit: int) -> list[int]:
    return list(tx.execute(select(manifest_rows.c.row).where(wanted).limit(limit)).scalars())


def _within(manifest_id: str, chunk: int | None) -> ColumnElement[bool]:
    of_manifest = manifest_rows.c.manifest_id == manifest_id
    return of_manifest if chunk is None else of_manifest & (manifest_rows.c.chunk == chunk)


def _of(chunk: ChunkRef) -> ColumnElement[bool]:
    return (manifest_rows.c.manifest_id == chunk.manifest_id) & (
        manifest_rows.c.chunk == chunk.chunk
    )


def _parts(values: Collection[Any]) -> Iterator[list[Any]]:
    held = list(values)
    for start in range(0, len(held), _IN_ONE_QUERY):
        yield held[start : start + _IN_ONE_QUERY]


def _columns(row: HeldRow) -> dict[str, object]:
    return {
        "manifest_id": row.manifest_id,
        "row": row.row,
        "chunk": row.chunk,
        "record_mac": row.record_mac,
        "record_id": row.content.record_id,
        "image_sha256": row.content.image_sha256,
        "path": row.content.path,
        "status": row.status.value,
        "code": None if row.code is None else row.code.value,
        "enrolment_id": row.enrolment_id or None,
        "duplicate": int(row.duplicate),
        "leaf": row.leaf,
    }


def _held(row: Row[Any]) -> HeldRow:
    return HeldRow(
        manifest_id=row.manifest_id,
        row=row.row,
        chunk=row.chunk,
        record_mac=row.record_mac,
        content=signed.Row(row.record_id, row.image_sha256, row.path),
        status=RowStatus(row.status),
        code=None if row.code is None else ErrorCode(row.code),
        enrolment_id=row.enrolment_id or "",
        duplicate=bool(row.duplicate),
        leaf=row.leaf,
    )
