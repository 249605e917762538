"""A change of a gallery, signed in its place: numbered, and naming the one before (ADR 37)."""

from typing import Any

from sqlalchemy import Connection

from onrecord.proof.attestation import Attestation
from onrecord.proof.statements import statement_sha256
from onrecord.vector_search.core import write_points
from onrecord.vector_search.roster import changes
from onrecord.vector_search.service.parts import PlaneParts


def signed_change(parts: PlaneParts, tx: Connection, body: dict[str, Any]) -> Attestation:
    """The statement, whose place in the chain stands when `tx` commits.

    The caller holds the lock of the gallery that the body names, and queues it in `tx`.
    """
    gallery = str(body["gallery"])
    number, previous = changes.last(tx, gallery)
    change = parts.attestor.attest({**body, "sequence": number + 1, "previous": previous})
    changes.advance(tx, gallery, number + 1, statement_sha256(change))
    parts.reached(write_points.CHANGE_NUMBERED)
    return change
