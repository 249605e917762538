"""Templates that arrive from the bus: checked one by one, made live together (law 9).

A poll at a time: one insert into the index, then one transaction of the roster. What a crash
leaves between the two is a vector of no live record, which no search returns and the next
delivery puts right.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from google.protobuf.message import DecodeError
from sqlalchemy import Connection

from onrecord.chassis.database import read_transaction, write_transaction
from onrecord.chassis.sealing import decrypt, unwrap
from onrecord.clients.transport import TEMPLATE, TransportSeals
from onrecord.contracts.enrolment import portrait_aad
from onrecord.contracts.events import FaceEmbedded, ingest_object_key
from onrecord.contracts.images import Template, Vector
from onrecord.events.messages import message_of
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time, parse_time
from onrecord.proof import statements
from onrecord.rpc.v1 import values_pb2
from onrecord.rpc.values import read_template
from onrecord.vector_search.core import write_points
from onrecord.vector_search.core.templates import check_template
from onrecord.vector_search.core.values import Gallery, RecordRow, RecordState
from onrecord.vector_search.roster import deletions, galleries, records
from onrecord.vector_search.service.ending import Accepted, Endings, Rejected
from onrecord.vector_search.service.forgetting import Forgetting
from onrecord.vector_search.service.managing import Galleries
from onrecord.vector_search.service.parts import PlaneParts
from onrecord.vector_search.service.remains import Remains

_OVERTAKEN = "a newer portrait of the record was live first"


@dataclass(frozen=True, slots=True)
class _Sound:
    """A template that is what it says, for a portrait that opens."""

    row: RecordRow
    template: Template
    vector: Vector
    data_key: bytes


class Arrivals:
    """Makes enrolments live. Everything may come twice, late and out of order."""

    def __init__(self, parts: PlaneParts, known: Galleries, seals: TransportSeals) -> None:
        self._parts = parts
        self._galleries = known
        self._seals = seals
        self._endings = Endings(parts)
        self._forgetting = Forgetting(parts)
        self._remains = Remains(parts)

    def take(
        self, gallery: str, events: Sequence[FaceEmbedded], deadline: Deadline
    ) -> list[OnRecordError | None]:
        """One outcome an event of this gallery, in order; None where it has been worked on.

        Raises PLANE_UNAVAILABLE, BUS_UNAVAILABLE, DEADLINE_EXCEEDED for all of them alike.
        """
        held = self._galleries.known(gallery)
        with read_transaction(self._parts.roster) as tx:
            rows = records.find_all(tx, [one.enrolment.enrolment_id for one in events])
        outcomes: list[OnRecordError | None] = []
        sound: dict[str, _Sound] = {}
        for event in events:
            outcome, found = self._checked(held, rows, event, deadline)
            outcomes.append(outcome)
            if found is not None:
                sound[found.row.enrolment_id] = found
        if sound:
            self._insert(held, list(sound.values()), deadline)
            self._make_live(held, list(sound.values()))
        self._clear(held, [rows[one.enrolment.enrolment_id] for one in self._ours(events, rows)])
        self._remains.clear(held, deadline)
        self._parts.relay.flush(deadline)
        self._forgetting.run()
        return outcomes

    def _ours(
        self, events: Sequence[FaceEmbedded], rows: dict[str, RecordRow]
    ) -> list[FaceEmbedded]:
        return [one for one in events if one.enrolment.enrolment_id in rows]

    def _checked(
        self,
        gallery: Gallery,
        rows: dict[str, RecordRow],
        event: FaceEmbedded,
        deadline: Deadline,
    ) -> tuple[OnRecordError | None, _Sound | None]:
        """What is wrong with it, or what is to be made live; neither where it comes too late."""
        row = rows.get(event.enrolment.enrolment_id)
        if row is None or row.ref != event.enrolment:
            return OnRecordError(
                ErrorCode.NOT_FOUND, "the roster has no such enrolment; it may have been restored"
            ), None
        if row.state is RecordState.GONE:
            return None, None
        try:
            template = self._opened(event, deadline)
            return None, self._sound(gallery, row, template)
        except OnRecordError as error:
            if row.state is RecordState.LIVE:
                return None, None  # the last of a way that was gone again from the vault
            return error, None

    def _opened(self, event: FaceEmbedded, deadline: Deadline) -> Template:
        opened = self._seals.open(TEMPLATE, event.enrolment, event.template, deadline)
        try:
            return read_template(values_pb2.Template.FromString(opened))
        except (DecodeError, OnRecordError) as error:
            raise OnRecordError(
                ErrorCode.EVENT_MALFORMED, "what was sealed is no template"
            ) from error

    def _sound(self, gallery: Gallery, row: RecordRow, template: Template) -> _Sound:
        """Raises where the chain does not lead from the ticket's image, or it could not be opened.

        A probe is never enrolled: the template must come from the ticket's own portrait.
        """
        if row.wrapped_key is None or row.image_sha256 is None:
            raise OnRecordError(ErrorCode.SEAL_INVALID, "its portrait has not been brought")
        vector = check_template(template, gallery.space)
        statements.verify_template(
            self._parts.verifier,
            template.detected,
            template.embedded,
            mandate=row.ticket,
            image=row.image_sha256,
            template=template.sha256,
            model_id=row.model_id,
        )
        aad = portrait_aad(row.gallery, row.enrolment_id, row.image_sha256)
        data_key = unwrap(self._parts.keys.private_key(row.gallery), row.wrapped_key, aad)
        sealed = self._parts.vault.get(row.vault_key)
        if hashlib.sha256(sealed).hexdigest() != row.ciphertext_sha256:
            raise _not_sealed("the vault holds other bytes than were announced")
        if hashlib.sha256(decrypt(data_key, sealed, aad)).hexdigest() != row.image_sha256:
            raise _not_sealed("it is not the image that the ticket names")
        return _Sound(row, template, vector, data_key)

    def _insert(self, gallery: Gallery, sound: Sequence[_Sound], deadline: Deadline) -> None:
        rows = [(one.row.index_key, one.vector) for one in sound]
        self._parts.index.insert(gallery.space, rows, deadline)
        self._parts.reached(write_points.VECTOR_INSERTED)

    def _make_live(self, gallery: Gallery, sound: Sequence[_Sound]) -> None:
        with write_transaction(self._parts.roster) as tx:
            locked = galleries.lock(tx, gallery.jurisdiction) or gallery
            now = parse_time(format_time(self._parts.clock.now()))
            decided = self._decided(tx, locked, sound)
            self._write(tx, locked, decided, now)
        self._parts.reached(write_points.ENROLMENT_COMMITTED)

    def _decided(self, tx: Connection, gallery: Gallery, sound: Sequence[_Sound]) -> "_Decided":
        """Against the roster as it is now, in the order of generations."""
        macs = {one.row.record_mac for one in sound}
        held = records.generations(tx, gallery.jurisdiction, macs)
        standing = {row.enrolment_id: row for rows in held.values() for row in rows}
        decided = _Decided()
        room = self._parts.max_records - gallery.live_records
        for one in sorted(sound, key=lambda each: each.row.generation):
            row = standing[one.row.enrolment_id]
            if row.state is RecordState.GONE:
                decided.late.append(row.enrolment_id)
                continue
            if row.state is RecordState.LIVE:
                decided.again[row.enrolment_id] = one.template.sha256
                continue
            before = [
                other
                for other in held[row.record_mac]
                if other.generation < row.generation and other.state is not RecordState.GONE
            ]
            replaces = any(
                other.state is RecordState.LIVE or other.enrolment_id in decided.live
                for other in before
            )
            if not replaces and room <= 0:
                decided.refused.append(row)
                continue
            room -= 0 if replaces else 1
            decided.live[row.enrolment_id] = Accepted(row, one.data_key, one.template.sha256)
            for other in before:
                if other.enrolment_id in decided.live or other.state is RecordState.LIVE:
                    decided.replaced[other.enrolment_id] = other
                else:
                    decided.overtaken[other.enrolment_id] = other
        return decided

    def _write(self, tx: Connection, gallery: Gallery, decided: "_Decided", now: datetime) -> None:
        parts, live = self._parts, decided.live
        records.make_live(
            tx, {name: one.template_sha256 for name, one in live.items()} | decided.again, now
        )
        parts.reached(write_points.ROW_LIVE)
        records.make_gone(tx, list(decided.replaced), now)
        records.make_gone(tx, list(decided.overtaken), now, ErrorCode.GENERATION_STALE, _OVERTAKEN)
        full = f"this index holds at most {parts.max_records} records a gallery"
        refused = [row.enrolment_id for row in decided.refused]
        records.make_gone(tx, refused, now, ErrorCode.GALLERY_TOO_LARGE, full)
        deletions.add_remains(tx, decided.late)
        galleries.count_live(tx, gallery.jurisdiction, len(live) - len(decided.replaced))
        parts.reached(write_points.OLDER_GONE)
        rejected = [
            *(
                Rejected(row, ErrorCode.GENERATION_STALE, _OVERTAKEN)
                for row in decided.overtaken.values()
            ),
            *(Rejected(row, ErrorCode.GALLERY_TOO_LARGE, full) for row in decided.refused),
        ]
        events = self._endings.write(tx, gallery, list(live.values()), rejected, now)
        self._parts.relay.queue(tx, [message_of(one) for one in events])
        parts.reached(write_points.EVENTS_QUEUED)

    def _clear(self, gallery: Gallery, rows: Sequence[RecordRow]) -> None:
        """What detection has read is not needed any more, but of those still on their way."""
        with read_transaction(self._parts.roster) as tx:
            now = records.find_all(tx, [row.enrolment_id for row in rows])
        self._parts.ingest.delete_all(
            ingest_object_key(gallery.jurisdiction, row.enrolment_id)
            for row in now.values()
            if row.state is not RecordState.PENDING
        )
        self._parts.reached(write_points.INGEST_CLEARED)


class _Decided:
    """What a poll comes to, by enrolment."""

    def __init__(self) -> None:
        self.live: dict[str, Accepted] = {}
        self.again: dict[str, str] = {}
        self.replaced: dict[str, RecordRow] = {}
        self.overtaken: dict[str, RecordRow] = {}
        self.refused: list[RecordRow] = []
        self.late: list[str] = []


def _not_sealed(why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.SEAL_INVALID, f"the sealed portrait is refused: {why}")
