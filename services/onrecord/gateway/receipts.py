"""Carrying the planes' receipts to the ledger, each once, in their order (law 3).

A receipt whose way to the ledger was cut, by a crash or an outage, is fetched from the plane and
delivered before any later one, so that the ledger never shows a gap it would have to explain.
"""

import logging
from collections import defaultdict
from threading import Lock

from onrecord.contracts.audit import Audit
from onrecord.contracts.vector_search import Plane
from onrecord.gateway.passing import is_passing
from onrecord.gateway.store import DeliveryStore
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.attestation import Attestation
from onrecord.proof.entry import LoggedEntry
from onrecord.proof.statements import read

_log = logging.getLogger(__name__)


class ReceiptCourier:
    """Delivers under one lock a gallery. Delivery twice does no harm: audit repeats its entry."""

    def __init__(self, audit: Audit, deliveries: DeliveryStore) -> None:
        self._audit = audit
        self._deliveries = deliveries
        self._locks: defaultdict[str, Lock] = defaultdict(Lock)
        self._making = Lock()

    def deliver(
        self, gallery: str, plane: Plane, receipt: Attestation, deadline: Deadline
    ) -> LoggedEntry:
        """Log `receipt`, after any before it that the ledger may lack. Raises as audit does."""
        sequence = int(read(receipt)["sequence"])
        with self._lock_of(gallery):
            last = self._deliveries.last(gallery)
            if sequence > last + 1:
                self._catch_up(gallery, plane, last, sequence, deadline)
            try:
                entry = self._audit.record_receipt(receipt, deadline)
            except OnRecordError as error:
                if error.code is not ErrorCode.RECEIPT_GAP:
                    raise
                # What was noted here as delivered is not there: this database is older than the
                # plane, or newer than the ledger. The plane has them all.
                self._catch_up(gallery, plane, 0, sequence, deadline)
                entry = self._audit.record_receipt(receipt, deadline)
            self._deliveries.delivered(gallery, sequence)
            return entry

    def deliver_outstanding(self, gallery: str, plane: Plane, deadline: Deadline) -> None:
        """Log whatever the plane holds beyond what was delivered; at start and after outages."""
        with self._lock_of(gallery):
            self._catch_up(gallery, plane, self._deliveries.last(gallery), None, deadline)

    def _catch_up(
        self, gallery: str, plane: Plane, after: int, before: int | None, deadline: Deadline
    ) -> None:
        while True:
            waiting = plane.receipts(gallery, after, deadline)
            for receipt in waiting:
                sequence = int(read(receipt)["sequence"])
                if before is not None and sequence >= before:
                    return
                self._deliver_late(gallery, sequence, receipt, deadline)
                after = sequence
            if not waiting:
                return

    def _deliver_late(
        self, gallery: str, sequence: int, receipt: Attestation, deadline: Deadline
    ) -> None:
        try:
            self._audit.record_receipt(receipt, deadline)
        except OnRecordError as error:
            if is_passing(error):
                raise
            # The ledger will not have it: the grant has another end by now. That is audit's to
            # alarm about, and no reason to withhold the receipts that follow.
            _log.error(
                "receipt refused by the ledger",
                extra={"gallery": gallery, "sequence": sequence, "code": error.code.value},
            )
        self._deliveries.delivered(gallery, sequence)

    def _lock_of(self, gallery: str) -> Lock:
        with self._making:
            return self._locks[gallery]
