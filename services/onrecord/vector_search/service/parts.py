"""Everything the plane is given."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine

from onrecord.chassis.objects import ObjectStore
from onrecord.contracts.audit import LedgerProofs
from onrecord.kernel.times import Clock
from onrecord.kernel.writepoints import WritePoint, unobserved
from onrecord.proof.attestation import AttestationVerifier, Attestor
from onrecord.proof.notes import NoteVerifier
from onrecord.vector_search.ports import KeyStore, VectorIndex


@dataclass(frozen=True, slots=True)
class PlaneParts:
    """`roster` has its tables; `ledger_key` is the ledger's, pinned by the plane's operator.

    `random_bytes(n)` gives n bytes nobody can guess. `max_records` is the most live records that
    one gallery of this index may hold.
    """

    roster: Engine
    index: VectorIndex
    keys: KeyStore
    vault: ObjectStore
    attestor: Attestor
    verifier: AttestationVerifier
    ledger_key: NoteVerifier
    ledger: LedgerProofs
    clock: Clock
    random_bytes: Callable[[int], bytes]
    max_records: int
    reached: WritePoint = unobserved
    ticket_life: timedelta = timedelta(minutes=15)
