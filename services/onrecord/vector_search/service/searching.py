"""One search of one gallery under one grant (laws 2 and 3)."""

from collections.abc import Sequence
from datetime import timedelta

from onrecord.chassis.database import read_transaction
from onrecord.chassis.telemetry import current_traceparent
from onrecord.contracts.images import Template, Vector
from onrecord.contracts.vector_search import GalleryResult, GallerySearch
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof import statements
from onrecord.proof.checkpoint import SignedCheckpoint
from onrecord.proof.grant import Grant, read_grant
from onrecord.vector_search.core import write_points
from onrecord.vector_search.core.grants import (
    check_grant,
    check_made_under,
    check_may_begin,
    check_still_running,
)
from onrecord.vector_search.core.naming import candidate_refs
from onrecord.vector_search.core.ranking import distinct, first_fetch, next_fetch, rank_live
from onrecord.vector_search.core.templates import check_template
from onrecord.vector_search.core.values import CandidateRow, Gallery, IndexHit, RankedRecord
from onrecord.vector_search.measured import ROSTER_DROPS
from onrecord.vector_search.roster import answers
from onrecord.vector_search.roster.live import live_keys, live_since_before
from onrecord.vector_search.service.answering import Answering, Seat
from onrecord.vector_search.service.batch import Found, same_again
from onrecord.vector_search.service.managing import Galleries
from onrecord.vector_search.service.parts import PlaneParts
from onrecord.vector_search.service.trust import LedgerTrust, PolicyTrust

FOUND_AFTER = timedelta(seconds=60)
"""For how long after an enrolment an index may not find it yet; a Milvus server takes some five."""


class Searches:
    """Looks only where the ledger shows it was allowed, and says so before it answers."""

    def __init__(
        self, parts: PlaneParts, known: Galleries, ledger: LedgerTrust, policies: PolicyTrust
    ) -> None:
        self._parts = parts
        self._galleries = known
        self._ledger = ledger
        self._policies = policies
        self._answering = Answering(parts)

    def search(self, search: GallerySearch, deadline: Deadline) -> GalleryResult:
        """What is answered has its receipt on the bus, also where it is answered again (law 3)."""
        grant = read_grant(search.grant, self._parts.ledger_key)
        with self._answering.seat(grant.mandate) as seat:
            return self._searched(search, grant, seat, deadline)

    def _searched(
        self, search: GallerySearch, grant: Grant, seat: Seat, deadline: Deadline
    ) -> GalleryResult:
        gallery, answered = self._standing(grant, search)
        now = self._parts.clock.now()
        if answered is not None:
            check_still_running(grant, now)
            self._parts.relay.flush(deadline)
            return answered
        allowed = check_grant(grant, gallery, search.template.model_id, now)
        seen = SignedCheckpoint(search.grant.checkpoint, grant.entry.checkpoint)
        self._ledger.accept_opened(seen, deadline)
        self._policies.check(gallery, allowed.policy, deadline)
        vector = self._trusted_vector(gallery, grant, search.template)
        check_made_under(grant, search.template, now)
        # The ledger may have taken its time: nothing is looked at in the last seconds (law 3).
        check_may_begin(grant, self._parts.clock.now())
        ranked = self._find(gallery, vector, allowed.list_size, deadline)
        self._parts.reached(write_points.CANDIDATES_FOUND)
        # Before the roster is held: it asks a key and nothing of the books.
        named = self._named(gallery, grant, ranked)
        digest = search.template.sha256
        found = Found(gallery, grant, allowed, digest, named, current_traceparent())
        return seat.answer(found, deadline)

    def _standing(
        self, grant: Grant, search: GallerySearch
    ) -> tuple[Gallery, GalleryResult | None]:
        """The gallery, and what it answered under this grant before. Raises GALLERY_UNKNOWN."""
        with read_transaction(self._parts.roster) as tx:
            gallery = self._galleries.find(tx, search.gallery)
            answered = answers.find_of_mandate(tx, grant.mandate)
        template = search.template
        return gallery, same_again(
            answered, gallery.jurisdiction, template.model_id, template.sha256
        )

    def _trusted_vector(self, gallery: Gallery, grant: Grant, template: Template) -> Vector:
        statements.verify_template(
            self._parts.verifier,
            template.detected,
            template.embedded,
            mandate=grant.mandate,
            image=grant.probe_sha256,
            template=template.sha256,
            model_id=template.model_id,
        )
        return check_template(template, gallery.space)

    def _find(
        self, gallery: Gallery, vector: Vector, list_size: int, deadline: Deadline
    ) -> tuple[RankedRecord, ...]:
        """The best live records; asks for more while ghosts and duplicates leave it short."""
        asked: int | None = first_fetch(list_size)
        while asked is not None:
            deadline.check()
            hits = self._parts.index.search(gallery.space, vector, asked, deadline)
            best = distinct(hits)
            ranked = self._ranked(gallery, best, list_size)
            if len(ranked) == list_size:
                return ranked
            if len(hits) < asked:
                return self._whole(gallery, ranked)
            asked = next_fetch(asked)
        raise OnRecordError(
            ErrorCode.PLANE_UNAVAILABLE,
            "too many vectors of deleted records stand in the index; it must be compacted first",
        )

    def _whole(
        self, gallery: Gallery, ranked: tuple[RankedRecord, ...]
    ) -> tuple[RankedRecord, ...]:
        """A short list, where the gallery is as short: an index that has lost vectors is not
        answered from (law 4). One that lags behind an insert is.
        """
        if gallery.live_records > len(ranked):
            settled = self._parts.clock.now() - FOUND_AFTER
            with read_transaction(self._parts.roster) as tx:
                held = live_since_before(tx, gallery, settled)
            if held > len(ranked):
                raise OnRecordError(
                    ErrorCode.PLANE_UNAVAILABLE,
                    "the index lacks records that the roster holds; the gallery must be checked "
                    "and repaired first",
                )
        return ranked

    def _ranked(
        self, gallery: Gallery, best: Sequence[IndexHit], list_size: int
    ) -> tuple[RankedRecord, ...]:
        """Those at the top are mostly all live: the rest is looked up only where they are not."""
        with read_transaction(self._parts.roster) as tx:
            keys = [hit.key for hit in best]
            held = live_keys(tx, gallery.jurisdiction, keys[:list_size])
            if len(held) < min(list_size, len(keys)):
                held |= live_keys(tx, gallery.jurisdiction, keys[list_size:])
        dropped = sum(key not in held for key in keys[:list_size])
        if dropped:
            ROSTER_DROPS.add(dropped, gallery=gallery.jurisdiction)
        return rank_live(best, held, list_size)

    def _named(
        self, gallery: Gallery, grant: Grant, ranked: tuple[RankedRecord, ...]
    ) -> tuple[CandidateRow, ...]:
        """A name for each record, which says nothing outside this search and stays theirs."""
        key = self._parts.keys.private_key(gallery.jurisdiction)
        refs = candidate_refs(key, grant.mandate, (record.index_key for record in ranked))
        return tuple(
            CandidateRow(
                candidate_ref=ref,
                gallery=gallery.jurisdiction,
                mandate=grant.mandate,
                search_id=grant.search_id,
                grant_index=grant.index,
                enrolment_id=record.enrolment_id,
                similarity=record.similarity,
            )
            for ref, record in zip(refs, ranked, strict=True)
        )
