"""The plane: the contract, each use-case of which is told in its own module."""

from collections.abc import Sequence

from onrecord.chassis.database import read_transaction
from onrecord.contracts.vector_search import (
    EnrolmentCompletion,
    EnrolmentStart,
    EnrolmentTicket,
    GalleryInfo,
    GalleryResult,
    GallerySearch,
    GallerySetup,
    Lead,
)
from onrecord.kernel.deadlines import Deadline
from onrecord.proof.attestation import Attestation
from onrecord.proof.entry import LoggedEntry
from onrecord.proof.release import ReleaseProof
from onrecord.vector_search.roster import answers, galleries
from onrecord.vector_search.service.enrolling import Enrolments
from onrecord.vector_search.service.managing import Galleries
from onrecord.vector_search.service.opening import Openings
from onrecord.vector_search.service.parts import PlaneParts
from onrecord.vector_search.service.searching import Searches
from onrecord.vector_search.service.trust import LedgerTrust, PolicyTrust

MAX_RECEIPTS = 1000


class PlaneService:
    """Implements `onrecord.contracts.vector_search.Plane` on a roster, an index and a vault."""

    def __init__(self, parts: PlaneParts) -> None:
        self._parts = parts
        ledger = LedgerTrust(parts)
        self._galleries = Galleries(parts)
        self._enrolments = Enrolments(parts, self._galleries)
        self._searches = Searches(parts, self._galleries, ledger, PolicyTrust(parts))
        self._openings = Openings(parts, ledger)

    def recover(self, deadline: Deadline) -> None:
        """Finish what a crash left: make every gallery's collection, destroy what is gone."""
        with read_transaction(self._parts.roster) as tx:
            held = galleries.find_all(tx)
        for gallery in held:
            self._parts.index.create(gallery.space, deadline)
            self._enrolments.clear_remains(gallery, deadline)

    def create_gallery(self, setup: GallerySetup, deadline: Deadline) -> GalleryInfo:
        deadline.check()
        return self._galleries.create(setup, deadline)

    def galleries(self, deadline: Deadline) -> tuple[GalleryInfo, ...]:
        deadline.check()
        return self._galleries.all()

    def begin_enrolment(self, start: EnrolmentStart, deadline: Deadline) -> EnrolmentTicket:
        deadline.check()
        return self._enrolments.begin(start)

    def complete_enrolment(
        self, completion: EnrolmentCompletion, deadline: Deadline
    ) -> Attestation:
        deadline.check()
        return self._enrolments.complete(completion, deadline)

    def search(self, search: GallerySearch, deadline: Deadline) -> GalleryResult:
        deadline.check()
        return self._searches.search(search, deadline)

    def open_portrait(self, look: LoggedEntry, deadline: Deadline) -> bytes:
        deadline.check()
        return self._openings.portrait(look, deadline)

    def unseal(self, proof: ReleaseProof, deadline: Deadline) -> tuple[Lead, ...]:
        deadline.check()
        return self._openings.leads(proof, deadline)

    def receipts(self, gallery: str, after: int, deadline: Deadline) -> Sequence[Attestation]:
        deadline.check()
        self._galleries.known(gallery)
        with read_transaction(self._parts.roster) as tx:
            return answers.receipts_after(tx, gallery, after, MAX_RECEIPTS)

    def close(self) -> None:
        """Let go of the index and the roster; nothing may be asked afterwards."""
        self._parts.index.close()
        self._parts.roster.dispose()
