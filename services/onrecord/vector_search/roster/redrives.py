"""Enrolments that are to be sent on their way again."""

from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from onrecord.kernel.errors import ErrorCode
from onrecord.proof import canonical, statements
from onrecord.proof.attestation import Attestation
from onrecord.vector_search.core.values import RecordState
from onrecord.vector_search.roster.schema import records


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a redrive needs of an enrolment. `code`: why it was rejected."""

    enrolment_id: str
    gallery: str
    generation: int
    state: RecordState
    model_id: str
    vault_key: str
    ciphertext_sha256: str | None
    image_sha256: str | None
    wrapped_key: bytes | None
    code: ErrorCode | None


def find(tx: Connection, gallery: str, enrolment_id: str) -> Stopped | None:
    row = tx.execute(
        select(records).where(records.c.enrolment_id == enrolment_id, records.c.gallery == gallery)
    ).one_or_none()
    if row is None:
        return None
    return Stopped(
        enrolment_id=row.enrolment_id,
        gallery=row.gallery,
        generation=row.generation,
        state=RecordState(row.state),
        model_id=row.model_id,
        vault_key=row.vault_key,
        ciphertext_sha256=row.ciphertext_sha256,
        image_sha256=row.image_sha256,
        wrapped_key=row.wrapped_key,
        code=None if row.code is None else ErrorCode(row.code),
    )


def set_ticket(tx: Connection, enrolment_id: str, ticket: Attestation) -> bool:
    """Process it under this ticket from now on; False where it is gone meanwhile."""
    done = tx.execute(
        update(records)
        .where(records.c.enrolment_id == enrolment_id, records.c.state != RecordState.GONE.value)
        .values(
            ticket=statements.mandate_id(ticket),
            ticket_attestation=canonical.encode(ticket.to_json()).decode(),
        )
    )
    return done.rowcount == 1
