"""Searches that were made: receipts and candidates."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, insert, select

from onrecord.chassis.database import Direct
from onrecord.contracts.vector_search import Candidate
from onrecord.proof import canonical, statements
from onrecord.proof.attestation import Attestation
from onrecord.vector_search.core.values import CandidateRow
from onrecord.vector_search.roster.schema import candidates, searches

_OF_MANDATES = Direct(
    select(
        searches.c.mandate,
        searches.c.gallery,
        searches.c.model_id,
        searches.c.template_sha256,
        searches.c.sequence,
        searches.c.receipt,
    ).where(searches.c.mandate.in_(bindparam("mandates", expanding=True))),
    listed="mandates",
)
_ADD = Direct(insert(searches), columns=searches.c.keys())
_ADD_CANDIDATES = Direct(insert(candidates), columns=candidates.c.keys())


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What one grant was answered with in one gallery."""

    model_id: str
    template_sha256: str
    sequence: int
    receipt: Attestation

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The list, as the receipt has it."""
        said = statements.read(self.receipt)
        return tuple(Candidate(one["ref"], one["similarity"]) for one in said["candidates"])


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """An answer, and what it answers."""

    gallery: str
    mandate: str
    search_id: str
    grant_index: int
    answer: StoredAnswer


def find_of_mandate(tx: Connection, mandate: str) -> dict[str, StoredAnswer]:
    """What every gallery here answered under one grant."""
    return find_of_mandates(tx, [mandate])[mandate]


def find_of_mandates(tx: Connection, mandates: Sequence[str]) -> dict[str, dict[str, StoredAnswer]]:
    """By mandate, what every gallery here answered under each of these grants."""
    found: dict[str, dict[str, StoredAnswer]] = {mandate: {} for mandate in mandates}
    rows = _OF_MANDATES.rows(tx, {"mandates": mandates})
    for mandate, gallery, model_id, template, sequence, receipt in rows:
        found[mandate][gallery] = StoredAnswer(model_id, template, sequence, _receipt(receipt))
    return found


def add(tx: Connection, rows: Sequence[AnswerRow]) -> None:
    _ADD.run_each(
        tx,
        [
            {
                "gallery": row.gallery,
                "mandate": row.mandate,
                "search_id": row.search_id,
                "grant_index": row.grant_index,
                "model_id": row.answer.model_id,
                "template_sha256": row.answer.template_sha256,
                "sequence": row.answer.sequence,
                "receipt": canonical.encode(row.answer.receipt.to_json()).decode(),
            }
            for row in rows
        ],
    )


def add_candidates(tx: Connection, rows: Sequence[CandidateRow]) -> None:
    if not rows:
        return
    _ADD_CANDIDATES.run_each(
        tx,
        [
            {
                "candidate_ref": row.candidate_ref,
                "gallery": row.gallery,
                "mandate": row.mandate,
                "search_id": row.search_id,
                "grant_index": row.grant_index,
                "enrolment_id": row.enrolment_id,
                "similarity": row.similarity,
            }
            for row in rows
        ],
    )


def find_candidate(tx: Connection, candidate_ref: str) -> CandidateRow | None:
    row = tx.execute(
        select(candidates).where(candidates.c.candidate_ref == candidate_ref)
    ).one_or_none()
    if row is None:
        return None
    return CandidateRow(
        candidate_ref=row.candidate_ref,
        gallery=row.gallery,
        mandate=row.mandate,
        search_id=row.search_id,
        grant_index=row.grant_index,
        enrolment_id=row.enrolment_id,
        similarity=row.similarity,
    )


def receipts_after(tx: Connection, gallery: str, after: int, limit: int) -> tuple[Attestation, ...]:
    """Receipts with a sequence above `after`, in order."""
    found = (
        select(searches.c.receipt)
        .where(searches.c.gallery == gallery, searches.c.sequence > after)
        .order_by(searches.c.sequence)
        .limit(limit)
    )
    return tuple(_receipt(receipt) for receipt in tx.execute(found).scalars())


def _receipt(held: str) -> Attestation:
    return Attestation.from_json(canonical.decode(held.encode()))
