"""The gateway over the real audit service and the real plane: a gallery, a search, a lead.

Only the two services that need models are stood in for: they sign what they hand on, as the real
ones do, since the plane believes nothing else. An image here is a person's number.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import pytest
from fastapi.testclient import TestClient

from onrecord.chassis.database import open_database
from onrecord.chassis.objects import LocalObjects
from onrecord.chassis.sealing import SymmetricSeal
from onrecord.chassis.throttle import ForegroundCalls
from onrecord.client import ClientError, Decision, OnRecordClient
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
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import Conclusion, GalleryStatus, Role, SearchStatus, Service
from onrecord.proof import statements
from onrecord.proof.attestation import AttestationVerifier, Attestor
from onrecord.proof.entry import LoggedEntry, verify_entry
from onrecord.proof.statements import Mandate, mandate_id
from onrecord.proof.story import story_checks
from onrecord.proof.verify import base_checks, verify_ledger
from onrecord.vector_search.app import PlaneSettings, build_plane, build_plane_workers
from tests.builders.audit import MODEL, REQUEST, AuditForTest, SetClock, open_audit
from tests.builders.index import ExactIndex
from tests.builders.plane import DIMENSION, face, near

NO_FACE = b"no face"
PLANE = "first"
STOP_SECONDS = 20.0


@dataclass
class SigningDetection:
    attestor: Attestor
    clock: SetClock

    def detect(
        self, image: bytes, mandate: Mandate, model_ids: Sequence[str], deadline: Deadline
    ) -> Detection:
        said = {
            "time": format_time(self.clock.now()),
            "mandate": mandate_id(mandate),
            "image_sha256": hashlib.sha256(image).hexdigest(),
        }
        quality = (QualityMeasure("sharpness", 800_000, 500_000, "ratio", image != NO_FACE),)
        if image == NO_FACE:
            code = ErrorCode.FACE_NOT_FOUND
            signed = self.attestor.attest(
                {**said, "type": statements.DETECTION_REFUSED, "code": code.value}
            )
            return DetectionRefusal(code, "no face was found", {"faces": 0}, quality, signed)
        crops = []
        for model_id in model_ids:
            pixels = np.full((2, 2, 3), int(image.split()[-1]), dtype=np.uint8)
            crop = statements.crop_sha256(pixels.tobytes(), 2, 2)
            more = {"type": statements.DETECTED, "crop_sha256": crop, "model_id": model_id}
            crops.append(AlignedCrop(model_id, pixels, self.attestor.attest({**said, **more})))
        return DetectedFace(tuple(crops), quality, str(said["image_sha256"]))


@dataclass
class SigningEmbedding:
    attestor: Attestor
    clock: SetClock

    def embed(self, requests: Sequence[EmbedRequest], deadline: Deadline) -> tuple[Template, ...]:
        return tuple(self._one(request) for request in requests)

    def _one(self, request: EmbedRequest) -> Template:
        crop = request.crop
        person = face(int(crop.pixels[0, 0, 0]))
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


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
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
                bus, embedding=embedding, seals=seals, foreground=foreground, clock=clock
            ),
            *gateway.workers,
        )
        for one in workers:
            assert one is not None
            one.start()
        yield Installation(audit, http, verifier)
        for one in workers:
            assert one is not None
            assert one.stop(STOP_SECONDS)
    plane.close()
    audit.close()


def kinds_once_told(installation: Installation, executed: int) -> list[str]:
    """The kinds of all entries, once the bus has brought so many receipts to the ledger."""
    auditor = installation.client(installation.audit.token("ada", Role.AUDITOR))
    patience = Deadline.after(20)
    while True:
        kinds = [json.loads(one.body)["kind"] for one in auditor.bodies()]
        if kinds.count("search.executed") >= executed or not patience.remaining():
            return kinds
        installation.audit.running.ledger.wait_for_append(0.2)


def verify_everything(installation: Installation) -> int:
    """The whole ledger, as anyone would, from what the gateway gives out; how many bodies."""
    installation.audit.running.ledger.publish()  # otherwise it follows in its own time
    public = OnRecordClient("http://testserver", None, installation.http)
    auditor = installation.client(installation.audit.token("ada", Role.AUDITOR))
    bodies = [(one.index, one.nonce, one.body) for one in auditor.bodies()]

    def fetch(path: str) -> bytes:
        return public.checkpoint().encode() if path == "checkpoint" else public.tile(path)

    report = verify_ledger(
        fetch,
        installation.audit.signer.verifier,
        bodies=bodies,
        body_checks=[*base_checks(), *story_checks(installation.verifier)],
    )
    assert report.bodies == len(bodies)
    return len(bodies)


def test_from_a_gallery_to_a_lead_verified_from_the_ledger_alone(
    installation: Installation,
) -> None:
    """Issue 3: the spine. One state allows, one has no policy; two examiners; one lead."""
    installation.open_gallery("US-UT", range(6))
    requester = installation.requester()
    request = {**REQUEST, "galleries": ["US-UT", "US-VT"]}
    search = requester.search(request, b"probe of 4", idempotency_key="one")
    assert search.gallery("US-UT").status is GalleryStatus.SEARCHED, search
    assert search.gallery("US-VT").status is GalleryStatus.REFUSED
    entry = LoggedEntry.from_json(dict(search.receipt.document))
    assert verify_entry(entry, installation.audit.signer.verifier).kind == "request.granted"

    examiners = [installation.examiner(person) for person in ("lee", "ray")]
    for one in examiners:
        one.join_examiners()
    for one in examiners:
        (task_id,) = [summary.task_id for summary in one.tasks()]
        task = one.task(task_id)
        assert one.probe(task_id) == b"probe of 4"
        decisions = []
        for reference in task.candidate_refs:
            same = one.portrait(task_id, reference) == b"portrait of 4"
            verdict = Conclusion.SUPPORTS_SAME if same else Conclusion.SUPPORTS_DIFFERENT
            decisions.append(Decision(reference, verdict, ("ears",), 30))
        one.decide(task_id, "morphological_analysis", decisions)

    assert requester.get_search(search.search_id).status is SearchStatus.RELEASED
    leads = requester.leads(search.search_id)
    assert [lead.record_id for lead in leads.leads] == ["US-UT-000004"]
    assert leads.stamps == ("INVESTIGATIVE LEAD ONLY", "UNWITNESSED")
    assert verify_everything(installation) > 20


def test_without_agreement_the_ledger_says_closed(installation: Installation) -> None:
    """R-15, R-29."""
    installation.open_gallery("US-UT", range(4))
    requester = installation.requester()
    search = requester.search(REQUEST, b"probe of 2", idempotency_key="one")
    for person in ("lee", "ray"):
        installation.examiner(person).join_examiners()
    for person in ("lee", "ray"):
        one = installation.examiner(person)
        (task,) = [one.task(summary.task_id) for summary in one.tasks()]
        one.probe(task.task_id)
        for reference in task.candidate_refs:
            one.portrait(task.task_id, reference)
        decisions = [
            Decision(reference, Conclusion.INCONCLUSIVE, ("too dark",), 5)
            for reference in task.candidate_refs
        ]
        one.decide(task.task_id, "morphological_analysis", decisions)
    assert requester.get_search(search.search_id).status is SearchStatus.NO_LEAD
    with pytest.raises(ClientError) as caught:
        requester.leads(search.search_id)
    assert caught.value.code == "search_state"
    verify_everything(installation)


def test_a_probe_without_a_face_ends_its_grant(installation: Installation) -> None:
    """R-32: refused after the grant, on the record, and the ledger holds together."""
    installation.open_gallery("US-UT", range(2))
    search = installation.requester().search(REQUEST, NO_FACE, idempotency_key="one")
    assert search.status is SearchStatus.REFUSED_QUALITY
    assert [reason.code for reason in search.reasons] == ["face_not_found"]
    verify_everything(installation)


def test_many_searches_of_one_gallery_at_once_leave_no_gap(installation: Installation) -> None:
    """Law 3: receipts reach the ledger dense and in order, whoever is first."""
    installation.open_gallery("US-UT", range(4))
    people = [f"olsen-{number}" for number in range(8)]
    tokens = {one: installation.audit.token(one, Role.REQUESTER) for one in people}

    def search(person: str) -> SearchStatus:
        one = installation.client(tokens[person])
        request = {**REQUEST, "case_number": f"SLC-{person}"}
        # Each their own photograph: the states bound how often one probe may be searched.
        probe = f"a probe of {person} for 1".encode()
        return one.search(request, probe, idempotency_key=person).status

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(search, people)) == {SearchStatus.SEALED}
    assert kinds_once_told(installation, len(people)).count("search.executed") == len(people)
    verify_everything(installation)


def test_one_search_sent_many_times_at_once_is_one_search(installation: Installation) -> None:
    """R-9, R-22: an impatient client gets one grant, one receipt and one answer."""
    installation.open_gallery("US-UT", range(4))
    token = installation.audit.token("olsen", Role.REQUESTER)

    def search(_: int) -> tuple[str, SearchStatus]:
        one = installation.client(token).search(REQUEST, b"probe of 1", idempotency_key="one")
        return one.search_id, one.status

    with ThreadPoolExecutor(8) as threads:
        answers = set(threads.map(search, range(8)))
    assert len(answers) == 1
    assert {status for _, status in answers} == {SearchStatus.SEALED}
    kinds = kinds_once_told(installation, 1)
    assert (kinds.count("request.granted"), kinds.count("search.executed")) == (1, 1)
    verify_everything(installation)
