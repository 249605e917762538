"""Looking into galleries: what the index finds, and what of it the roster says is live."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from onrecord.chassis.database import read_transaction
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.proof.grant import Grant
from onrecord.vector_search.core.grants import check_may_begin
from onrecord.vector_search.core.naming import candidate_refs
from onrecord.vector_search.core.ranking import distinct, first_fetch, next_fetch, rank_live
from onrecord.vector_search.core.values import CandidateRow, Gallery, IndexHit, RankedRecord
from onrecord.vector_search.measured import ROSTER_DROPS
from onrecord.vector_search.roster.live import LiveRow, live_rows, live_since_before
from onrecord.vector_search.service.admitting import Admitted
from onrecord.vector_search.service.parts import PlaneParts
from onrecord.vector_search.service.policy_trust import PolicyTrust

FOUND_AFTER = timedelta(seconds=60)
"""For how long after an enrolment an index may not find it yet; a Milvus server takes some five."""


@dataclass(slots=True)
class Look:
    """One gallery's search, and how far it is: how many hits were asked for, and which came."""

    admitted: Admitted
    asked: int = 0
    hits: list[IndexHit] = field(default_factory=list)
    best: list[IndexHit] = field(default_factory=list)

    @property
    def gallery(self) -> Gallery:
        return self.admitted.gallery

    @property
    def name(self) -> str:
        return self.admitted.gallery.jurisdiction

    @property
    def list_size(self) -> int:
        return self.admitted.allowed.list_size


class Looking:
    """Asks index and roster. May be used from many threads."""

    def __init__(self, parts: PlaneParts, policies: PolicyTrust) -> None:
        self._parts = parts
        self._policies = policies

    def ask(self, look: Look, grant: Grant, deadline: Deadline) -> None:
        """Ask the index; again for more, where what came was not enough.

        Raises GRANT_POLICY_UNSIGNED, GRANT_EXPIRED, LEDGER_UNAVAILABLE and PLANE_UNAVAILABLE.
        """
        gallery = look.gallery
        if not look.asked:
            self._policies.check(gallery, look.admitted.allowed.policy, deadline)
            # The ledger may have taken its time: nothing is looked at in the last seconds (law 3).
            check_may_begin(grant, self._parts.clock.now())
        asked = next_fetch(look.asked) if look.asked else first_fetch(look.list_size)
        if asked is None:
            raise OnRecordError(
                ErrorCode.PLANE_UNAVAILABLE,
                "too many vectors of deleted records stand in the index; it must be compacted "
                "first",
            )
        deadline.check()
        look.hits = self._parts.index.search(gallery.space, look.admitted.vector, asked, deadline)
        look.best, look.asked = distinct(look.hits), asked

    def live(self, looks: Sequence[Look]) -> dict[str, LiveRow]:
        """The live rows of what these have found.

        Those at the top are mostly all live: the rest is looked up only where they are not.
        """
        with read_transaction(self._parts.roster) as tx:
            held = live_rows(tx, [hit.key for one in looks for hit in one.best[: one.list_size]])
            rest = [
                hit.key
                for one in looks
                if not _all_own(one, one.best[: one.list_size], held)
                for hit in one.best[one.list_size :]
            ]
            return held | live_rows(tx, rest) if rest else held

    def ranked(self, look: Look, live: dict[str, LiveRow]) -> tuple[RankedRecord, ...] | None:
        """The best live records; None where more must be asked for, since ghosts and duplicates
        have left it short. Raises PLANE_UNAVAILABLE where the index has lost records.
        """
        first = look.best[: look.list_size]
        dropped = sum(_enrolment(live, hit.key, look) is None for hit in first)
        if dropped:
            ROSTER_DROPS.add(dropped, gallery=look.gallery.jurisdiction)
        ranked = _ranked(look, live)
        if len(ranked) == look.list_size:
            return ranked
        return self._whole(look.gallery, ranked) if len(look.hits) < look.asked else None

    def named(
        self, look: Look, grant: Grant, ranked: Sequence[RankedRecord]
    ) -> tuple[CandidateRow, ...]:
        """A name for each record, which says nothing outside this search and stays theirs."""
        gallery = look.gallery.jurisdiction
        key = self._parts.keys.private_key(gallery)
        refs = candidate_refs(key, grant.mandate, (record.index_key for record in ranked))
        return tuple(
            CandidateRow(
                candidate_ref=ref,
                gallery=gallery,
                mandate=grant.mandate,
                search_id=grant.search_id,
                grant_index=grant.index,
                enrolment_id=record.enrolment_id,
                similarity=record.similarity,
            )
            for ref, record in zip(refs, ranked, strict=True)
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


def _ranked(look: Look, live: dict[str, LiveRow]) -> tuple[RankedRecord, ...]:
    own = {
        hit.key: enrolment
        for hit in look.best
        if (enrolment := _enrolment(live, hit.key, look)) is not None
    }
    return rank_live(look.best, own, look.list_size)


def _all_own(look: Look, hits: Sequence[IndexHit], live: dict[str, LiveRow]) -> bool:
    return all(_enrolment(live, hit.key, look) is not None for hit in hits)


def _enrolment(live: dict[str, LiveRow], key: str, look: Look) -> str | None:
    """Whose vector it is, if that is a live record of this very gallery."""
    row = live.get(key)
    return (
        row.enrolment_id if row is not None and row.gallery == look.gallery.jurisdiction else None
    )
