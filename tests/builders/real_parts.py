"""The gateway over the real audit service and the real plane, on a real bus.

Only the two services that need models are stood in for: they sign what they hand on, as the real
ones do, since the plane believes nothing else. An image here is a person's number; what is to be
enrolled passes the real decoder where `SigningDetection.decoder` is set.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from fastapi.testclient import TestClient

from onrecord.chassis.database import open_database
from onrecord.chassis.objects import LocalObjects
from onrecord.chassis.sealing import SymmetricSeal
from onrecord.chassis.throttle import ForegroundCalls
from onrecord.client import OnRecordClient
from onrecord.clients.transport import TransportSeals
from onrecord.contracts.embedding import EmbedRequest
from onrecord.contracts.images import (
    AlignedCrop,
    DetectedFace,
    Detection,
    DetectionRefusal,
    QualityMeasure,
    Template,
)
from onrecord.detection.app import build_detection_worker
from onrecord.embedding.app import build_embedding_worker
from onrecord.gateway.administration import ModelFacts
from onrecord.gateway.app import GatewayParts, build_gateway
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import Role, Service
from onrecord.proof import statements
from onrecord.proof.attestation import AttestationVerifier, Attestor
from onrecord.proof.entry import LoggedEntry
from onrecord.proof.statements import Mandate, mandate_id
from onrecord.vector_search.app import PlaneSettings, build_plane, build_plane_workers
from tests.builders.audit import MODEL, AuditForTest, SetClock, open_audit
from tests.builders.index import ExactIndex
from tests.builders.plane import DIMENSION, face, near

NO_FACE = b"no face"
PLANE = "first"
STOP_SECONDS = 20.0


@dataclass
class SigningDetection:
    """`decode` raises what is wrong with an image; nothing is, where it is left as it is."""

    attestor: Attestor
    clock: SetClock
    decode: Callable[[bytes], object] = len

    def detect(
        self, image: bytes, mandate: Mandate, model_ids: Sequence[str], deadline: Deadline
    ) -> Detection:
        said = {
            "time": format_time(self.clock.now()),
            "mandate": mandate_id(mandate),
            "image_sha256": hashlib.sha256(image).hexdigest(),
        }
        try:
            self.decode(image)
        except OnRecordError as error:
            signed = self.attestor.attest(
                {**said, "type": statements.DETECTION_REFUSED, "code": error.code.value}
            )
            return DetectionRefusal(error.code, error.message, {}, (), signed)
        quality = (QualityMeasure("sharpness", 800_000, 500_000, "ratio", image != NO_FACE),)
        if image == NO_FACE:
            code = ErrorCode.FACE_NOT_FOUND
            signed = self.attestor.attest(
                {**said, "type": statements.DETECTION_REFUSED, "code": code.value}
            )
            return DetectionRefusal(code, "no face was found", {"faces": 0}, quality, signed)
        crops = []
        for model_id in model_ids:
            person = int(image.split()[-1])
            pixels = np.full((2, 2, 3), (person // 65536, person // 256 % 256, person % 256))
            pixels = pixels.astype(np.uint8)
            crop = statements.crop_sha256(pixels.tobytes(), 2, 2)
            more = {"type": statements.DETECTED, "crop_sha256": crop, "model_id": model_id}
            crops.append(AlignedCrop(model_id, pixels, self.attestor.attest({**said, **more})))
        return DetectedFace(tuple(crops), quality, str(said["image_sha256"]))


@dataclass
class SigningEmbedding:
    """`fails` raises for what it shall not embed, by the person's number."""

    attestor: Attestor
    clock: SetClock
    fails: Callable[[int], object] = abs

    def embed(self, requests: Sequence[EmbedRequest], deadline: Deadline) -> tuple[Template, ...]:
        return tuple(self._one(request) for request in requests)

    def _one(self, request: EmbedRequest) -> Template:
        crop = request.crop
        red, green, blue = (int(one) for one in crop.pixels[0, 0])
        self.fails(red * 65536 + green * 256 + blue)
        person = face(red * 65536 + green * 256 + blue)
        # A probe is another photograph of the person than the one enrolled.
        is_probe = isinstance(request.mandate, LoggedEntry)
        vector = near(person, 1) if is_probe else person
        signed = self.attestor.attest(
            {
                "type": statements.EMBEDDED,
                "time": format_time(self.clock.now()),
                "mandate": mandate_id(request.mandate),
                "detected": statements.statement_sha256(crop.attestation),
                "crop_sha256": crop.sha256,
                "template_sha256": statements.template_sha256(
                    vector.astype("<f4").tobytes(), crop.model_id
                ),
                "model_id": crop.model_id,
            }
        )
        return Template(crop.model_id, vector, crop.attestation, signed)


@dataclass
class Installation:
    audit: AuditForTest
    http: TestClient
    verifier: AttestationVerifier
    detection: SigningDetection
    embedding: SigningEmbedding

    def client(self, token: str) -> OnRecordClient:
        return OnRecordClient("http://testserver", token, self.http)

    def requester(self) -> OnRecordClient:
        return self.client(self.audit.token("olsen", Role.REQUESTER))

    def examiner(self, person: str) -> OnRecordClient:
        return self.client(self.audit.token(person, Role.EXAMINER, agency="us-ut-dps"))

    def open_gallery(self, gallery: str, people: Sequence[int]) -> None:
        """Everything a state needs, over the API alone."""
        key = self.audit.state_keys[gallery].verifier.text
        operator = self.client(self.audit.operator())
        operator.create_gallery(gallery, model_id=MODEL, authority_key=key)
        custodian = self.client(self.audit.custodian(gallery))
        custodian.activate_policy(gallery, self.audit.bundle(gallery).to_json())
        for number in people:
            custodian.enrol(gallery, f"{gallery}-{number:06d}", b"portrait of %d" % number)


@contextmanager
def installed(tmp_path: Path) -> Iterator[Installation]:
    clock = SetClock()
    audit = open_audit(tmp_path / "audit", clock=clock)
    verifier = AttestationVerifier([audit.authority.root])
    vault = LocalObjects(tmp_path / "vault")
    bus, foreground = audit.bus, ForegroundCalls()
    plane = build_plane(
        PlaneSettings(
            roster_url=f"sqlite:///{tmp_path / 'roster.db'}",
            milvus=str(tmp_path / "unused.db"),
            keys=tmp_path / "keys",
        ),
        name=PLANE,
        vault=vault,
        ingest=vault,
        attestor=audit.attestor(Service.VECTOR_SEARCH),
        verifier=verifier,
        tokens=audit.tokens,
        publisher=bus.publisher(),
        ledger_key=audit.signer.verifier,
        ledger=audit.service,
        clock=clock,
        index=ExactIndex(),
    )
    detection = SigningDetection(audit.attestor(Service.DETECTION), clock)
    embedding = SigningEmbedding(audit.attestor(Service.EMBEDDING), clock)
    gateway = build_gateway(
        GatewayParts(
            audit=audit.service,
            detection=detection,
            embedding=embedding,
            planes={PLANE: plane},
            tokens=audit.tokens,
            database=open_database(f"sqlite:///{tmp_path / 'casework.db'}"),
            casework_key=SymmetricSeal(b"k" * 32),
            vault=vault,
            ingest=vault,
            ledger_objects=audit.objects,
            models={MODEL: ModelFacts(DIMENSION, "IP")},
            bus=bus,
            clock=clock,
            chance=Random(7),  # noqa: S311 - a test draws the same each time
            foreground=foreground,
        )
    )
    seals = TransportSeals(plane, clock)
    with ThreadPoolExecutor(1) as executor, TestClient(gateway.app) as http:
        workers = (
            audit.running.consumer,
            *build_plane_workers(plane, bus, name=PLANE, foreground=foreground, clock=clock),
            build_detection_worker(
                bus,
                detection=detection,
                seals=seals,
                ingest=vault,
                foreground=foreground,
                executor=executor,
                clock=clock,
            ),
            build_embedding_worker(
                bus,
                embedding=embedding,
                seals=seals,
                foreground=foreground,
                executor=executor,
                clock=clock,
            ),
            *gateway.workers,
        )
        for one in workers:
            assert one is not None
            one.start()
        yield Installation(audit, http, verifier, detection, embedding)
        for one in workers:
            assert one is not None
            assert one.stop(STOP_SECONDS)
    plane.close()
    audit.close()
