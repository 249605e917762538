"""Transport keys: minted by the plane, handed over, rotated daily, destroyed a day later (R-46)."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from onrecord.chassis.database import read_transaction, write_transaction
from onrecord.contracts.enrolment import TransportKey
from onrecord.contracts.events import RETENTION_HOURS
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time, parse_time
from onrecord.vector_search.core import write_points
from onrecord.vector_search.core.values import Gallery
from onrecord.vector_search.roster import galleries
from onrecord.vector_search.roster import transport_keys as keys
from onrecord.vector_search.roster.transport_keys import KeyTimes
from onrecord.vector_search.service.managing import Galleries
from onrecord.vector_search.service.parts import PlaneParts

SEALS_FOR: Final = timedelta(hours=24)
OPENS_AFTERWARDS: Final = timedelta(hours=RETENTION_HOURS)
_ID_BYTES: Final = 16


class TransportKeyRing:
    """The file of a key is there before its row, and gone before its row says so."""

    def __init__(self, parts: PlaneParts, known: Galleries) -> None:
        self._parts = parts
        self._galleries = known

    def transport_key(self, gallery: str, key_id: str | None, deadline: Deadline) -> TransportKey:
        """This key, or, for None, the one to seal with now.

        Raises GALLERY_UNKNOWN; SEAL_KEY_DESTROYED for one that is gone or never was.
        """
        deadline.check()
        held = self._galleries.known(gallery)
        now = self._parts.clock.now()
        with read_transaction(self._parts.roster) as tx:
            found = keys.newest(tx, gallery) if key_id is None else keys.find(tx, gallery, key_id)
        if key_id is None and (found is None or not self._seals(gallery, found, now)):
            found = self._mint(held)
        if found is None or found.destroyed or now >= found.opens_until:
            raise OnRecordError(
                ErrorCode.SEAL_KEY_DESTROYED, "the transport key has been destroyed, or never was"
            )
        key = self._parts.keys.transport_key(gallery, found.key_id)
        return TransportKey(gallery, found.key_id, key, found.seal_until, found.opens_until)

    def rotate(self, now: datetime) -> int:
        """Destroy what nothing may be opened with any more; how many keys that were.

        To be called from time to time. A new key is minted when it is first asked for.
        """
        with read_transaction(self._parts.roster) as tx:
            held = galleries.find_all(tx)
        return sum(self._destroy_due(gallery.jurisdiction, now) for gallery in held)

    def overdue(self, now: datetime) -> dict[str, int]:
        """Of each gallery, the keys that nothing may be opened with any more and that are still
        there. Not 0 for long: `rotate` destroys them.
        """
        with read_transaction(self._parts.roster) as tx:
            held = [gallery.jurisdiction for gallery in galleries.find_all(tx)]
            standing = {name: keys.standing(tx, name) for name in held}
        return {
            name: sum(now >= one.opens_until for one in found) for name, found in standing.items()
        }

    def _mint(self, gallery: Gallery) -> KeyTimes:
        now = self._parts.clock.now()
        with write_transaction(self._parts.roster) as tx:
            galleries.lock(tx, gallery.jurisdiction)
            newest = keys.newest(tx, gallery.jurisdiction)
            if newest is not None and self._seals(gallery.jurisdiction, newest, now):
                return newest  # somebody else was faster
            if newest is not None and now < newest.seal_until:
                # Its file is gone: lost, or destroyed by a clock that has been put back since.
                keys.mark_destroyed(tx, gallery.jurisdiction, [newest.key_id], now)
            until = parse_time(format_time(now + SEALS_FOR))
            fresh = KeyTimes(
                self._parts.random_bytes(_ID_BYTES).hex(), until, until + OPENS_AFTERWARDS
            )
            self._parts.keys.mint_transport(gallery.jurisdiction, fresh.key_id)
            self._parts.reached(write_points.TRANSPORT_KEY_MINTED)
            keys.add(tx, gallery.jurisdiction, fresh)
        self._parts.reached(write_points.TRANSPORT_KEY_STORED)
        return fresh

    def _seals(self, gallery: str, key: KeyTimes, now: datetime) -> bool:
        """Whether it is time to seal with a key, and there is one."""
        return now < key.seal_until and key.key_id in self._parts.keys.transport_keys(gallery)

    def _destroy_due(self, gallery: str, now: datetime) -> int:
        with write_transaction(self._parts.roster) as tx:
            galleries.lock(tx, gallery)
            due = self._due(tx, gallery, now)
            for key_id in due:
                self._parts.keys.destroy_transport(gallery, key_id)
                self._parts.reached(write_points.TRANSPORT_KEY_DESTROYED)
            keys.mark_destroyed(tx, gallery, due, now)
        if due:
            self._parts.reached(write_points.TRANSPORT_KEY_MARKED)
        return len(due)

    def _due(self, tx: Connection, gallery: str, now: datetime) -> list[str]:
        """Keys that have run out, and files that a crash left without a row."""
        standing = keys.standing(tx, gallery)
        valid = {one.key_id for one in standing if now < one.opens_until}
        run_out = {one.key_id for one in standing} - valid
        return sorted(run_out | (self._parts.keys.transport_keys(gallery) - valid))
