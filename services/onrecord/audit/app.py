"""Audit's composition root: the only place where its parts are built."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from cryptography import x509
from sqlalchemy import Engine

from onrecord.audit.adapters.emergencies import StoredEmergencies
from onrecord.audit.adapters.ends import StoredEnds
from onrecord.audit.adapters.ledger import StoredLedger
from onrecord.audit.adapters.places import StoredPlaces
from onrecord.audit.adapters.policies import StoredPolicies
from onrecord.audit.adapters.readings import LedgerReadings
from onrecord.audit.adapters.requests import StoredRequests
from onrecord.audit.consumer import GROUP, LedgerConsumer
from onrecord.audit.core.fan_out import FanOutLimits
from onrecord.audit.core.witnessing import Witnessing
from onrecord.audit.service.audit_service import AuditService
from onrecord.audit.service.fan_out import FanOutWatch
from onrecord.audit.service.intake import TakingIn
from onrecord.audit.service.reconciliation import Reconciliation
from onrecord.chassis.bus.measured import lag_reading
from onrecord.chassis.bus.ports import Bus
from onrecord.chassis.database import DatabaseLimits, open_database, write_ahead
from onrecord.chassis.jobs import Periodic
from onrecord.chassis.objects import ObjectStore
from onrecord.chassis.telemetry import Reading
from onrecord.chassis.throttle import Foreground, Unthrottled
from onrecord.chassis.tokens import TokenVerifier
from onrecord.contracts.events import LEDGER_TOPICS
from onrecord.kernel.times import Clock, SystemClock
from onrecord.kernel.writepoints import WritePoint, unobserved
from onrecord.proof.attestation import AttestationVerifier
from onrecord.proof.notes import NoteSigner

if TYPE_CHECKING:
    from onrecord.contracts.audit import Audit

RECONCILE_SECONDS = 10.0
PATIENCE_SECONDS = 5.0
STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class RunningAudit:
    """Audit at work. `close` finishes what waits, publishes it and stops.

    `consumer` is None where there is no bus. `start` reads the bus and looks through the books in
    threads; whoever runs these parts elsewhere calls `consumer.start` and `reconciliation.step`.
    """

    service: AuditService
    ledger: StoredLedger
    engine: Engine
    consumer: LedgerConsumer | None
    reconciliation: Reconciliation
    upkeep: list[Periodic]
    readings: tuple[Reading, ...] = ()

    def start(self, reconcile_seconds: float = RECONCILE_SECONDS) -> None:
        """Read the bus, and reconcile every so many seconds (R-23)."""
        if self.consumer is not None:
            self.consumer.start()
        self.upkeep.append(
            Periodic("ledger-reconciliation", self.reconciliation.step, reconcile_seconds)
        )
        self.upkeep[-1].start()

    def stop(self, grace: float) -> bool:
        """Finish the poll and the pass in hand; whether both did, in `grace` seconds each."""
        for periodic in self.upkeep:
            periodic.ask_to_stop()
        done = self.consumer is None or self.consumer.stop(grace)
        return all(periodic.wait(grace) for periodic in self.upkeep) and done

    @property
    def audit(self) -> "Audit":
        return self.service

    def close(self) -> None:
        self.stop(STOP_SECONDS)
        self.ledger.close()
        self.engine.dispose()


def build_audit(
    *,
    database_url: str,
    database_limits: DatabaseLimits | None = None,
    objects: ObjectStore,
    signer: NoteSigner,
    tokens: TokenVerifier,
    roots: Sequence[x509.Certificate] | Callable[[], Sequence[x509.Certificate]],
    bus: Bus | None = None,
    patience: float = PATIENCE_SECONDS,
    clock: Clock | None = None,
    witnessing: Witnessing | None = None,
    foreground: Foreground | None = None,
    fan_out: FanOutLimits | None = None,
    random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    reached: WritePoint = unobserved,
) -> RunningAudit:
    """Open the ledger and everything that works on it.

    `signer` is the ledger's checkpoint key; its name is the origin, `<deployment host>/onrecord`.
    `objects` is where the public log goes. `roots` are the certificate roots whose services'
    attestations are believed. `bus` is where planes publish; `patience`: seconds that an
    examiner's call waits for receipts that are still on it. `witnessing`: who cosigns (default:
    nobody). `foreground`: the calls in this process to which publishing and reading the bus give
    way. `fan_out`: how far one person's requests may spread in a day without an alarm. Raises
    LEDGER_UNAVAILABLE where the database does not extend what has been published, or what a
    witness that answers has cosigned.
    """
    clock = clock or SystemClock()
    foreground = foreground or Unthrottled()
    engine = open_database(database_url, database_limits)
    write_ahead.leave_to_the_background(engine)
    ledger = StoredLedger(
        engine,
        objects,
        signer,
        clock,
        random_bytes,
        reached,
        witnessing or Witnessing(),
        foreground,
    )
    try:
        ledger.open()
    except BaseException:
        ledger.close()
        engine.dispose()
        raise
    attestations, ends = AttestationVerifier(roots), StoredEnds(engine)
    policies = StoredPolicies(engine)
    emergencies = StoredEmergencies(engine)
    consumer = None
    if bus is not None:
        taking = TakingIn(ledger, attestations)
        consumer = LedgerConsumer(
            bus, taking, StoredPlaces(engine), ends, clock, reached, foreground
        )
    read_until = _nothing_to_read if consumer is None else consumer.read_until
    service = AuditService(
        ledger=ledger,
        policies=policies,
        tokens=tokens,
        attestations=attestations,
        ends=ends,
        emergencies=emergencies,
        clock=clock,
        random_bytes=random_bytes,
        read_until=read_until,
        patience=patience,
    )
    reconciliation = Reconciliation(
        ledger,
        ends,
        emergencies,
        FanOutWatch(ledger, StoredRequests(engine), fan_out or FanOutLimits(), clock),
        read_until,
        clock,
    )
    witnessed = bool(witnessing and witnessing.addresses)
    readings = LedgerReadings(
        engine, policies.shelf, clock, witnessed, lambda: ledger.stopped
    ).readings
    if bus is not None:
        readings = (*readings, lag_reading(bus, GROUP, LEDGER_TOPICS))
    return RunningAudit(service, ledger, engine, consumer, reconciliation, [], readings)


def _nothing_to_read(_: datetime) -> bool:
    """Without a bus no receipt can come."""
    return True
