"""All five services on one folder, as `onrecord up` has them, but without models and Milvus.

Consumers are worked on from one thread (`settle`), so that the same scene passes the same write
points in the same order; the appender, the publisher and the relay have their own threads, as ever.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from fastapi.testclient import TestClient

from onrecord.chassis.bus.worker import Worker
from onrecord.chassis.database import open_database, read_transaction
from onrecord.chassis.objects import LocalObjects
from onrecord.chassis.sealing import SymmetricSeal
from onrecord.chassis.throttle import Unthrottled
from onrecord.client import OnRecordClient
from onrecord.clients.transport import TransportSeals
from onrecord.contracts.enrolment import vault_object_key
from onrecord.detection.app import build_detection_worker
from onrecord.embedding.app import build_embedding_worker
from onrecord.gateway.administration import ModelFacts
from onrecord.gateway.app import GatewayParts, build_gateway
from onrecord.gateway.letters import LetterReader
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.vocabulary import Role, Service
from onrecord.kernel.writepoints import WritePoint, unobserved
from onrecord.proof.attestation import AttestationVerifier
from onrecord.vector_search.app import PlaneSettings, build_plane, build_plane_workers
from onrecord.vector_search.core.values import IndexSpace
from onrecord.vector_search.roster import records
from onrecord.vector_search.service.plane import PlaneService
from tests.builders.audit import MODEL, START, AuditForTest, open_audit
from tests.builders.index import ExactIndex
from tests.kills.services import DIMENSION, SigningDetection, SigningEmbedding, face

GALLERY = "US-UT"
_CLOCK = "clock"
_PLANE = "main"
_MOST_ROUNDS = 200


class KeptClock:
    """Moved by hand, and never back: what it shows outlives the process."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _CLOCK
        written = self._path.read_text() if self._path.exists() else START.isoformat()
        self._at = datetime.fromisoformat(written)

    def now(self) -> datetime:
        return self._at

    def pass_by(self, **spans: float) -> None:
        self._at += timedelta(**spans)
        self._path.write_text(self._at.isoformat())


@dataclass(frozen=True, slots=True)
class Installation:
    """What people and observers have: addresses and tokens. The rest is behind them."""

    folder: Path
    clock: KeptClock
    audit: AuditForTest
    plane: PlaneService
    http: TestClient
    workers: Sequence[Worker | LetterReader]
    verifier: AttestationVerifier
    index: ExactIndex
    objects: LocalObjects

    def client(self, token: str | None) -> OnRecordClient:
        return OnRecordClient("http://testserver", token, self.http)

    def requester(self, person: str = "olsen") -> OnRecordClient:
        return self.client(self.audit.token(person, Role.REQUESTER))

    def examiner(self, person: str) -> OnRecordClient:
        return self.client(self.audit.token(person, Role.EXAMINER, agency="us-ut-dps"))

    def operator(self) -> OnRecordClient:
        return self.client(self.audit.operator())

    def custodian(self) -> OnRecordClient:
        return self.client(self.audit.custodian(GALLERY))

    def auditor(self) -> OnRecordClient:
        return self.client(self.audit.token("ada", Role.AUDITOR))

    def as_custodian(self, method: str, path: str, **more: Any) -> Mapping[str, Any]:
        """A call under `/v1/galleries/US-UT`; raises for a status that is none of success."""
        said = self.try_as_custodian(method, path, **more)
        said.raise_for_status()
        return dict(said.json())

    def try_as_custodian(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.audit.custodian(GALLERY)}"}
        said: httpx.Response = self.http.request(
            method, f"/v1/galleries/{GALLERY}{path}", headers=headers, **more
        )
        return said

    def redrive_letters(self) -> None:
        """Every dead letter of the gallery is sent on again."""
        headers = {"Authorization": f"Bearer {self.audit.custodian(GALLERY)}"}
        said = self.http.post(
            "/v1/dead-letters/redrive", headers=headers, json={"gallery": GALLERY}
        )
        said.raise_for_status()

    def spoil_index(self, enrolment_ids: Sequence[str]) -> None:
        """Behind the plane's back: these vectors are lost, and there is one of nobody."""
        with read_transaction(self.plane._parts.roster) as tx:
            held = records.find_all(tx, enrolment_ids).values()
        self.index.delete(self._space(), [row.index_key for row in held], Deadline.after(60))
        self.index.insert(self._space(), [("f" * 64, face(77))], Deadline.after(60))

    def _space(self) -> IndexSpace:
        return self.plane._galleries.known(GALLERY).space

    def late_portrait(self, enrolment_id: str) -> None:
        """A gateway that was slow puts a sealed portrait into the vault."""
        self.objects.put(vault_object_key(GALLERY, enrolment_id), b"late")

    def settle(self) -> None:
        """Everything that is on its way arrives."""
        for _ in range(_MOST_ROUNDS):
            worked = sum(worker.step() for worker in self.workers)
            consumer = self.audit.running.consumer
            assert consumer is not None
            if not worked + consumer.step():
                return
        raise AssertionError("messages are handed round and never come to rest")

    def maintain(self) -> None:
        """What runs from time to time: keys, compaction, the books, and the public log."""
        self.plane.maintain(Deadline.after(60))
        # The books are looked through by a ledger that has read the bus to its end: where the clock
        # has just been moved, that it had done so before the move says nothing.
        self.settle()
        self.audit.running.reconciliation.step()
        self.settle()
        self.audit.running.ledger.publish()


@contextmanager
def opened(folder: Path, reached: WritePoint = unobserved) -> Iterator[Installation]:
    """The installation of this folder, as it is after a start."""
    folder.mkdir(parents=True, exist_ok=True)
    clock = KeptClock(folder)
    with ExitStack() as stack:
        audit = open_audit(folder / "audit", clock=clock, reached=reached)
        stack.callback(audit.close)
        verifier = AttestationVerifier([audit.authority.root])
        objects = LocalObjects(folder / "objects")
        index = ExactIndex(folder / "index.jsonl")
        publisher = audit.bus.publisher()
        plane = build_plane(
            PlaneSettings(
                roster_url=f"sqlite:///{folder / 'roster.db'}",
                milvus=str(folder / "unused.db"),
                keys=folder / "keys",
            ),
            name=_PLANE,
            vault=objects,
            ingest=objects,
            attestor=audit.attestor(Service.VECTOR_SEARCH),
            verifier=verifier,
            tokens=audit.tokens,
            publisher=publisher,
            ledger_key=audit.signer.verifier,
            ledger=audit.service,
            clock=clock,
            index=index,
            reached=reached,
        )
        stack.callback(plane.close)
        detection = SigningDetection(audit.attestor(Service.DETECTION), clock)
        embedding = SigningEmbedding(audit.attestor(Service.EMBEDDING), clock)
        foreground = Unthrottled()
        seals = TransportSeals(plane, clock)
        gateway = build_gateway(
            GatewayParts(
                audit=audit.service,
                detection=detection,
                embedding=embedding,
                planes={_PLANE: plane},
                tokens=audit.tokens,
                database=open_database(f"sqlite:///{folder / 'casework.db'}"),
                casework_key=SymmetricSeal(b"k" * 32),
                vault=objects,
                ingest=objects,
                ledger_objects=audit.objects,
                models={MODEL: ModelFacts(DIMENSION, "IP")},
                bus=audit.bus,
                clock=clock,
                reached=reached,
            )
        )
        workers = (
            build_detection_worker(
                audit.bus,
                detection=detection,
                seals=seals,
                ingest=objects,
                foreground=foreground,
                executor=stack.enter_context(ThreadPoolExecutor(1)),
                clock=clock,
                reached=reached,
            ),
            build_embedding_worker(
                audit.bus,
                embedding=embedding,
                seals=seals,
                foreground=foreground,
                executor=stack.enter_context(ThreadPoolExecutor(1)),
                clock=clock,
                reached=reached,
            ),
            *build_plane_workers(
                plane,
                audit.bus,
                name=_PLANE,
                foreground=foreground,
                clock=clock,
                reached=reached,
            ),
            *gateway.workers,
        )
        for worker in workers:
            stack.callback(worker.stop, 10.0)
        http = stack.enter_context(TestClient(gateway.app))
        yield Installation(folder, clock, audit, plane, http, workers, verifier, index, objects)
