"""The plane's composition root: settings in, a plane out."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from onrecord.chassis.database import open_database
from onrecord.chassis.objects import ObjectStore
from onrecord.contracts.audit import LedgerProofs
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.times import Clock, SystemClock
from onrecord.proof.attestation import AttestationVerifier, Attestor
from onrecord.proof.notes import NoteVerifier
from onrecord.vector_search.adapters.key_files import KeyFiles
from onrecord.vector_search.ports import KeyStore, VectorIndex
from onrecord.vector_search.roster.schema import create_schema
from onrecord.vector_search.service.parts import PlaneParts
from onrecord.vector_search.service.plane import PlaneService

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
    """

    roster_url: str
    milvus: str
    keys: Path
    milvus_token: str = ""
    max_records: int | None = None

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
    vault: ObjectStore,
    attestor: Attestor,
    verifier: AttestationVerifier,
    ledger_key: NoteVerifier,
    ledger: LedgerProofs,
    clock: Clock | None = None,
    random_bytes: Callable[[int], bytes] = os.urandom,
    index: VectorIndex | None = None,
    keys: KeyStore | None = None,
) -> PlaneService:
    """A plane ready to answer, with what a crash left behind cleared away.

    `attestor` signs with the plane's own certificate; `verifier` knows the roots of the services.
    """
    plane = PlaneService(
        PlaneParts(
            roster=open_roster(settings.roster_url),
            index=index or open_index(settings),
            keys=keys or KeyFiles(settings.keys),
            vault=vault,
            attestor=attestor,
            verifier=verifier,
            ledger_key=ledger_key,
            ledger=ledger,
            clock=clock or SystemClock(),
            random_bytes=random_bytes,
            max_records=settings.record_limit,
        )
    )
    plane.recover(Deadline.after(RECOVERY_SECONDS))
    return plane


def open_roster(url: str) -> Engine:
    """The roster database with its tables."""
    engine = open_database(url)
    create_schema(engine)
    return engine


def open_index(settings: PlaneSettings) -> VectorIndex:
    """Milvus, as the settings say. Importing pymilvus takes seconds, so only now."""
    from onrecord.vector_search.adapters.milvus import MilvusIndex

    if settings.on_file:
        return MilvusIndex.on_file(Path(settings.milvus))
    return MilvusIndex.on_server(settings.milvus, settings.milvus_token)
