"""Audit's composition root: the only place where its parts are built."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from sqlalchemy import Engine

from onrecord.audit.adapters.ledger import StoredLedger
from onrecord.audit.adapters.policies import StoredPolicies
from onrecord.audit.service.audit_service import AuditService
from onrecord.chassis.database import open_database
from onrecord.chassis.objects import ObjectStore
from onrecord.chassis.tokens import TokenVerifier
from onrecord.kernel.times import Clock, SystemClock
from onrecord.kernel.writepoints import WritePoint, unobserved
from onrecord.proof.attestation import AttestationVerifier
from onrecord.proof.notes import NoteSigner

if TYPE_CHECKING:
    from onrecord.contracts.audit import Audit


@dataclass(frozen=True, slots=True)
class RunningAudit:
    """Audit at work. `close` finishes what waits, publishes it and stops."""

    service: AuditService
    ledger: StoredLedger
    engine: Engine

    @property
    def audit(self) -> "Audit":
        return self.service

    def close(self) -> None:
        self.ledger.close()
        self.engine.dispose()


def build_audit(
    *,
    database_url: str,
    objects: ObjectStore,
    signer: NoteSigner,
    tokens: TokenVerifier,
    roots: Sequence[x509.Certificate],
    clock: Clock | None = None,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    reached: WritePoint = unobserved,
) -> RunningAudit:
    """Open the ledger and everything that works on it.

    `signer` is the ledger's checkpoint key; its name is the origin, `<deployment host>/onrecord`.
    `objects` is where the public log goes. `roots` are the certificate roots whose services'
    attestations are believed. Raises LEDGER_UNAVAILABLE where the database does not extend what
    has been published.
    """
    clock = clock or SystemClock()
    engine = open_database(database_url)
    ledger = StoredLedger(engine, objects, signer, clock, random_bytes, reached)
    try:
        ledger.open()
    except BaseException:
        ledger.close()
        engine.dispose()
        raise
    service = AuditService(
        ledger=ledger,
        policies=StoredPolicies(engine),
        tokens=tokens,
        attestations=AttestationVerifier(roots),
        clock=clock,
        random_bytes=random_bytes,
    )
    return RunningAudit(service, ledger, engine)
