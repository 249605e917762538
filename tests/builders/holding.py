"""A plane's roster, vault and index with records in them, put there without the way in.

For what happens to records that are there: deletion, compaction, reconciling, redrive. Real keys,
real seals, a real bus contract's publisher that keeps what it is given.
"""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
from sqlalchemy import func, insert, select

from onrecord.chassis.bus.ports import Message, Partition, Received
from onrecord.chassis.certificates import LocalAuthority
from onrecord.chassis.database import open_database, read_transaction, write_transaction
from onrecord.chassis.development_issuer import AUDIENCE, DevelopmentIssuer
from onrecord.chassis.objects import LocalObjects
from onrecord.chassis.sealing import new_data_key, seal
from onrecord.chassis.tokens import JwtVerifier
from onrecord.contracts.audit import LedgerProofs
from onrecord.contracts.enrolment import (
    ChunkRef,
    RowStatus,
    TransportKey,
    portrait_aad,
    vault_object_key,
)
from onrecord.contracts.events import Event, ingest_object_key
from onrecord.contracts.images import Vector
from onrecord.events.messages import read_event
from onrecord.kernel.cards import Metric
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import ManifestAct, Role, Service
from onrecord.kernel.writepoints import WritePoint, unobserved
from onrecord.proof import canonical
from onrecord.proof.attestation import AttestationVerifier, Attestor
from onrecord.proof.manifests import Row
from onrecord.proof.notes import NoteVerifier
from onrecord.vector_search.adapters.key_files import KeyFiles
from onrecord.vector_search.core.naming import record_mac
from onrecord.vector_search.core.values import NO_RECEIPT, Gallery, RecordState
from onrecord.vector_search.ports import VectorIndex
from onrecord.vector_search.roster import galleries, manifest_rows, manifests
from onrecord.vector_search.roster.manifest_rows import HeldRow
from onrecord.vector_search.roster.manifests import Manifest
from onrecord.vector_search.roster.schema import create_schema, records
from onrecord.vector_search.service.managing import Galleries
from onrecord.vector_search.service.parts import PlaneParts
from onrecord.vector_search.service.relay import Relay
from tests.builders.databases import database_url
from tests.builders.index import ExactIndex

GALLERY = "US-UT"
MODEL_ID = "test-model@1"
WIDTH = 16
BEGIN = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)


class KeptMessages:
    """A publisher that keeps what it was given, durably; `down` makes it refuse."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self.down = False
        lines = log.read_text().splitlines() if log.exists() else []
        self.messages = [_message(json.loads(line)) for line in lines]

    def publish(self, messages: Sequence[Message], deadline: Deadline) -> None:
        deadline.check()
        if self.down:
            raise OnRecordError(ErrorCode.BUS_UNAVAILABLE, "the bus is down")
        with self._log.open("a") as file:
            for one in messages:
                said = [one.topic, one.key, one.payload.hex(), dict(one.headers)]
                file.write(json.dumps(said) + "\n")
        self.messages += messages

    def close(self) -> None:
        """Nothing is held open."""

    def events(self) -> list[Event]:
        return [
            read_event(Received(message, Partition(message.topic, 0), number, BEGIN))
            for number, message in enumerate(self.messages)
        ]


def _message(said: list[Any]) -> Message:
    return Message(said[0], said[1], bytes.fromhex(said[2]), said[3])


@dataclass(slots=True)
class MovedClock:
    at: datetime = BEGIN

    def now(self) -> datetime:
        return self.at

    def pass_by(self, **spans: float) -> None:
        self.at += timedelta(**spans)


class OneTransportKey:
    """`TransportKeys` with one key for ever."""

    def __init__(self) -> None:
        self.key = TransportKey(
            GALLERY, "k-1", new_data_key(), BEGIN + timedelta(days=1), BEGIN + timedelta(days=2)
        )

    def transport_key(self, gallery: str, key_id: str | None, deadline: Deadline) -> TransportKey:
        deadline.check()
        return self.key


def vector_of(number: int) -> Vector:
    values = np.random.default_rng(number).standard_normal(WIDTH)
    return np.asarray(values / np.linalg.norm(values), np.float32)


def image_of(number: int) -> bytes:
    return b"image %d " % number * 40


def name_of(number: int) -> str:
    return f"UT-{number:06d}"


@dataclass(slots=True)
class Holding:
    """The plane's parts and what stands in them."""

    folder: Path
    parts: PlaneParts
    known: Galleries
    clock: MovedClock
    published: KeptMessages
    issuer: DevelopmentIssuer
    verifier: AttestationVerifier
    transport: OneTransportKey
    vault: LocalObjects
    ingest: LocalObjects
    made: int = 0

    @property
    def deadline(self) -> Deadline:
        return Deadline.after(60)

    @property
    def exact(self) -> ExactIndex:
        return cast(ExactIndex, self.parts.index)

    @property
    def gallery(self) -> Gallery:
        return self.known.known(GALLERY)

    def bring_list(self, *record_ids: str) -> ChunkRef:
        """A list of deletions of one chunk, as the plane keeps it before it is carried out."""
        ref = ChunkRef(hashlib.sha256("\n".join(record_ids).encode()).hexdigest(), 0)
        now = self.clock.now()
        with write_transaction(self.parts.roster) as tx:
            if manifests.find(tx, ref.manifest_id) is not None:
                return ref
            held = Manifest(
                ref.manifest_id, GALLERY, ManifestAct.DELETE, now, {"person": "custodian-1"}, None
            )
            manifests.add(tx, held, b"header", "signature")
            manifests.add_chunk(tx, ref.manifest_id, ref.chunk, b"s" * 32)
            manifests.deliver_chunk(tx, ref.manifest_id, ref.chunk, now)
            manifest_rows.add(
                tx,
                [
                    HeldRow(
                        ref.manifest_id,
                        number,
                        ref.chunk,
                        self.mac(record_id),
                        Row(record_id, "", ""),
                        RowStatus.AWAITED,
                    )
                    for number, record_id in enumerate(record_ids, 1)
                ],
            )
        return ref

    def statuses(self, ref: ChunkRef) -> list[RowStatus]:
        with read_transaction(self.parts.roster) as tx:
            rows = manifest_rows.listed(tx, ref, list(RowStatus), 0, 1000)
        return [row.status for row in rows]

    def custodian(self, gallery: str = GALLERY, role: Role = Role.CUSTODIAN) -> str:
        return self.issuer.issue(
            person="custodian-1",
            agency="us-ut-dmv",
            roles=[role],
            now=self.clock.now(),
            gallery=gallery,
        )

    def mac(self, record_id: str) -> str:
        return record_mac(self.parts.keys.private_key(GALLERY), record_id)

    def put(
        self,
        number: int,
        *,
        record: int | None = None,
        state: RecordState = RecordState.LIVE,
        submitted: bool = True,
    ) -> str:
        """Person `number` as the next generation of a record; its enrolment id."""
        self.made = self._count() + 1
        record_id = name_of(number if record is None else record)
        mac, enrolment_id = self.mac(record_id), f"{self.made:032x}"
        image_sha256 = hashlib.sha256(image_of(number)).hexdigest()
        sealed = seal(
            self.gallery.public_key,
            image_of(number),
            portrait_aad(GALLERY, enrolment_id, image_sha256),
        )
        vault_key = vault_object_key(GALLERY, enrolment_id)
        if submitted:
            self.vault.put(vault_key, sealed.ciphertext)
        if state is RecordState.PENDING:
            self.ingest.put(ingest_object_key(GALLERY, enrolment_id), b"sealed for transport")
        index_key = hashlib.sha256(enrolment_id.encode()).hexdigest()
        with write_transaction(self.parts.roster) as tx:
            older = tx.execute(
                select(records.c.generation).where(records.c.record_mac == mac)
            ).scalars()
            tx.execute(
                insert(records).values(
                    enrolment_id=enrolment_id,
                    gallery=GALLERY,
                    record_mac=mac,
                    record_id=record_id,
                    generation=max(older, default=0) + 1,
                    state=state.value,
                    image_sha256=image_sha256,
                    model_id=MODEL_ID,
                    ticket="ticket:" + "0" * 64,
                    ticket_attestation=self._ticket(),
                    index_key=index_key,
                    vault_key=vault_key,
                    ciphertext_sha256=hashlib.sha256(sealed.ciphertext).hexdigest(),
                    wrapped_key=sealed.wrapped_key if submitted else None,
                    remains=0,
                    requested_at=format_time(self.clock.now()),
                    duplicate=0,
                    authorised_by="{}",
                )
            )
            if state is RecordState.LIVE:
                galleries.count_live(tx, GALLERY, 1)
        if state is RecordState.LIVE:
            self.parts.index.insert(
                self.gallery.space, [(index_key, vector_of(number))], self.deadline
            )
        return enrolment_id

    def _ticket(self) -> str:
        signed = self.parts.attestor.attest({"type": "test"})
        return canonical.encode(signed.to_json()).decode()

    def _count(self) -> int:
        with read_transaction(self.parts.roster) as tx:
            return int(tx.execute(select(func.count()).select_from(records)).scalar_one())

    def row(self, enrolment_id: str) -> Any:
        with read_transaction(self.parts.roster) as tx:
            return tx.execute(select(records).where(records.c.enrolment_id == enrolment_id)).one()

    def close(self) -> None:
        self.parts.relay.close()
        self.parts.index.close()
        self.parts.roster.dispose()


def build_holding(
    folder: Path,
    *,
    index: Callable[[Path], VectorIndex] | None = None,
    reached: WritePoint = unobserved,
) -> Holding:
    """Utah's gallery, empty, in `folder`; what stands there already is taken up again."""
    folder.mkdir(parents=True, exist_ok=True)
    clock, published = MovedClock(), KeptMessages(folder / "published.jsonl")
    authority = LocalAuthority.open(folder / "ca", now=lambda: BEGIN - timedelta(days=1))
    own = authority.issue(Service.VECTOR_SEARCH)
    verifier = AttestationVerifier([authority.root])
    roster = open_database(database_url(folder, "roster"))
    create_schema(roster)
    issuer = DevelopmentIssuer.open(folder / "issuer")
    vault, ingest = LocalObjects(folder / "vault"), LocalObjects(folder / "ingest")
    keys = KeyFiles(folder / "keys")
    vectors = ExactIndex(folder / "index.jsonl") if index is None else index(folder)
    parts = PlaneParts(
        name="utah",
        roster=roster,
        index=vectors,
        keys=keys,
        vault=vault,
        ingest=ingest,
        relay=Relay(roster, published, reached),
        tokens=JwtVerifier(issuer.name, AUDIENCE, issuer.jwks, clock),
        attestor=Attestor(own.key, own.chain),
        verifier=verifier,
        ledger_key=cast(NoteVerifier, None),  # no ledger is asked here
        ledger=cast(LedgerProofs, None),
        clock=clock,
        random_bytes=os.urandom,
        max_records=1000,
        reached=reached,
    )
    known = Galleries(parts)
    with write_transaction(roster) as tx:
        if galleries.find(tx, GALLERY) is None:
            galleries.add(
                tx,
                Gallery(
                    jurisdiction=GALLERY,
                    model_id=MODEL_ID,
                    dimension=WIDTH,
                    metric=Metric.IP,
                    authority_key="",
                    public_key=keys.mint(GALLERY),
                    live_records=0,
                    last_sequence=0,
                    last_receipt=NO_RECEIPT,
                ),
            )
    held = Holding(
        folder=folder,
        parts=parts,
        known=known,
        clock=clock,
        published=published,
        issuer=issuer,
        verifier=verifier,
        transport=OneTransportKey(),
        vault=vault,
        ingest=ingest,
    )
    vectors.create(held.gallery.space, held.deadline)
    return held
