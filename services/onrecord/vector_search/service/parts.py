"""Everything the plane is given."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine

from onrecord.chassis.objects import ObjectStore
from onrecord.chassis.tokens import TokenVerifier
from onrecord.contracts.audit import LedgerProofs
from onrecord.kernel.times import Clock
from onrecord.kernel.writepoints import WritePoint, unobserved
from onrecord.proof.attestation import AttestationVerifier, Attestor
from onrecord.proof.notes import NoteVerifier
from onrecord.vector_search.ports import KeyStore, VectorIndex
from onrecord.vector_search.service.relay import Relay


@dataclass(frozen=True, slots=True)
class PlaneParts:
    """`roster` has its tables; `ledger_key` is the ledger's, pinned by the plane's operator.

    `random_bytes(n)` gives n bytes nobody can guess. `max_records` is the most live records that
    one gallery of this index may hold. `tokens` verifies who asks; `ingest` is where portraits wait
    to be worked on; `relay` publishes what stands in the roster's outbox. A backup that may hold a
    sealed portrait is kept for at most `backup_days`.
    """

    roster: Engine
    index: VectorIndex
    keys: KeyStore
    vault: ObjectStore
    ingest: ObjectStore
    relay: Relay
    tokens: TokenVerifier
    attestor: Attestor
    verifier: AttestationVerifier
    ledger_key: NoteVerifier
    ledger: LedgerProofs
    clock: Clock
    random_bytes: Callable[[int], bytes]
    max_records: int
    reached: WritePoint = unobserved
    ticket_life: timedelta = timedelta(minutes=15)
    backup_days: int = 35
