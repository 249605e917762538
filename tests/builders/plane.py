"""A plane on a folder, with a ledger in memory and services that sign what a test asks them to.

Nothing here is mocked: entries have real proofs, statements real signatures, policies real
bundles. Built twice on one folder, it is the same plane after a restart.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray
from sqlalchemy import Engine

from onrecord.chassis.bus.outcomes import Done, Failed, Outcome
from onrecord.chassis.bus.ports import Message, Partition, Received
from onrecord.chassis.certificates import LocalAuthority
from onrecord.chassis.database import read_transaction
from onrecord.chassis.development_issuer import AUDIENCE, DEVELOPMENT_ISSUER, DevelopmentIssuer
from onrecord.chassis.objects import LocalObjects
from onrecord.chassis.sealing import seal
from onrecord.chassis.throttle import Unthrottled
from onrecord.chassis.tokens import JwtVerifier
from onrecord.clients.transport import PORTRAIT, TEMPLATE, TransportSeals
from onrecord.contracts.enrolment import (
    BeginState,
    Begun,
    ChunkRef,
    EnrolmentBatch,
    EnrolmentStart,
    EnrolmentTicket,
    Submission,
    VaultPortrait,
    portrait_aad,
    vault_object_key,
)
from onrecord.contracts.events import (
    EnrolmentRef,
    EnrolmentRejected,
    Event,
    FaceEmbedded,
    GalleryChanged,
    ingest_object_key,
)
from onrecord.contracts.images import Template, Vector
from onrecord.contracts.vector_search import GalleryResult, GallerySearch, GallerySetup
from onrecord.events.messages import message_of, read_event
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import ManifestAct, Role, Service
from onrecord.kernel.writepoints import WritePoint, unobserved
from onrecord.proof import statements
from onrecord.proof.attestation import Attestation, AttestationVerifier, Attestor
from onrecord.proof.authority import AuthorityBundle, build_bundle, key_name
from onrecord.proof.entry import LoggedEntry
from onrecord.proof.manifests import ManifestHeader, Row, chunk_root, manifest_id, sign_manifest
from onrecord.proof.notes import NoteSigner
from onrecord.proof.release import ReleaseProof
from onrecord.proof.statements import Mandate, mandate_id
from onrecord.rpc.values import template_message
from onrecord.vector_search.adapters.key_files import KeyFiles
from onrecord.vector_search.app import open_roster
from onrecord.vector_search.consumer import PlaneConsumer
from onrecord.vector_search.ports import VectorIndex
from onrecord.vector_search.roster import records
from onrecord.vector_search.service.parts import PlaneParts
from onrecord.vector_search.service.plane import PlaneService
from onrecord.vector_search.service.relay import Relay
from tests.builders.databases import database_url
from tests.builders.index import ExactIndex
from tests.builders.ledger import ORIGIN, MemoryLedger

UTAH, VERMONT = "US-UT", "US-VT"
MODEL = "test-model@1+fp32+0123456789abcdef"
DIMENSION = 16
START = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)


def signer(name: str) -> NoteSigner:
    """The same key for the same name, so that a plane built twice trusts the same ledger."""
    return NoteSigner(
        name, Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
    )


def face(number: int, dimension: int = DIMENSION) -> Vector:
    """A person's template: unit length, the same each time, far from anyone else's."""
    return _unit(np.random.default_rng(number).standard_normal(dimension))


def near(vector: Vector, number: int, amount: float = 0.1) -> Vector:
    """Another photograph of the same person."""
    return _unit(vector + np.float32(amount) * face(10_000 + number, len(vector)))


def _unit(values: NDArray[Any]) -> Vector:
    return np.asarray(values / np.linalg.norm(values), np.float32)


def portrait(number: int) -> bytes:
    """Stands for an encoded image; the plane never decodes one."""
    return b"portrait %d " % number * 50


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class StillClock:
    """Stands still until a test moves it."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def pass_by(self, **spans: float) -> None:
        self.at += timedelta(**spans)


class FakeProofs:
    """`LedgerProofs` over a ledger in memory; `down` makes it answer nothing.

    `instead` is what it gives as every proof.
    """

    def __init__(self, ledger: MemoryLedger) -> None:
        self.ledger = ledger
        self.policies: dict[str, AuthorityBundle] = {}
        self.down = False
        self.asked: list[tuple[int, int]] = []
        self.instead: tuple[bytes, ...] | None = None

    def consistency_proof(
        self, old_size: int, new_size: int, deadline: Deadline
    ) -> tuple[bytes, ...]:
        self._answer(deadline)
        self.asked.append((old_size, new_size))
        if self.instead is not None:
            return self.instead
        if new_size > self.ledger.size:
            raise OnRecordError(ErrorCode.NOT_FOUND, "the ledger is not that long")
        return self.ledger.consistency(old_size, new_size)

    def policy(self, digest: str, deadline: Deadline) -> AuthorityBundle:
        self._answer(deadline)
        if digest not in self.policies:
            raise OnRecordError(ErrorCode.POLICY_MISSING, "no such policy")
        return self.policies[digest]

    def checkpoint(self, deadline: Deadline) -> str:
        self._answer(deadline)
        return self.ledger.checkpoint()

    def _answer(self, deadline: Deadline) -> None:
        deadline.check()
        if self.down:
            raise OnRecordError(ErrorCode.LEDGER_UNAVAILABLE, "the ledger is down")


class MemoryPublisher:
    """A bus that only remembers, for good where `log` is given; `down` takes nothing."""

    def __init__(self, log: Path | None = None) -> None:
        self._log = log
        self.messages: list[Message] = []
        self.down = False
        if log is not None and log.exists():
            for line in log.read_text().splitlines():
                topic, key, payload, headers = json.loads(line)
                self.messages.append(Message(topic, key, bytes.fromhex(payload), headers))

    def publish(self, messages: Sequence[Message], deadline: Deadline) -> None:
        deadline.check()
        if self.down:
            raise OnRecordError(ErrorCode.BUS_UNAVAILABLE, "the bus is down")
        if self._log is not None:
            with self._log.open("a") as file:
                for one in messages:
                    said = [one.topic, one.key, one.payload.hex(), dict(one.headers)]
                    file.write(json.dumps(said) + "\n")
        self.messages.extend(messages)

    def close(self) -> None:
        """Nothing is held open."""

    @property
    def events(self) -> list[Event]:
        """What was published, read as every consumer reads it."""
        return [read_event(received(message)) for message in self.messages]


def received(message: Message) -> Received:
    """The message as a consumer is handed it."""
    return Received(message, Partition(message.topic, 0), 0, START)


@dataclass(slots=True)
class World:
    """Everyone a plane deals with. `plane` is the thing under test."""

    folder: Path
    clock: StillClock
    ledger: MemoryLedger
    proofs: FakeProofs
    index: VectorIndex
    vault: LocalObjects
    plane: PlaneService
    attestors: Mapping[Service, Attestor]
    verifier: AttestationVerifier
    roster: Engine
    relay: Relay
    seals: TransportSeals
    publisher: MemoryPublisher
    issuer: DevelopmentIssuer
    ingest: LocalObjects
    consumer: PlaneConsumer
    policies: dict[str, str] = field(default_factory=dict)

    def hand_over_to(self, plane: PlaneService, roster: Engine) -> None:
        """Another plane is under test from now on, on a roster of its own."""
        self.plane = plane
        self.roster = roster
        self.seals = TransportSeals(plane, self.clock)
        self.consumer = PlaneConsumer(plane, Unthrottled())

    @property
    def tokens(self) -> JwtVerifier:
        return JwtVerifier(DEVELOPMENT_ISSUER, AUDIENCE, self.issuer.jwks, self.clock)

    def token(self, name: str, *roles: Role, gallery: str | None = None) -> str:
        """A live token of somebody at the agency of `person(name)`."""
        who = person(name)
        return self.issuer.issue(
            person=who["person"],
            agency=who["agency"],
            roles=roles,
            now=self.clock.now(),
            gallery=gallery,
        )

    def custodian(self, gallery: str = UTAH) -> str:
        """A custodian's token."""
        return self.token("custodian", Role.CUSTODIAN, gallery=gallery)

    @property
    def operator(self) -> str:
        return self.token("operator", Role.OPERATOR)

    @property
    def asker(self) -> str:
        """The token of whoever asked for the searches of `grant`."""
        return self.token("asker", Role.REQUESTER)

    @property
    def deadline(self) -> Deadline:
        return Deadline.after(60)

    @property
    def exact(self) -> ExactIndex:
        assert isinstance(self.index, ExactIndex)
        return self.index

    def setup(self, gallery: str, **changes: Any) -> GallerySetup:
        setup = GallerySetup(
            jurisdiction=gallery,
            model_id=MODEL,
            dimension=DIMENSION,
            metric="IP",
            authority_key=signer(key_name(gallery)).verifier.text,
        )
        return replace(setup, **changes)

    def open_gallery(self, gallery: str = UTAH, **changes: Any) -> None:
        """A gallery with its signed policy known to the ledger."""
        self.plane.create_gallery(self.setup(gallery, **changes), self.operator, self.deadline)
        self.policies[gallery] = self.publish(gallery, signer(key_name(gallery)))

    def publish(self, jurisdiction: str, by: NoteSigner) -> str:
        """A bundle the ledger hands out, signed by `by`; its digest."""
        bundle = build_bundle(
            b"permit(principal, action, resource);",
            f"jurisdiction: {jurisdiction}\n".encode(),
            jurisdiction=jurisdiction,
            version=1,
            previous="",
            signer=by,
        )
        self.proofs.policies[bundle.digest] = bundle
        return bundle.digest

    def template(
        self, mandate: Mandate | str, image: str, vector: Vector, model_id: str = MODEL
    ) -> Template:
        """What detection and embedding would hand on for this mandate and image."""
        named = mandate if isinstance(mandate, str) else mandate_id(mandate)
        crop = sha256(b"crop of " + image.encode())
        detected = self.attestors[Service.DETECTION].attest(
            {
                "type": statements.DETECTED,
                "time": format_time(self.clock.now()),
                "mandate": named,
                "image_sha256": image,
                "crop_sha256": crop,
                "model_id": model_id,
            }
        )
        hashed = statements.template_sha256(vector.astype("<f4").tobytes(), model_id)
        embedded = self.attestors[Service.EMBEDDING].attest(
            {
                "type": statements.EMBEDDED,
                "time": format_time(self.clock.now()),
                "mandate": named,
                "detected": statements.statement_sha256(detected),
                "crop_sha256": crop,
                "template_sha256": hashed,
                "model_id": model_id,
            }
        )
        return Template(model_id, vector, detected, embedded)

    def start(self, record_id: str, image: bytes, gallery: str = UTAH) -> Begun:
        """What the plane makes of one portrait, without a manifest."""
        batch = EnrolmentBatch(gallery, (EnrolmentStart(record_id, sha256(image)),))
        (begun,) = self.plane.begin_enrolments(batch, self.custodian(gallery), self.deadline)
        return begun

    def begin(self, record_id: str, image: bytes, gallery: str = UTAH) -> EnrolmentTicket:
        begun = self.start(record_id, image, gallery)
        assert begun.ticket is not None, begun
        return begun.ticket

    def seal(self, ticket: EnrolmentTicket, image: bytes, gallery: str = UTAH) -> VaultPortrait:
        """What the gateway does with a portrait: seal it and put it into the vault."""
        aad = portrait_aad(gallery, ticket.enrolment_id, sha256(image))
        sealed = seal(ticket.public_key, image, aad)
        key = vault_object_key(gallery, ticket.enrolment_id)
        self.vault.put(key, sealed.ciphertext)
        return VaultPortrait(key, sha256(sealed.ciphertext), sealed.wrapped_key)

    def submission(self, ticket: EnrolmentTicket, image: bytes, gallery: str = UTAH) -> Submission:
        """Both sealed copies stand, as the gateway leaves them."""
        vault = self.seal(ticket, image, gallery)
        ref = ref_of(ticket, gallery)
        ingest = self.seals.seal(PORTRAIT, ref, image, self.deadline)
        self.ingest.put(ingest_object_key(gallery, ticket.enrolment_id), ingest.ciphertext)
        return Submission(ticket.enrolment_id, vault, ingest.key_id)

    def submit(self, ticket: EnrolmentTicket, image: bytes, gallery: str = UTAH) -> None:
        self.plane.submit_enrolments(
            gallery, [self.submission(ticket, image, gallery)], self.deadline
        )

    def embedded(
        self,
        ticket: EnrolmentTicket,
        image: bytes,
        vector: Vector,
        gallery: str = UTAH,
        template: Template | None = None,
    ) -> FaceEmbedded:
        """What embedding would publish of this portrait."""
        made = template or self.template(ticket.attestation, sha256(image), vector)
        ref = ref_of(ticket, gallery)
        plain = template_message(made).SerializeToString()
        return FaceEmbedded(ref, self.seals.seal(TEMPLATE, ref, plain, self.deadline))

    def refusal(
        self, ticket: EnrolmentTicket, image: bytes, gallery: str = UTAH
    ) -> EnrolmentRejected:
        """What detection says of a portrait without a face."""
        code = ErrorCode.FACE_NOT_FOUND
        signed = self.attestors[Service.DETECTION].attest(
            {
                "type": statements.DETECTION_REFUSED,
                "time": format_time(self.clock.now()),
                "mandate": mandate_id(ticket.attestation),
                "image_sha256": sha256(image),
                "code": code.value,
                "message": "no face was found",
            }
        )
        ref = ref_of(ticket, gallery)
        return EnrolmentRejected(ref, code, "no face was found", self.clock.now(), signed)

    def deliver(self, *events: FaceEmbedded | EnrolmentRejected) -> list[Outcome]:
        """One poll of the plane's consumer."""
        return list(self.consumer([received(message_of(event)) for event in events]))

    def arrive(self, *events: FaceEmbedded | EnrolmentRejected) -> None:
        """As `deliver`, raising what the first of them failed with."""
        for outcome in self.deliver(*events):
            if isinstance(outcome, Failed):
                raise outcome.error
            assert outcome == Done()

    def enrol(self, number: int, gallery: str = UTAH, *, record: int | None = None) -> Attestation:
        """Enrol person `number` as record `record` (the same number by default), to its end.

        Gives the plane's statement about it.
        """
        image = portrait(number)
        begun = self.start(record_name(number if record is None else record), image, gallery)
        if begun.state is BeginState.UNCHANGED:
            return self.change_of(begun.enrolment_id)
        if begun.ticket is not None:
            self.submit(begun.ticket, image, gallery)
        ticket = begun.ticket or self.ticket_of(begun.enrolment_id)
        self.arrive(self.embedded(ticket, image, face(number), gallery))
        return self.change_of(begun.enrolment_id)

    def ticket_of(self, enrolment_id: str) -> EnrolmentTicket:
        """The ticket of an enrolment whose portrait was brought, as the bus carries it on."""
        with read_transaction(self.roster) as tx:
            row = records.find(tx, enrolment_id)
        assert row is not None
        (key,) = [
            one.public_key
            for one in self.plane.galleries(self.deadline)
            if one.jurisdiction == row.gallery
        ]
        return EnrolmentTicket(
            row.enrolment_id, row.generation, key, row.model_id, row.ticket_attestation
        )

    def change_of(self, enrolment_id: str) -> Attestation:
        """What the plane told the ledger about one enrolment."""
        with read_transaction(self.roster) as tx:
            change = records.find_change(tx, enrolment_id)
        assert change is not None
        return change

    @property
    def changes(self) -> list[dict[str, Any]]:
        """Every `onrecord.gallery-changed/v1` and deletion that was published, read."""
        return [
            statements.read(event.change)
            for event in self.publisher.events
            if isinstance(event, GalleryChanged)
        ]

    def manifest(
        self,
        rows: Sequence[Row],
        *,
        gallery: str = UTAH,
        act: ManifestAct = ManifestAct.ENROL,
        chunk_rows: int = 4,
        by: NoteSigner | None = None,
    ) -> "SignedManifest":
        """A list of a state's, signed by its authority key."""
        parts = [tuple(rows[at : at + chunk_rows]) for at in range(0, len(rows), chunk_rows)]
        header = ManifestHeader(
            gallery=gallery,
            act=act,
            created=self.clock.now(),
            rows=len(rows),
            chunk_rows=chunk_rows,
            chunks=tuple(chunk_root(part) for part in parts),
        )
        signature = sign_manifest(header, by or signer(key_name(gallery)))
        return SignedManifest(header.encode(), signature, tuple(parts))

    def open_manifest(self, signed: "SignedManifest", gallery: str = UTAH) -> None:
        """Taken up, and every chunk of it brought."""
        self.plane.open_manifest(
            signed.header, signed.signature, self.custodian(gallery), self.deadline
        )
        for number, rows in enumerate(signed.chunks):
            self.plane.put_chunk(signed.ref(number), rows, self.deadline)

    def grant_body(
        self,
        galleries: Sequence[str] = (UTAH,),
        *,
        search_id: str = "s-1",
        probe: bytes = b"the probe",
        list_size: int = 3,
        **changes: Any,
    ) -> dict[str, Any]:
        """`changes` go into every gallery's decision."""
        decision = {"decision": "granted", "model_id": MODEL, "list_size": list_size}
        return {
            "kind": "request.granted",
            "time": format_time(self.clock.now()),
            "by": person("asker"),
            "search_id": search_id,
            "probe_sha256": sha256(probe),
            "list_size": list_size,
            "galleries": {
                name: {**decision, "policy": self.policies.get(name, "0" * 64), **changes}
                for name in galleries
            },
            "expires_at": format_time(self.clock.now() + timedelta(minutes=5)),
        }

    def grant(self, galleries: Sequence[str] = (UTAH,), **changes: Any) -> LoggedEntry:
        return self.ledger.log(self.grant_body(galleries, **changes))

    def ask(
        self,
        grant: LoggedEntry,
        vector: Vector,
        gallery: str = UTAH,
        probe: bytes = b"the probe",
    ) -> GalleryResult:
        """Search with a template properly made from the probe."""
        template = self.template(grant, sha256(probe), vector)
        return self.plane.search(GallerySearch(gallery, grant, template), self.deadline)

    def look(self, grant: LoggedEntry, candidate_ref: str, **changes: Any) -> LoggedEntry:
        """The entry of a look at one candidate of Utah's."""
        return self.ledger.log(
            {
                "kind": "look.granted",
                "time": format_time(self.clock.now()),
                "by": person("examiner-1"),
                "search_id": "s-1",
                "grant_index": grant.index,
                "task_id": "t-1",
                "target": {"what": "candidate", "gallery": UTAH, "candidate_ref": candidate_ref},
                "expires_at": format_time(self.clock.now() + timedelta(minutes=2)),
                **changes,
            }
        )

    def executed(self, result: GalleryResult, **changes: Any) -> LoggedEntry:
        said = {**statements.read(result.receipt), **changes}
        return self.ledger.log(
            {
                "kind": "search.executed",
                "time": format_time(self.clock.now()),
                "by": {"service": "vector-search"},
                "search_id": said["search_id"],
                "grant_index": said["grant_index"],
                "gallery": said["gallery"],
                "receipt": said,
                "attestation": result.receipt.to_json(),
            }
        )

    def decided(self, grant: LoggedEntry, by: str, conclusions: Mapping[str, str]) -> LoggedEntry:
        return self.ledger.log(
            {
                "kind": "examination.decided",
                "time": format_time(self.clock.now()),
                "by": person(by),
                "search_id": "s-1",
                "grant_index": grant.index,
                "task_id": f"t-{by}",
                "method": "morphological",
                "decisions": [
                    {"candidate_ref": ref, "conclusion": said, "reasons": ["ears"], "seconds": 40}
                    for ref, said in conclusions.items()
                ],
            }
        )

    def release(
        self,
        grant: LoggedEntry,
        executed: Sequence[LoggedEntry],
        decided: Sequence[LoggedEntry],
        leads: Sequence[str],
    ) -> ReleaseProof:
        """The proof of a release of Utah's `leads`."""
        entry = self.ledger.log(
            {
                "kind": "lead.released",
                "time": format_time(self.clock.now()),
                "by": {"service": "audit"},
                "search_id": "s-1",
                "grant_index": grant.index,
                "executed": [one.index for one in executed],
                "decided": [one.index for one in decided],
                "leads": [{"gallery": UTAH, "candidate_ref": ref} for ref in leads],
                "reason": "",
            }
        )
        return ReleaseProof(entry, grant, tuple(executed), tuple(decided))

    def receipts(self, gallery: str = UTAH) -> list[dict[str, Any]]:
        return [
            self.verifier.verify(receipt, Service.VECTOR_SEARCH, statements.RECEIPT)
            for receipt in self.plane.receipts(gallery, 0, self.deadline)
        ]


@dataclass(frozen=True, slots=True)
class SignedManifest:
    """A header, the state's signature over it, and the rows by chunk."""

    header: bytes
    signature: str
    chunks: tuple[tuple[Row, ...], ...]

    @property
    def id(self) -> str:
        return manifest_id(self.header)

    def ref(self, chunk: int) -> ChunkRef:
        return ChunkRef(self.id, chunk)


def ref_of(ticket: EnrolmentTicket, gallery: str = UTAH) -> EnrolmentRef:
    return EnrolmentRef(gallery, ticket.enrolment_id, ticket.generation)


def record_name(number: int) -> str:
    return f"UT-{number:06d}"


def person(name: str) -> dict[str, str]:
    return {
        "person": name,
        "agency": "us-ut-slcpd",
        "subject": f"sub-{name}",
        "token_id": f"jti-{name}",
    }


def build_world(
    folder: Path,
    *,
    ledger: MemoryLedger | None = None,
    index: VectorIndex | None = None,
    reached: WritePoint = unobserved,
    max_records: int = 1000,
    roster_url: str = "",
    publisher: MemoryPublisher | None = None,
) -> World:
    """A plane and its surroundings in `folder`; what stands there already is taken up again."""
    folder.mkdir(parents=True, exist_ok=True)
    clock = StillClock()
    # Certificates are minted a day before the story, so that every statement falls within them.
    authority = LocalAuthority.open(folder / "ca", now=lambda: START - timedelta(days=1))
    attestors = {}
    for service in (Service.DETECTION, Service.EMBEDDING, Service.VECTOR_SEARCH):
        identity = authority.issue(service)
        attestors[service] = Attestor(identity.key, identity.chain)
    verifier = AttestationVerifier([authority.root])
    held = ledger or MemoryLedger(signer(ORIGIN))
    proofs = FakeProofs(held)
    vault = LocalObjects(folder / "objects")
    ingest = LocalObjects(folder / "ingest")
    vectors = index or ExactIndex()
    issuer = DevelopmentIssuer.open(folder / "issuer")
    publisher = publisher or MemoryPublisher()
    roster = open_roster(roster_url or database_url(folder, "roster"))
    relay = Relay(roster, publisher, reached)
    plane = PlaneService(
        PlaneParts(
            name="utah-plane",
            roster=roster,
            relay=relay,
            index=vectors,
            keys=KeyFiles(folder / "keys"),
            vault=vault,
            ingest=ingest,
            attestor=attestors[Service.VECTOR_SEARCH],
            verifier=verifier,
            tokens=JwtVerifier(DEVELOPMENT_ISSUER, AUDIENCE, issuer.jwks, clock),
            ledger_key=held.key,
            ledger=proofs,
            clock=clock,
            random_bytes=os.urandom,
            max_records=max_records,
            reached=reached,
        )
    )
    return World(
        folder=folder,
        clock=clock,
        ledger=held,
        proofs=proofs,
        index=vectors,
        vault=vault,
        plane=plane,
        attestors=attestors,
        verifier=verifier,
        roster=roster,
        relay=relay,
        seals=TransportSeals(plane, clock),
        publisher=publisher,
        issuer=issuer,
        ingest=ingest,
        consumer=PlaneConsumer(plane, Unthrottled()),
    )
