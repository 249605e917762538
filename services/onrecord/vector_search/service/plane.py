"""The plane: the contract, each use-case of which is told in its own module."""

from collections.abc import Mapping, Sequence

from onrecord.chassis.database import read_transaction
from onrecord.clients.transport import TransportSeals
from onrecord.contracts.enrolment import (
    Begun,
    ChunkRef,
    ChunkState,
    Deletion,
    EnrolmentBatch,
    EnrolmentState,
    GalleryCheck,
    ManifestRow,
    ManifestState,
    Redriven,
    RowStatus,
    Submission,
    TransportKey,
)
from onrecord.contracts.events import EnrolmentRejected, FaceEmbedded
from onrecord.contracts.vector_search import (
    GalleryAnswer,
    GalleryFailure,
    GalleryInfo,
    GalleryResult,
    GallerySearch,
    GallerySetup,
    Lead,
    PlaneSearch,
)
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import OnRecordError
from onrecord.proof.attestation import Attestation
from onrecord.proof.entry import LoggedEntry
from onrecord.proof.grant import GrantReader
from onrecord.proof.manifests import Row
from onrecord.proof.release import ReleaseProof
from onrecord.vector_search.measured import STRANGE_SEARCHES
from onrecord.vector_search.roster import answers, galleries
from onrecord.vector_search.service.chunks import Chunks
from onrecord.vector_search.service.compacting import Compactions
from onrecord.vector_search.service.deleting import Deletions
from onrecord.vector_search.service.embedded import Arrivals
from onrecord.vector_search.service.enrolling import Enrolments
from onrecord.vector_search.service.foreseeing import Foreseeing
from onrecord.vector_search.service.forgetting import Forgetting
from onrecord.vector_search.service.managing import Galleries
from onrecord.vector_search.service.manifests import Manifests
from onrecord.vector_search.service.opening import Openings
from onrecord.vector_search.service.parts import PlaneParts
from onrecord.vector_search.service.policy_trust import PolicyTrust
from onrecord.vector_search.service.reconciling import Reconciliation
from onrecord.vector_search.service.redriving import Redrives
from onrecord.vector_search.service.rejected import Rejections
from onrecord.vector_search.service.remains import Remains
from onrecord.vector_search.service.searching import Searches
from onrecord.vector_search.service.transport_keys import TransportKeyRing
from onrecord.vector_search.service.trust import LedgerTrust

MAX_RECEIPTS = 1000


class PlaneService:
    """Implements `onrecord.contracts.vector_search.Plane` on a roster, an index and a vault."""

    def __init__(self, parts: PlaneParts) -> None:
        self._parts = parts
        ledger = LedgerTrust(parts)
        self._galleries = known = Galleries(parts)
        policies, grants = PolicyTrust(parts), GrantReader(parts.ledger_key)
        self._foreseeing = Foreseeing(parts, ledger, policies, grants)
        self._searches = Searches(parts, ledger, policies, grants)
        self._openings = Openings(parts, ledger)
        self._keys = TransportKeyRing(parts, known)
        self._enrolments = Enrolments(parts, known)
        self._seals = TransportSeals(self._keys, parts.clock)
        self._arrivals = Arrivals(parts, known, self._seals)
        self._rejections = Rejections(parts, known)
        self._manifests = Manifests(parts, known)
        self._deletions = Deletions(parts, known)
        self._chunks = Chunks(parts, known, self._manifests, self._deletions)
        self._remains = Remains(parts)
        self._forgetting = Forgetting(parts)
        self._compactions = Compactions(parts, known)
        self._reconciliation = Reconciliation(parts, known, self._keys)
        self._redrives = Redrives(parts, known, self._keys)

    def recover(self, deadline: Deadline) -> None:
        """Finish what a crash left: make every gallery's collection, destroy what is gone.

        What waits to be published is the relay's (`start`).
        """
        self._keys.rotate(self._parts.clock.now())
        self._forgetting.run()
        with read_transaction(self._parts.roster) as tx:
            held = galleries.find_all(tx)
        for gallery in held:
            self._parts.index.create(gallery.space, deadline)
            self._remains.clear(gallery, deadline)

    def start(self) -> None:
        """Publish what was left behind, and tidy up from now on."""
        self._parts.relay.start()

    def maintain(self, deadline: Deadline) -> None:
        """To be called from time to time: keys that are due are destroyed, indexes compacted.

        No copy of a transport key is kept in memory either once its file is gone (R-46).
        """
        self._keys.rotate(self._parts.clock.now())
        self._seals.forget()
        self._forgetting.run()
        self._compactions.run(deadline)
        self._parts.index.release_idle(deadline)

    def transport_keys_overdue(self) -> Mapping[str, int]:
        """Transport keys by gallery that should have been destroyed and are not (R-46)."""
        return self._keys.overdue(self._parts.clock.now())

    @property
    def watches_searches(self) -> bool:
        """Whether the engine counts searches, so that `strange_searches` can be asked for."""
        return self._parts.watch is not None

    def strange_searches(self, deadline: Deadline) -> int:
        """Hold the engine's own count against ours (R-23): how many searches were not ours.

        Each is told once, and logged as an alarm. 0 where the engine does not count.
        """
        seen = 0 if self._parts.watch is None else self._parts.watch.check(deadline)
        if seen:
            STRANGE_SEARCHES.add(seen)
        return seen

    def create_gallery(
        self, setup: GallerySetup, user_token: str, deadline: Deadline
    ) -> GalleryInfo:
        deadline.check()
        return self._galleries.create(setup, user_token, deadline)

    def galleries(self, deadline: Deadline) -> tuple[GalleryInfo, ...]:
        deadline.check()
        return self._galleries.all()

    def transport_key(self, gallery: str, key_id: str | None, deadline: Deadline) -> TransportKey:
        return self._keys.transport_key(gallery, key_id, deadline)

    def begin_enrolments(
        self, batch: EnrolmentBatch, user_token: str, deadline: Deadline
    ) -> tuple[Begun, ...]:
        deadline.check()
        return self._enrolments.begin(batch, user_token, deadline)

    def submit_enrolments(
        self, gallery: str, submissions: Sequence[Submission], deadline: Deadline
    ) -> None:
        deadline.check()
        self._enrolments.submit(gallery, submissions, deadline)

    def enrolment(self, gallery: str, enrolment_id: str, deadline: Deadline) -> EnrolmentState:
        deadline.check()
        return self._enrolments.state(gallery, enrolment_id)

    def open_manifest(
        self, header: bytes, signature: str, user_token: str, deadline: Deadline
    ) -> ManifestState:
        deadline.check()
        return self._manifests.open(header, signature, user_token)

    def put_chunk(self, chunk: ChunkRef, rows: Sequence[Row], deadline: Deadline) -> ChunkState:
        deadline.check()
        return self._chunks.put(chunk, rows, deadline)

    def manifest(self, manifest_id: str, deadline: Deadline) -> ManifestState:
        deadline.check()
        return self._manifests.state(manifest_id)

    def manifest_rows(
        self,
        chunk: ChunkRef,
        statuses: Sequence[RowStatus],
        after: int,
        limit: int,
        deadline: Deadline,
    ) -> tuple[ManifestRow, ...]:
        deadline.check()
        return self._manifests.rows(chunk, statuses, after, limit)

    def delete_record(
        self, gallery: str, record_id: str, user_token: str, deadline: Deadline
    ) -> Deletion:
        deadline.check()
        return self._deletions.delete(gallery, record_id, user_token, deadline)

    def deletion(
        self, gallery: str, record_id: str, user_token: str, deadline: Deadline
    ) -> Deletion:
        return self._deletions.receipt(gallery, record_id, user_token, deadline)

    def check_gallery(
        self,
        gallery: str,
        repair: bool,
        user_token: str,
        remove_unknown: int | None,
        deadline: Deadline,
    ) -> GalleryCheck:
        deadline.check()
        return self._reconciliation.check(gallery, repair, user_token, deadline, remove_unknown)

    def redrive(
        self, gallery: str, enrolment_ids: Sequence[str], user_token: str, deadline: Deadline
    ) -> tuple[Redriven, ...]:
        deadline.check()
        return self._redrives.redrive(gallery, enrolment_ids, user_token, deadline)

    def foresee(self, grant: LoggedEntry, deadline: Deadline) -> None:
        deadline.check()
        self._foreseeing.foresee(grant, deadline)

    def search_galleries(
        self, search: PlaneSearch, deadline: Deadline
    ) -> tuple[GalleryAnswer, ...]:
        deadline.check()
        return self._searches.search(search, deadline)

    def search(self, search: GallerySearch, deadline: Deadline) -> GalleryResult:
        (answer,) = self.search_galleries(PlaneSearch.of_one(search), deadline)
        if isinstance(answer, GalleryFailure):
            raise answer.error
        return answer

    def open_portrait(self, look: LoggedEntry, deadline: Deadline) -> bytes:
        deadline.check()
        return self._openings.portrait(look, deadline)

    def unseal(self, proof: ReleaseProof, user_token: str, deadline: Deadline) -> tuple[Lead, ...]:
        deadline.check()
        return self._openings.leads(proof, user_token, deadline)

    def receipts(self, gallery: str, after: int, deadline: Deadline) -> Sequence[Attestation]:
        deadline.check()
        self._galleries.known(gallery)
        with read_transaction(self._parts.roster) as tx:
            return answers.receipts_after(tx, gallery, after, MAX_RECEIPTS)

    def take_embedded(
        self, gallery: str, events: Sequence[FaceEmbedded], deadline: Deadline
    ) -> list[OnRecordError | None]:
        """The bus's: templates of a gallery that is this plane's."""
        return self._arrivals.take(gallery, events, deadline)

    def take_rejected(
        self, gallery: str, events: Sequence[EnrolmentRejected], deadline: Deadline
    ) -> list[OnRecordError | None]:
        """The bus's: enrolments that will not be."""
        return self._rejections.take(gallery, events, deadline)

    def close(self) -> None:
        """Let go of the index and the roster; nothing may be asked afterwards."""
        self._searches.close()
        self._parts.relay.close()
        self._parts.index.close()
        self._parts.roster.dispose()
