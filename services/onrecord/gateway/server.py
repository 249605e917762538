"""The gateway as a process of its own: HTTP in, gRPC and the bus out, its projections."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import grpc

from onrecord.chassis.certificates import IdentitySource
from onrecord.chassis.database import open_database
from onrecord.chassis.grpc import open_channel
from onrecord.chassis.health import Health
from onrecord.chassis.identity_files import read_secret
from onrecord.chassis.inference import ModelRepository
from onrecord.chassis.jobs import Periodic
from onrecord.chassis.lifecycle import Part, Process
from onrecord.chassis.parts import WorkerPart
from onrecord.chassis.sealing import SymmetricSeal
from onrecord.clients.audit import AuditClient
from onrecord.clients.detection import DetectionClient
from onrecord.clients.embedding import EmbeddingClient
from onrecord.clients.from_settings import identity_of, token_verifier
from onrecord.clients.planes import plane_clients
from onrecord.events.topics import open_bus
from onrecord.gateway.app import Gateway, GatewayParts, build_gateway
from onrecord.gateway.http.part import HttpPart, listening
from onrecord.gateway.limits import Limits, searches_at_once
from onrecord.gateway.models import model_facts
from onrecord.gateway.settings import GatewaySettings
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import SystemClock
from onrecord.kernel.vocabulary import Service

MAINTENANCE_SECONDS = 300.0
_log = logging.getLogger("onrecord.gateway")


@contextmanager
def opened(settings: GatewaySettings, told: Callable[[str], None]) -> Iterator[Process]:
    """Everything open and nothing at work; closed in the opposite order."""
    with ExitStack() as stack:
        clock = SystemClock()
        host, _, port = settings.address.rpartition(":")
        listener = stack.enter_context(listening(host, int(port)))
        identity = identity_of(Service.GATEWAY, settings)
        facts = model_facts(ModelRepository(settings.models))
        told("bus")
        bus = open_bus(settings.bus_at(), clock)
        stack.callback(bus.close)
        told("casework")
        casework = open_database(settings.database_url.get_secret_value(), settings.database_limits)
        stack.callback(casework.dispose)

        def to(address: str, service: Service) -> grpc.Channel:
            return _channel(address, service, identity, stack)

        clients = plane_clients(settings, identity, stack)
        named = {one.name: plane for one, plane in zip(settings.planes, clients, strict=True)}
        gateway = build_gateway(
            GatewayParts(
                audit=AuditClient(to(settings.audit, Service.AUDIT)),
                detection=DetectionClient(to(settings.detection, Service.DETECTION)),
                embedding=EmbeddingClient(to(settings.embedding, Service.EMBEDDING)),
                planes=named,
                homes={home.gallery: home.plane for home in settings.homes},
                tokens=token_verifier(settings, clock),
                database=casework,
                casework_key=SymmetricSeal(read_secret(settings.casework_key, "casework_key")),
                vault=settings.store(settings.vault),
                ingest=settings.store(settings.ingest),
                ledger_objects=settings.store(settings.ledger_objects),
                models=facts,
                bus=bus,
                clock=clock,
                limits=_limits(settings),
            )
        )
        yield Process(
            gateway_health(gateway),
            (
                *gateway_parts(gateway, settings.maintenance_seconds),
                HttpPart(
                    gateway.app,
                    listener,
                    settings.stop_seconds,
                    lambda bound: _log.info("serving at http://%s:%d", host, bound),
                ),
            ),
            gateway.readings,
        )


def gateway_parts(
    gateway: Gateway, maintenance_seconds: float = MAINTENANCE_SECONDS
) -> tuple[Part, ...]:
    """What works in the gateway without being called: what it takes from the bus, and upkeep."""
    names = ("the consumer of progress", "the reader of dead letters")
    consumers = (
        WorkerPart(name, worker) for name, worker in zip(names, gateway.workers, strict=True)
    )
    forgetting = Periodic("upkeep of the gateway", gateway.forgetting.run, maintenance_seconds)
    return *consumers, forgetting


def gateway_health(gateway: Gateway) -> Health:
    """What says at the health port whether the gateway is ready."""
    return _GatewayHealth(gateway)


class _GatewayHealth(Health):
    """What the gateway says at its own address, said at the health port as well."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__({"gateway": self._check})
        self._readiness = gateway.readiness

    def drain(self) -> None:
        super().drain()
        self._readiness.drain()

    def _check(self) -> None:
        view = self._readiness.view()
        if view.status != "ready":
            raise OnRecordError(ErrorCode.INTERNAL, "not ready")


def _limits(settings: GatewaySettings) -> Limits:
    return Limits(
        image_bytes=settings.image_bytes,
        admission=settings.admission,
        uploads=settings.uploads,
        searches=searches_at_once(settings.searches),
        search_wait_seconds=settings.search_wait_seconds,
        fan_out=settings.fan_out,
        upload_seconds=settings.upload_seconds,
        search_seconds=settings.search_seconds,
        call_seconds=settings.call_seconds,
        event_days=settings.event_days,
        enrolment_days=settings.enrolment_days,
    )


def _channel(
    address: str, service: Service, identity: IdentitySource, stack: ExitStack
) -> grpc.Channel:
    channel = open_channel(address, identity, service)
    stack.callback(channel.close)
    return channel
