"""Rejections that arrive from the bus: detection's, and this plane's own of deleted records."""

from collections.abc import Mapping, Sequence

from onrecord.chassis.database import read_transaction, write_transaction
from onrecord.contracts.events import EnrolmentRejected
from onrecord.events.messages import message_of
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time, parse_time
from onrecord.kernel.vocabulary import Service
from onrecord.proof import statements
from onrecord.vector_search.core import write_points
from onrecord.vector_search.core.values import Gallery, RecordRow, RecordState
from onrecord.vector_search.roster import galleries, outbox, records
from onrecord.vector_search.service.ending import Endings, Rejected
from onrecord.vector_search.service.managing import Galleries
from onrecord.vector_search.service.parts import PlaneParts
from onrecord.vector_search.service.remains import Remains


class Rejections:
    """Ends enrolments that were rejected on their way. Repeatable."""

    def __init__(self, parts: PlaneParts, known: Galleries) -> None:
        self._parts = parts
        self._galleries = known
        self._endings = Endings(parts)
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
            outcome = self._wrong(rows.get(event.enrolment.enrolment_id), event)
            outcomes.append(outcome)
            if outcome is None:
                sound[event.enrolment.enrolment_id] = event
        if sound:
            self._end(held, sound)
            self._remains.clear(held, deadline)
        self._parts.relay.flush(deadline)
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
            outbox.queue(tx, [message_of(one) for one in told])
            self._parts.reached(write_points.EVENTS_QUEUED)
        self._parts.reached(write_points.REJECTION_COMMITTED)

    def _wrong(self, row: RecordRow | None, event: EnrolmentRejected) -> OnRecordError | None:
        """A refusal of detection's is signed, and of this enrolment's own ticket."""
        if row is None or row.ref != event.enrolment:
            return OnRecordError(ErrorCode.NOT_FOUND, "the roster has no such enrolment")
        if row.state is not RecordState.PENDING or event.refusal is None:
            return None
        try:
            said = self._parts.verifier.verify(
                event.refusal, Service.DETECTION, statements.DETECTION_REFUSED
            )
        except OnRecordError as error:
            return error
        if (said.get("mandate"), said.get("image_sha256")) != (row.ticket, row.image_sha256):
            return OnRecordError(
                ErrorCode.ATTESTATION_INVALID, "the refusal is of another portrait"
            )
        return None
