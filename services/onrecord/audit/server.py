"""Audit as a process of its own: gRPC, and the consumers of receipts and changes."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from onrecord.audit.app import RunningAudit, build_audit
from onrecord.audit.core.fan_out import FanOutLimits
from onrecord.audit.rpc import register
from onrecord.audit.settings import AuditSettings
from onrecord.chassis.database import reachable
from onrecord.chassis.grpc import GrpcServer, ServerSettings
from onrecord.chassis.health import Health
from onrecord.chassis.identity_files import read_line
from onrecord.chassis.jobs import Periodic
from onrecord.chassis.lifecycle import Part, Process
from onrecord.chassis.parts import GrpcPart, WorkerPart
from onrecord.clients.from_settings import identity_of, token_verifier
from onrecord.events.topics import open_bus
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import SystemClock
from onrecord.kernel.vocabulary import Service
from onrecord.proof.notes import NoteSigner
from onrecord.rpc.allowed import ALLOWED

_log = logging.getLogger("onrecord.audit")


@contextmanager
def opened(settings: AuditSettings, told: Callable[[str], None]) -> Iterator[Process]:
    """Everything open and nothing at work; closed in the opposite order."""
    with ExitStack() as stack:
        clock = SystemClock()
        identity = identity_of(Service.AUDIT, settings)
        told("bus")
        bus = open_bus(settings.bus_at(), clock)
        stack.callback(bus.close)
        told("ledger")
        audit = build_audit(
            database_url=settings.database_url.get_secret_value(),
            database_limits=settings.database_limits,
            objects=settings.store(settings.ledger_objects),
            signer=_signer(settings),
            tokens=token_verifier(settings, clock),
            roots=lambda: identity.current().roots,
            bus=bus,
            clock=clock,
            witnessing=settings.witnessing,
            fan_out=FanOutLimits(settings.fan_out_galleries, settings.fan_out_cases),
        )
        stack.callback(audit.close)
        server = GrpcServer(
            ServerSettings(settings.address, settings.threads, settings.connection_age_seconds),
            identity,
            ALLOWED,
            _log,
        )
        server.add(register(audit.service))
        yield Process(
            Health({"database": lambda: reachable(audit.engine)}),
            (
                *audit_parts(audit, settings.reconcile_seconds),
                GrpcPart(
                    server, settings.stop_seconds, lambda port: _log.info("serving at %d", port)
                ),
            ),
            audit.readings,
        )


def audit_parts(audit: RunningAudit, reconcile_seconds: float) -> tuple[Part, ...]:
    """What works in audit without being called: the ledger's consumer, and reconciliation."""
    reconciling = Periodic("reconciliation", audit.reconciliation.step, reconcile_seconds)
    if audit.consumer is None:
        return (reconciling,)
    return WorkerPart("the ledger's consumer", audit.consumer), reconciling


def _signer(settings: AuditSettings) -> NoteSigner:
    try:
        return NoteSigner.parse(read_line(settings.ledger_signing_key, "ledger_signing_key"))
    except OnRecordError as error:
        raise OnRecordError(
            ErrorCode.SETTINGS_INVALID, error.message, field="ledger_signing_key"
        ) from error
