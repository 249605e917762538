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
from onrecord.vector_search.service.search_count import SearchWatch

TICKET_LIFE = timedelta(hours=24)
"""As long as a message may stand on an enrolment's topics."""
BACKUP_DAYS = 35
GATHERING_SECONDS = 0.05
"""How long an answer waits for other galleries of its call; the caller waits for them anyway."""
LOOKS = 32
"""Galleries that are searched at once for calls that ask for several."""


@dataclass(frozen=True, slots=True)
class PlaneParts:
    """`roster` has its tables; `ledger_key` is the ledger's, pinned by the plane's operator.

    `name`: what its operator calls this plane. `relay`: from the roster's outbox to the bus.
    `ingest`: where sealed portraits wait for detection. `random_bytes(n)` gives n bytes nobody can
    guess. `max_records` is the most live records that one gallery of this index may hold.
    `backup_days`: how long the operator's backups of vault and roster are kept. `watch`: who holds
    the engine's own count of searches against ours, where the engine counts.
    `gathering_seconds`: how long the answer of one gallery waits at most for others of its call,
    to be stored with them. `looks`: how many galleries are searched at once for calls that ask for
    several.
    """

    name: str
    roster: Engine
    relay: Relay
    index: VectorIndex
    keys: KeyStore
    vault: ObjectStore
    ingest: ObjectStore
    attestor: Attestor
    verifier: AttestationVerifier
    tokens: TokenVerifier
    ledger_key: NoteVerifier
    ledger: LedgerProofs
    clock: Clock
    random_bytes: Callable[[int], bytes]
    max_records: int
    backup_days: int = BACKUP_DAYS
    reached: WritePoint = unobserved
    ticket_life: timedelta = TICKET_LIFE
    watch: SearchWatch | None = None
    gathering_seconds: float = GATHERING_SECONDS
    looks: int = LOOKS
