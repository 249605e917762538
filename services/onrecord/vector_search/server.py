"""A plane as a process of its own: gRPC, its consumer, and the upkeep of its keys and index."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, cast

from onrecord.chassis.bus.measured import lag_reading
from onrecord.chassis.bus.ports import Bus
from onrecord.chassis.grpc import GrpcServer, ServerSettings, open_channel
from onrecord.chassis.health import Health
from onrecord.chassis.jobs import Periodic
from onrecord.chassis.lifecycle import Part, Process
from onrecord.chassis.parts import GrpcPart, WorkerPart
from onrecord.chassis.telemetry import Reading
from onrecord.chassis.throttle import Foreground
from onrecord.clients.attesting import RenewedAttestor, believing
from onrecord.clients.audit import LedgerProofsClient
from onrecord.clients.from_settings import (
    identity_of,
    ledger_verifier,
    token_verifier,
)
from onrecord.contracts.vector_search import (
    GalleryAnswer,
    GalleryResult,
    GallerySearch,
    Plane,
    PlaneSearch,
)
from onrecord.events.topics import open_bus
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.times import Clock, SystemClock
from onrecord.kernel.vocabulary import Service
from onrecord.kernel.writepoints import WritePoint, unobserved
from onrecord.rpc.allowed import ALLOWED
from onrecord.vector_search.app import PlaneSettings, build_plane, build_plane_workers
from onrecord.vector_search.consumer import TOPICS, group_of
from onrecord.vector_search.measured import galleries_reading, keys_reading
from onrecord.vector_search.rpc import register
from onrecord.vector_search.service.plane import PlaneService
from onrecord.vector_search.settings import VectorSearchSettings

UPKEEP_SECONDS = 60.0
COUNT_SECONDS = 15.0
_UPKEEP_DEADLINE = 600.0
_READY_SECONDS = 5.0
_log = logging.getLogger("onrecord.vector-search")


@contextmanager
def opened(settings: VectorSearchSettings, told: Callable[[str], None]) -> Iterator[Process]:
    """Everything open and nothing at work; closed in the opposite order."""
    with ExitStack() as stack:
        clock = SystemClock()
        identity = identity_of(Service.VECTOR_SEARCH, settings)
        told("bus")
        bus = open_bus(settings.bus_at(), clock)
        stack.callback(bus.close)
        channel = open_channel(settings.audit, identity, Service.AUDIT)
        stack.callback(channel.close)
        told("galleries")
        plane = build_plane(
            _plane_settings(settings),
            name=settings.plane,
            vault=settings.store(settings.vault),
            ingest=settings.store(settings.ingest),
            attestor=RenewedAttestor(identity),
            verifier=believing(identity),
            tokens=token_verifier(settings, clock),
            publisher=bus.publisher(),
            ledger_key=ledger_verifier(settings),
            ledger=LedgerProofsClient(channel),
            clock=clock,
        )
        stack.callback(plane.close)
        foreground = settings.throttled()
        server = GrpcServer(
            ServerSettings(settings.address, settings.threads, settings.connection_age_seconds),
            identity,
            ALLOWED,
            _log,
        )
        server.add(register(cast("Plane", _Waited(plane, foreground))))
        yield Process(
            Health({"roster": lambda: plane.galleries(Deadline.after(_READY_SECONDS))}),
            (
                *plane_parts(
                    plane,
                    bus,
                    name=settings.plane,
                    foreground=foreground,
                    clock=clock,
                    upkeep_seconds=settings.maintenance_seconds,
                    count_seconds=settings.search_count_seconds,
                ),
                GrpcPart(
                    server, settings.stop_seconds, lambda port: _log.info("serving at %d", port)
                ),
            ),
            plane_readings(plane, bus, settings.plane),
        )


def plane_readings(plane: PlaneService, bus: Bus, name: str) -> tuple[Reading, ...]:
    """The gauges of a plane."""
    return (
        galleries_reading(cast("Plane", plane)),
        keys_reading(plane.transport_keys_overdue),
        lag_reading(bus, group_of(name), TOPICS),
    )


def plane_parts(
    plane: PlaneService,
    bus: Bus,
    *,
    name: str,
    foreground: Foreground,
    clock: Clock,
    upkeep_seconds: float = UPKEEP_SECONDS,
    count_seconds: float = COUNT_SECONDS,
    reached: WritePoint = unobserved,
) -> tuple[Part, ...]:
    """What works in a plane without being called: its consumer, upkeep, watch over the engine."""
    workers = build_plane_workers(
        plane, bus, name=name, foreground=foreground, clock=clock, reached=reached
    )
    upkeep = Periodic(
        f"upkeep of the plane {name}",
        lambda: plane.maintain(Deadline.after(_UPKEEP_DEADLINE)),
        upkeep_seconds,
    )
    parts: list[Part] = [WorkerPart(f"the consumer of the plane {name}", one) for one in workers]
    parts.append(upkeep)
    if plane.watches_searches:
        parts.append(
            Periodic(
                f"the count of searches of the plane {name}",
                lambda: plane.strange_searches(Deadline.after(count_seconds)),
                count_seconds,
            )
        )
    return tuple(parts)


class _Waited:
    """A `Plane` whose searches somebody waits for: the consumer gives way to them."""

    def __init__(self, plane: PlaneService, foreground: Foreground) -> None:
        self._plane = plane
        self._foreground = foreground

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plane, name)

    def search_galleries(
        self, search: PlaneSearch, deadline: Deadline
    ) -> tuple[GalleryAnswer, ...]:
        with self._foreground.call():
            return self._plane.search_galleries(search, deadline)

    def search(self, search: GallerySearch, deadline: Deadline) -> GalleryResult:
        with self._foreground.call():
            return self._plane.search(search, deadline)


def _plane_settings(settings: VectorSearchSettings) -> PlaneSettings:
    return PlaneSettings(
        roster_url=settings.roster_url.get_secret_value(),
        milvus=settings.milvus,
        keys=settings.keys,
        milvus_token=settings.milvus_token.get_secret_value(),
        max_records=settings.max_records,
        backup_days=settings.backup_days,
        milvus_metrics=tuple(settings.milvus_metrics.split()),
        milvus_idle_seconds=settings.milvus_idle_seconds,
        milvus_load_wait_seconds=settings.milvus_load_wait_seconds,
        roster_limits=settings.database_limits,
    )
