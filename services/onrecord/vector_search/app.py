"""The plane's composition root: settings in, a plane out."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from onrecord.chassis.bus.ports import Bus, Publisher
from onrecord.chassis.bus.settings import WorkerSettings
from onrecord.chassis.bus.worker import Worker
from onrecord.chassis.database import DatabaseLimits, open_database, write_ahead
from onrecord.chassis.objects import ObjectStore
from onrecord.chassis.throttle import Foreground
from onrecord.chassis.tokens import TokenVerifier
from onrecord.contracts.audit import LedgerProofs
from onrecord.events.handling import DeadLetterWriter
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.times import Clock, SystemClock
from onrecord.kernel.writepoints import WritePoint, unobserved
from onrecord.proof.attestation import AttestationVerifier, Attestor
from onrecord.proof.notes import NoteVerifier
from onrecord.vector_search.adapters.key_files import KeyFiles
from onrecord.vector_search.adapters.milvus_metrics import MilvusMetrics
from onrecord.vector_search.consumer import TOPICS, PlaneConsumer, group_of
from onrecord.vector_search.ports import KeyStore, VectorIndex
from onrecord.vector_search.roster.schema import create_schema
from onrecord.vector_search.service.parts import BACKUP_DAYS, PlaneParts
from onrecord.vector_search.service.plane import PlaneService
from onrecord.vector_search.service.relay import Relay
from onrecord.vector_search.service.search_count import CountedIndex, SearchWatch

LITE_MAX_RECORDS = 200_000
"""A gallery on Milvus Lite: 100,000 x 128 takes it some 0.1 s a search, a server 8 ms."""
SERVER_MAX_RECORDS = 100_000_000
RECOVERY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class PlaneSettings:
    """Where the plane keeps things.

    `roster_url`: SQLAlchemy URL of the database `roster`. `milvus`: `http(s)://host:port`, or the
    path of a Milvus Lite file ending in `.db`. `keys`: the folder of gallery keys.
    `max_records`: live records a gallery may hold; by default what suits the index.
    `backup_days`: how long backups of vault and roster are kept, for deletion receipts.
    `milvus_metrics`: where each of Milvus's proxies tells its own count of searches.
    `milvus_idle_seconds`, `milvus_load_wait_seconds`: when a Milvus server lets go of a gallery's
    memory, and how long a search waits for it to be loaded again.
    """

    roster_url: str
    milvus: str
    keys: Path
    milvus_token: str = ""
    max_records: int | None = None
    backup_days: int = BACKUP_DAYS
    milvus_metrics: tuple[str, ...] = ()
    milvus_idle_seconds: float = 3600.0
    milvus_load_wait_seconds: float = 10.0
    roster_limits: DatabaseLimits | None = None

    @property
    def on_file(self) -> bool:
        return not self.milvus.startswith(("http://", "https://"))

    @property
    def record_limit(self) -> int:
        if self.max_records is not None:
            return self.max_records
        return LITE_MAX_RECORDS if self.on_file else SERVER_MAX_RECORDS


def build_plane(
    settings: PlaneSettings,
    *,
    name: str,
    vault: ObjectStore,
    ingest: ObjectStore,
    attestor: Attestor,
    verifier: AttestationVerifier,
    tokens: TokenVerifier,
    publisher: Publisher,
    ledger_key: NoteVerifier,
    ledger: LedgerProofs,
    clock: Clock | None = None,
    random_bytes: Callable[[int], bytes] = os.urandom,
    index: VectorIndex | None = None,
    keys: KeyStore | None = None,
    reached: WritePoint = unobserved,
) -> PlaneService:
    """A plane ready to answer, with what a crash left behind cleared away.

    `name` is the plane's own, by which others know it. `attestor` signs with its certificate;
    `verifier` knows the roots of the services. Closing the plane leaves `publisher` open.
    """
    roster = open_roster(settings.roster_url, settings.roster_limits)
    counted = CountedIndex(index or open_index(settings))
    plane = PlaneService(
        PlaneParts(
            name=name,
            roster=roster,
            relay=Relay(roster, publisher, reached),
            index=counted,
            keys=keys or KeyFiles(settings.keys),
            vault=vault,
            ingest=ingest,
            attestor=attestor,
            verifier=verifier,
            tokens=tokens,
            ledger_key=ledger_key,
            ledger=ledger,
            clock=clock or SystemClock(),
            random_bytes=random_bytes,
            max_records=settings.record_limit,
            backup_days=settings.backup_days,
            reached=reached,
            watch=_watch(settings, counted),
        )
    )
    plane.recover(Deadline.after(RECOVERY_SECONDS))
    plane.start()
    return plane


def _watch(settings: PlaneSettings, index: CountedIndex) -> SearchWatch | None:
    """Milvus Lite tells no count of its own: there a search behind the plane is not noticed."""
    if not settings.milvus_metrics:
        return None
    return SearchWatch(index, MilvusMetrics(settings.milvus_metrics))


def build_plane_workers(
    plane: PlaneService,
    bus: Bus,
    *,
    name: str,
    foreground: Foreground,
    clock: Clock,
    settings: WorkerSettings | None = None,
    reached: WritePoint = unobserved,
) -> tuple[Worker, ...]:
    """The plane's consumers, to be started; `name` is the one it was built with."""
    return (
        Worker(
            bus,
            group=group_of(name),
            topics=TOPICS,
            handler=PlaneConsumer(plane, foreground),
            dead_letter=DeadLetterWriter(clock),
            clock=clock,
            settings=settings,
            reached=reached,
        ),
    )


def open_roster(url: str, limits: DatabaseLimits | None = None) -> Engine:
    """The roster database, whose relay empties its log (`Relay`). Raises SCHEMA_MISMATCH."""
    engine = open_database(url, limits)
    write_ahead.leave_to_the_background(engine)
    create_schema(engine)
    return engine


def open_index(settings: PlaneSettings) -> VectorIndex:
    """Milvus, as the settings say. Importing pymilvus takes seconds, so only now."""
    from onrecord.vector_search.adapters.milvus import MilvusIndex

    if settings.on_file:
        return MilvusIndex.on_file(Path(settings.milvus))
    return MilvusIndex.on_server(
        settings.milvus,
        settings.milvus_token,
        idle_seconds=settings.milvus_idle_seconds,
        load_wait_seconds=settings.milvus_load_wait_seconds,
    )
