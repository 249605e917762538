"""Rejections that arrive from the bus: detection's, and this plane's own of deleted records."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from onrecord.chassis.database import read_transaction, write_transaction
from onrecord.chassis.sealing import decrypt
from onrecord.clients.transport import PORTRAIT
from onrecord.contracts.events import EnrolmentRejected, ingest_object_key, transport_aad
from onrecord.events.messages import message_of
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time, parse_time
from onrecord.kernel.vocabulary import Service
from onrecord.proof import statements
from onrecord.proof.attestation import Attestation
from onrecord.vector_search.core import write_points
from onrecord.vector_search.core.values import Gallery, RecordRow, RecordState
from onrecord.vector_search.roster import galleries, records, transport_keys
from onrecord.vector_search.service.ending import Endings, Rejected
from onrecord.vector_search.service.forgetting import Forgetting
from onrecord.vector_search.service.managing import Galleries
from onrecord.vector_search.service.parts import PlaneParts
from onrecord.vector_search.service.remains import Remains


class Rejections:
    """Ends enrolments that were rejected on their way. Repeatable."""

    def __init__(self, parts: PlaneParts, known: Galleries) -> None:
        self._parts = parts
        self._galleries = known
        self._endings = Endings(parts)
        self._forgetting = Forgetting(parts)
        self._remains = Remains(parts)

    def take(
        self, gallery: str, events: Sequence[EnrolmentRejected], deadline: Deadline
    ) -> list[OnRecordError | None]:
        """One outcome an event of this gallery, in order; None where it has been worked on."""
        held = self._galleries.known(gallery)
        with read_transaction(self._parts.roster) as tx:
            rows = records.find_all(tx, [one.enrolment.enrolment_id for one in events])
        outcomes: list[OnRecordError | None] = []
        sound: dict[str, EnrolmentRejected] = {}
        for event in events:
            enrolment_id = event.enrolment.enrolment_id
            try:
                sound[enrolment_id] = self._believed(rows.get(enrolment_id), event)
            except OnRecordError as error:
                outcomes.append(error)
            else:
                outcomes.append(None)
        if sound:
            self._end(held, sound)
            self._remains.clear(held, deadline)
        self._parts.relay.flush(deadline)
        self._forgetting.run()
        return outcomes

    def _end(self, held: Gallery, sound: Mapping[str, EnrolmentRejected]) -> None:
        with write_transaction(self._parts.roster) as tx:
            galleries.lock(tx, held.jurisdiction)
            now = parse_time(format_time(self._parts.clock.now()))
            ended = []
            for row in records.find_all(tx, list(sound)).values():
                event = sound[row.enrolment_id]
                if row.state is RecordState.LIVE:
                    continue  # rejected on one delivery, and live by another
                code, said = row.code or event.code, row.message or event.message
                if row.state is RecordState.PENDING:
                    records.make_gone(tx, [row.enrolment_id], now, code, said)
                elif row.code is None:
                    continue  # it was live, and has been replaced since
                ended.append(Rejected(row, code, said, told=True))
            told = self._endings.write(tx, held, (), ended, now)
            self._parts.relay.queue(tx, [message_of(one) for one in told])
            self._parts.reached(write_points.EVENTS_QUEUED)
        self._parts.reached(write_points.REJECTION_COMMITTED)

    def _believed(self, row: RecordRow | None, event: EnrolmentRejected) -> EnrolmentRejected:
        """The event, in words that somebody answers for.

        Anybody on the bus can write a rejection. What still stands is ended by detection's signed
        refusal of this very ticket, or by what the plane finds when it looks for itself. Raises
        NOT_FOUND, ATTESTATION_INVALID.
        """
        if row is None or row.ref != event.enrolment:
            raise OnRecordError(ErrorCode.NOT_FOUND, "the roster has no such enrolment")
        if row.state is not RecordState.PENDING:
            return event  # its own end is what counts
        if event.refusal is not None:
            return replace(event, message=self._refused(row, event, event.refusal))
        if event.code is ErrorCode.IMAGE_MISSING and row.submitted and self._copy(row) is None:
            return replace(event, message="its sealed copy was not there")
        if event.code is ErrorCode.IMAGE_HASH_MISMATCH and self._is_another_image(row):
            return replace(event, message="it is another image than was announced")
        raise OnRecordError(
            ErrorCode.ATTESTATION_INVALID, "a rejection that nobody has signed, and is not so"
        )

    def _refused(self, row: RecordRow, event: EnrolmentRejected, refusal: Attestation) -> str:
        """What detection says of it."""
        said = self._parts.verifier.verify(refusal, Service.DETECTION, statements.DETECTION_REFUSED)
        named = (said.get("mandate"), said.get("image_sha256"), said.get("code"))
        if named != (row.ticket, row.image_sha256, event.code.value):
            raise OnRecordError(ErrorCode.ATTESTATION_INVALID, "the refusal is of another portrait")
        return str(said.get("message", ""))

    def _copy(self, row: RecordRow) -> bytes | None:
        """What stands where detection looks for the portrait."""
        try:
            return self._parts.ingest.get(ingest_object_key(row.gallery, row.enrolment_id))
        except OnRecordError as error:
            if error.code is not ErrorCode.NOT_FOUND:
                raise
            return None

    def _is_another_image(self, row: RecordRow) -> bool:
        """Whether the copy opens, and is not the image that the ticket names."""
        copy = self._copy(row)
        if copy is None:
            return False
        with read_transaction(self._parts.roster) as tx:
            standing = transport_keys.standing(tx, row.gallery)
        for one in standing:
            try:
                key = self._parts.keys.transport_key(row.gallery, one.key_id)
                image = decrypt(key, copy, transport_aad(PORTRAIT, row.ref))
            except OnRecordError:
                continue  # sealed under another of them
            return hashlib.sha256(image).hexdigest() != row.image_sha256
        return False
