"""The reconciler: the roster is truth, the index is repaired from it and the vault (R-48).

A collection dropped behind our back, a roster restored from yesterday, rows that Milvus Lite lost
with power: all end the same, with vectors too many or too few. Those too many are taken out, those
too few are made again from the sealed portrait, by the way every portrait takes.
"""

import hashlib
from collections.abc import Iterator, Sequence

from onrecord.chassis.database import read_transaction
from onrecord.contracts.enrolment import GalleryCheck
from onrecord.contracts.vector_search import TransportKeys
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.vector_search.core import write_points
from onrecord.vector_search.core.comparing import Difference, differences
from onrecord.vector_search.core.custody import require_custodian, require_upkeep
from onrecord.vector_search.core.values import Gallery, RecordState
from onrecord.vector_search.roster import comparison
from onrecord.vector_search.roster.comparison import LivePortrait
from onrecord.vector_search.service.managing import Galleries
from onrecord.vector_search.service.parts import PlaneParts
from onrecord.vector_search.service.redriving import Redrives
from onrecord.vector_search.service.remains import Remains
from onrecord.vector_search.service.unknown import UnknownPortraits

_PAGE = 2000


class Reconciliation:
    """Compares, and repairs where it is asked to. May be stopped anywhere and begun again."""

    def __init__(self, parts: PlaneParts, known: Galleries, transport: TransportKeys) -> None:
        self._parts = parts
        self._galleries = known
        self._redrives = Redrives(parts, known, transport)
        self._remains = Remains(parts)
        self._unknown = UnknownPortraits(parts)

    def check(
        self,
        gallery: str,
        repair: bool,
        user_token: str,
        deadline: Deadline,
        remove_unknown: int | None = None,
    ) -> GalleryCheck:
        """Counts what differs; with `repair`, ends it.

        A portrait that is missing or altered is only told: nobody but the state has another. One of
        no known enrolment goes only where the gallery's custodian says how many there are
        (`remove_unknown`). Raises ROLE_MISSING, GALLERY_UNKNOWN, PLANE_UNAVAILABLE, FIELD_INVALID.
        """
        claims = self._parts.tokens.verify(user_token)
        require_upkeep(claims, gallery)
        held = self._galleries.known(gallery)
        if remove_unknown is not None:
            require_custodian(claims, gallery)
            self._unknown.remove(held, remove_unknown, claims, deadline)
        if repair:
            self._parts.index.create(held.space, deadline)
            self._remains.clear(held, deadline)
        ghosts, missing = self._vectors(held, deadline)
        bad = {one.enrolment_id for one in self._bad_portraits(held, deadline)}
        repaired = 0
        if repair:
            repaired += self._take_out(held, ghosts, deadline)
            sound = [one for one in missing if one not in bad]
            repaired += self._make_again(held, sound, deadline)
            self._remove_strays(held, deadline)
        return GalleryCheck(
            gallery=gallery,
            live=self._galleries.known(gallery).live_records,
            indexed=self._indexed(held, deadline),
            missing_vectors=len(missing),
            ghosts=len(ghosts),
            missing_portraits=len(bad),
            repaired=repaired,
            unknown_portraits=self._unknown.count(held, deadline),
        )

    def _vectors(self, gallery: Gallery, deadline: Deadline) -> tuple[list[str], list[str]]:
        """Keys in the index of no record, and live enrolments of which it has nothing."""
        found = list(
            differences(
                comparison.live_index_keys(self._parts.roster, gallery.jurisdiction),
                self._indexed_keys(gallery, deadline),
            )
        )
        # Looked at again: the two lists were not read at one instant, and a vector stands in the
        # index a moment before its row is live.
        with read_transaction(self._parts.roster) as tx:
            known = comparison.by_key(tx, gallery.jurisdiction, [one.key for one in found])
        return _ghosts(found, known), _missing(found, known)

    def _indexed_keys(self, gallery: Gallery, deadline: Deadline) -> Iterator[str]:
        after = ""
        while True:
            try:
                page = self._parts.index.keys(gallery.space, after, _PAGE, deadline)
            except OnRecordError as error:
                if error.code is not ErrorCode.PLANE_UNAVAILABLE:
                    raise
                # A collection that was dropped is made again, and then it is empty.
                self._parts.index.create(gallery.space, deadline)
                page = self._parts.index.keys(gallery.space, after, _PAGE, deadline)
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1]

    def _indexed(self, gallery: Gallery, deadline: Deadline) -> int:
        return self._parts.index.count(gallery.space, deadline)

    def _bad_portraits(self, gallery: Gallery, deadline: Deadline) -> Iterator[LivePortrait]:
        for one in comparison.live_portraits(self._parts.roster, gallery.jurisdiction):
            deadline.check()
            try:
                sealed = self._parts.vault.get(one.vault_key)
            except OnRecordError as error:
                if error.code is not ErrorCode.NOT_FOUND:
                    raise
                yield one
                continue
            if hashlib.sha256(sealed).hexdigest() != one.ciphertext_sha256:
                yield one

    def _take_out(self, gallery: Gallery, ghosts: Sequence[str], deadline: Deadline) -> int:
        """Compacted at once: a ghost may be of a record whose receipt says that nothing is left."""
        for start in range(0, len(ghosts), _PAGE):
            self._parts.index.delete(gallery.space, ghosts[start : start + _PAGE], deadline)
        if ghosts:
            self._parts.index.compact(gallery.space, deadline)
            self._parts.reached(write_points.GHOSTS_REMOVED)
        return len(ghosts)

    def _make_again(self, gallery: Gallery, missing: Sequence[str], deadline: Deadline) -> int:
        done = self._redrives.send(gallery, missing, deadline)
        return sum(one.code is None for one in done)

    def _remove_strays(self, gallery: Gallery, deadline: Deadline) -> None:
        """Sealed portraits of enrolments that are gone: nobody has their key, nobody needs them.

        One of an enrolment that the roster does not know at all is left where it is: it may be the
        roster that is from yesterday (`UnknownPortraits`).
        """
        keys: list[str] = []
        for key in self._parts.vault.keys(f"vault/{gallery.jurisdiction}"):
            deadline.check()
            keys.append(key)
            if len(keys) == _PAGE:
                self._remove_gone(keys)
                keys = []
        self._remove_gone(keys)

    def _remove_gone(self, keys: Sequence[str]) -> None:
        by_enrolment = {key.rsplit("/", 1)[-1].partition(".")[0]: key for key in keys}
        with read_transaction(self._parts.roster) as tx:
            gone = comparison.gone(tx, list(by_enrolment))
        for enrolment_id in gone:
            self._parts.vault.delete(by_enrolment[enrolment_id])
        if gone:
            self._parts.reached(write_points.STRAYS_REMOVED)


def _ghosts(found: Sequence[Difference], known: dict[str, tuple[str, RecordState]]) -> list[str]:
    """A pending row's vector is no ghost: it is about to be live."""
    return [
        one.key
        for one in found
        if not one.ours and (one.key not in known or known[one.key][1] is RecordState.GONE)
    ]


def _missing(found: Sequence[Difference], known: dict[str, tuple[str, RecordState]]) -> list[str]:
    return [
        known[one.key][0]
        for one in found
        if one.ours and one.key in known and known[one.key][1] is RecordState.LIVE
    ]
