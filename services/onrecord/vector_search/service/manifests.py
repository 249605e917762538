"""Lists that a state has signed: taken up, and told of (R-42)."""

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock
from typing import Final

from onrecord.chassis.database import read_transaction, write_transaction
from onrecord.contracts.enrolment import (
    ChunkRef,
    ChunkState,
    ManifestRow,
    ManifestState,
    RowStatus,
)
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time, parse_time
from onrecord.kernel.vocabulary import ManifestAct
from onrecord.proof.manifests import ManifestHeader, manifest_id, read_header, verify_manifest
from onrecord.proof.notes import NoteVerifier
from onrecord.vector_search.core import write_points
from onrecord.vector_search.core.custody import as_person, require_custodian
from onrecord.vector_search.roster import galleries, manifest_rows, manifests
from onrecord.vector_search.roster.live import live_of_manifest
from onrecord.vector_search.roster.manifests import Chunk, Manifest
from onrecord.vector_search.service.managing import Galleries
from onrecord.vector_search.service.parts import PlaneParts

_SECRET_BYTES: Final = 32
_HEADERS_KEPT: Final = 16
_MOST_ROWS: Final = 1000


class Manifests:
    """Opens manifests, and says how far each is."""

    def __init__(self, parts: PlaneParts, known: Galleries) -> None:
        self._parts = parts
        self._galleries = known
        self._headers: OrderedDict[str, ManifestHeader] = OrderedDict()
        self._lock = Lock()

    def open(self, header: bytes, signature: str, user_token: str) -> ManifestState:
        """Only for a custodian of the gallery it names, and signed by the state's pinned key."""
        read = read_header(header)
        gallery = self._galleries.known(read.gallery)
        claims = self._parts.tokens.verify(user_token)
        require_custodian(claims, gallery.jurisdiction)
        verify_manifest(header, signature, [NoteVerifier.parse(gallery.authority_key)])
        named = manifest_id(header)
        manifest = Manifest(
            manifest_id=named,
            gallery=gallery.jurisdiction,
            act=read.act,
            opened_at=parse_time(format_time(self._parts.clock.now())),
            opened_by=as_person(claims),
            secret=self._parts.random_bytes(_SECRET_BYTES),
        )
        with write_transaction(self._parts.roster) as tx:
            galleries.lock(tx, gallery.jurisdiction)
            if manifests.find(tx, named) is None:
                manifests.add(tx, manifest, header, signature)
        self._parts.reached(write_points.MANIFEST_STORED)
        return self.state(named)

    def known(self, named: str) -> tuple[Manifest, ManifestHeader]:
        """Raises NOT_FOUND."""
        with read_transaction(self._parts.roster) as tx:
            manifest = manifests.find(tx, named)
            with self._lock:
                header = self._headers.get(named)
            if manifest is not None and header is None:
                header = read_header(manifests.header(tx, named))
        if manifest is None or header is None:
            raise OnRecordError(ErrorCode.NOT_FOUND, "this plane has no such manifest")
        with self._lock:
            self._headers[named] = header
            while len(self._headers) > _HEADERS_KEPT:
                self._headers.popitem(last=False)
        return manifest, header

    def state(self, named: str) -> ManifestState:
        """With every chunk. Raises NOT_FOUND."""
        manifest, header = self.known(named)
        with read_transaction(self._parts.roster) as tx:
            delivered = manifests.delivered(tx, named)
            counts = manifest_rows.counts(tx, named)
            twice = manifest_rows.duplicates(tx, named)
            complete = len(delivered) == len(header.chunks) and all(
                one.change is not None for one in delivered.values()
            )
            # Counted once there is nothing to wait for: whoever waits asks again and again.
            counted = complete and manifest.act is ManifestAct.ENROL
            live = live_of_manifest(tx, named) if counted else None
        return ManifestState(
            manifest_id=named,
            gallery=manifest.gallery,
            act=manifest.act,
            rows=header.rows,
            chunk_rows=header.chunk_rows,
            opened_at=manifest.opened_at,
            chunks=tuple(
                chunk_state(
                    header,
                    number,
                    delivered.get(number),
                    counts.get(number, {}),
                    twice.get(number, 0),
                )
                for number in range(len(header.chunks))
            ),
            live=live,
        )

    def chunk(self, ref: ChunkRef) -> ChunkState:
        """One chunk. Raises NOT_FOUND."""
        _, header = self.known(ref.manifest_id)
        with read_transaction(self._parts.roster) as tx:
            chunk = manifests.find_chunk(tx, ref.manifest_id, ref.chunk)
            counts = manifest_rows.counts(tx, ref.manifest_id, ref.chunk)
            twice = manifest_rows.duplicates(tx, ref.manifest_id, ref.chunk)
        return chunk_state(
            header, ref.chunk, chunk, counts.get(ref.chunk, {}), twice.get(ref.chunk, 0)
        )

    def rows(
        self, ref: ChunkRef, statuses: Sequence[RowStatus], after: int, limit: int
    ) -> tuple[ManifestRow, ...]:
        """At most 1,000 at once. Raises NOT_FOUND for a manifest there is none of."""
        self.known(ref.manifest_id)
        with read_transaction(self._parts.roster) as tx:
            found = manifest_rows.listed(tx, ref, statuses, after, max(0, min(limit, _MOST_ROWS)))
        return tuple(row.told for row in found)


def chunk_state(
    header: ManifestHeader,
    number: int,
    chunk: Chunk | None,
    counts: dict[RowStatus, int],
    duplicates: int,
) -> ChunkState:
    """`counts` and `duplicates` are of the rows held; a closed chunk kept its own."""
    if chunk is None or not chunk.delivered:
        return ChunkState(number, header.rows_in(number), False, {}, 0, None)
    if chunk.change is not None:
        counts = {RowStatus(name): many for name, many in chunk.counts.items()}
        duplicates = chunk.duplicates
    return ChunkState(number, header.rows_in(number), True, counts, duplicates, chunk.change)
