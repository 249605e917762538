"""What planes publish, taken into the ledger: searches made and galleries changed (law 3)."""

import hashlib
import logging
from collections.abc import Sequence

from onrecord.audit.core.changes import log_change, read_change
from onrecord.audit.core.draft import (
    Appended,
    Aside,
    Books,
    Draft,
    Existing,
    Intake,
    Item,
    Place,
    Remember,
    Taking,
)
from onrecord.audit.core.people import service
from onrecord.audit.core.receipts import log_receipt, read_receipt, settle_receipts
from onrecord.audit.service.ports import Ledger
from onrecord.chassis.bus.ports import Partition, Received
from onrecord.contracts.events import GalleryChanged, SearchExecuted
from onrecord.events.messages import read_event
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import EntryKind, Service
from onrecord.proof import statements
from onrecord.proof.attestation import Attestation, AttestationVerifier

_log = logging.getLogger(__name__)


class TakingIn:
    """Writes what a poll of the bus says, and where it ended, in one transaction.

    A message that cannot be believed is an `alarm.raised` and holds nothing up. Whatever comes
    twice, in whatever order, is one entry: entries are found by what they say, not by offsets.
    """

    def __init__(self, ledger: Ledger, attestations: AttestationVerifier) -> None:
        self._ledger = ledger
        self._attestations = attestations

    def take(self, received: Sequence[Received], deadline: Deadline) -> tuple[Appended, ...]:
        """What was appended. Repeatable. Raises LEDGER_UNAVAILABLE, DEADLINE_EXCEEDED.

        With nothing received: what waits is looked at again.
        """
        items = tuple(self._item(one) for one in received)
        places = {one.partition: _place(one) for one in received}
        intake = Intake(items, tuple(places.values()), settle_receipts)
        return self._ledger.take(intake, deadline)

    def _item(self, received: Received) -> Item:
        try:
            return Item(self._taking(received), _unbelieved(received, "it could not be evaluated"))
        except OnRecordError as error:
            alarm = _unbelieved(received, error.message)
        except Exception:  # noqa: BLE001 - whoever can write to the bus could stop all receipts
            _log.exception("a message of the bus could not be read; an alarm is appended")
            alarm = _unbelieved(received, "it could not be evaluated")
        return Item(alarm, alarm)

    def _taking(self, received: Received) -> Taking:
        """Raises ATTESTATION_INVALID, EVENT_MALFORMED, EVENT_VERSION_UNKNOWN."""
        match read_event(received):
            case SearchExecuted(attestation):
                return self._receipt(attestation)
            case GalleryChanged(attestation):
                return self._change(attestation)
        raise OnRecordError(ErrorCode.EVENT_MALFORMED, "it is not an event of its topic")

    def _receipt(self, attestation: Attestation) -> Taking:
        said = self._attestations.verify(attestation, Service.VECTOR_SEARCH, statements.RECEIPT)
        receipt = read_receipt(said, attestation)
        return lambda books: log_receipt(receipt, books)

    def _change(self, attestation: Attestation) -> Taking:
        kind = str(statements.read(attestation).get("type"))
        said = self._attestations.verify(attestation, Service.VECTOR_SEARCH, kind)
        change = read_change(said, attestation)
        return lambda books: log_change(change, books)


def _place(received: Received) -> Place:
    partition: Partition = received.partition
    digest = payload_digest(received)
    return Place(partition.topic, partition.number, received.offset + 1, digest)


def payload_digest(received: Received) -> str:
    """Of a message as it came, in hexadecimal."""
    return hashlib.sha256(received.message.payload).hexdigest()


def _unbelieved(received: Received, why: str) -> Taking:
    """The alarm for a message that is no evidence of anything but itself: it is named by hash."""
    topic, digest = received.partition.topic, payload_digest(received)
    marker = f"message:{topic}:{digest}"
    body = {
        "what": "message",
        "why": why,
        "topic": topic,
        "partition": received.partition.number,
        "offset": received.offset,
        "payload_sha256": digest,
        "by": service(Service.AUDIT),
    }

    def taking(books: Books) -> Draft | Existing | Aside:
        before = books.remembered(marker)
        if before is not None:
            return Existing(before)
        return Draft(EntryKind.ALARM_RAISED, body, (Remember(marker),))

    return taking
