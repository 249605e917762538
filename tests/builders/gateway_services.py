"""Detection, embedding and a plane in memory, as far as the gateway can tell."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onrecord.chassis.sealing import new_gallery_key
from onrecord.contracts.embedding import EmbedRequest
from onrecord.contracts.images import (
    AlignedCrop,
    DetectedFace,
    Detection,
    DetectionRefusal,
    QualityMeasure,
    Template,
)
from onrecord.contracts.vector_search import (
    Candidate,
    GalleryAnswer,
    GalleryFailure,
    GalleryInfo,
    GalleryResult,
    GallerySearch,
    GallerySetup,
    Lead,
    PlaneSearch,
)
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError, UnansweredError
from onrecord.kernel.times import format_time
from onrecord.proof import canonical, statements
from onrecord.proof.attestation import Attestation
from onrecord.proof.entry import LoggedEntry, parse_body
from onrecord.proof.release import ReleaseProof, verify_release
from onrecord.proof.statements import Mandate, mandate_id, read
from tests.builders.gateway_audit import MODEL, POLICY, FakeAudit, StillClock
from tests.builders.gateway_enrolling import FakeEnrolling

BLURRED = b"\xff\xd8\xffa blurred face"
CROWD = b"\xff\xd8\xffthree faces"


def said(body: dict[str, Any]) -> Attestation:
    """A statement without a signature."""
    return Attestation(canonical.encode(body), b"", ())


class FakeDetection:
    """One face in everything but `BLURRED` and `CROWD`. Looks only at the granted image."""

    def __init__(self) -> None:
        self.looked_at: list[bytes] = []
        self.error: OnRecordError | None = None

    def detect(
        self, image: bytes, mandate: Mandate, model_ids: Sequence[str], deadline: Deadline
    ) -> Detection:
        if self.error is not None:
            raise self.error
        hashed = hashlib.sha256(image).hexdigest()
        named = (
            parse_body(mandate.body)[0]["probe_sha256"]
            if isinstance(mandate, LoggedEntry)
            else read(mandate)["image_sha256"]
        )
        if hashed != named:
            raise OnRecordError(ErrorCode.GRANT_OTHER_PROBE, "another image")
        self.looked_at.append(image)
        passed = image not in (BLURRED, CROWD)
        quality = (QualityMeasure("sharpness", 800_000, 500_000, "ratio", passed),)
        if not passed:
            code = ErrorCode.QUALITY_SHARPNESS if image == BLURRED else ErrorCode.FACE_NOT_SINGLE
            body = {"type": statements.DETECTION_REFUSED, "code": code.value}
            details = {"faces": 3} if image == CROWD else {}
            return DetectionRefusal(code, "not usable", details, quality, said(body))
        crops = []
        for model_id in model_ids:
            pixels = np.full((4, 4, 3), image[0], dtype=np.uint8)
            body = {
                "type": statements.DETECTED,
                "mandate": mandate_id(mandate),
                "image_sha256": hashed,
                "model_id": model_id,
            }
            crops.append(AlignedCrop(model_id, pixels, said(body)))
        return DetectedFace(tuple(crops), quality, hashed)


class FakeEmbedding:
    def __init__(self) -> None:
        self.error: OnRecordError | None = None

    def embed(self, requests: Sequence[EmbedRequest], deadline: Deadline) -> tuple[Template, ...]:
        if self.error is not None:
            raise self.error
        made = []
        for one in requests:
            vector = np.full(4, 0.5, dtype=np.float32)
            body = {"type": statements.EMBEDDED, "mandate": mandate_id(one.mandate)}
            made.append(Template(one.crop.model_id, vector, one.crop.attestation, said(body)))
        return tuple(made)


@dataclass(slots=True)
class HeldRecord:
    record_id: str
    portrait: bytes
    generation: int = 1


class FakePlane(FakeEnrolling):
    """Galleries in memory. `failing` names galleries with their errors; `down`: no answer."""

    def __init__(
        self, audit: FakeAudit, clock: StillClock, names: Sequence[str], name: str = "first"
    ) -> None:
        self.name = name
        self.records: dict[str, list[HeldRecord]] = {name: [] for name in names}
        self.failing: dict[str, OnRecordError] = {}
        self.lose_answers: set[str] = set()
        self.searched: list[str] = []
        self.foreseen: list[LoggedEntry] = []
        self.calls: list[tuple[str, ...]] = []
        self.setups: dict[str, GallerySetup] = {}
        self.tokens: list[str] = []
        self.down = False
        self.keys = {name: new_gallery_key() for name in names}
        self._answers: dict[tuple[str, int], GalleryResult] = {}
        self._receipts: dict[str, list[Attestation]] = {name: [] for name in names}
        self._refs: dict[str, HeldRecord] = {}
        self._audit = audit
        self._clock = clock
        FakeEnrolling.__init__(self, clock)
        self.refusals = {
            BLURRED: (ErrorCode.QUALITY_SHARPNESS, {}),
            CROWD: (ErrorCode.FACE_NOT_SINGLE, {"faces": 3}),
        }

    def model_of(self, gallery: str) -> str:
        return self._audit.allowed[gallery]

    def make_live(self, gallery: str, record_id: str, portrait: bytes) -> None:
        self.remove(gallery, record_id)
        self.records[gallery].append(
            HeldRecord(record_id, b"\xff\xd8\xffportrait of " + record_id.encode())
        )

    def remove(self, gallery: str, record_id: str) -> bool:
        kept = [one for one in self.records[gallery] if one.record_id != record_id]
        gone = len(kept) < len(self.records[gallery])
        self.records[gallery] = kept
        return gone

    def hold(self, gallery: str, *record_ids: str) -> None:
        self.records[gallery] += [
            HeldRecord(record_id, b"\xff\xd8\xffportrait of " + record_id.encode())
            for record_id in record_ids
        ]

    def create_gallery(
        self, setup: GallerySetup, user_token: str, deadline: Deadline
    ) -> GalleryInfo:
        self.tokens.append(user_token)
        held = self.setups.setdefault(setup.jurisdiction, setup)
        if held != setup:
            raise OnRecordError(ErrorCode.GALLERY_EXISTS, "with other settings")
        self.records.setdefault(setup.jurisdiction, [])
        self._receipts.setdefault(setup.jurisdiction, [])
        self.keys.setdefault(setup.jurisdiction, new_gallery_key())
        return self._info(setup.jurisdiction)

    def galleries(self, deadline: Deadline) -> tuple[GalleryInfo, ...]:
        self._answer()
        return tuple(self._info(name) for name in self.records)

    def foresee(self, grant: LoggedEntry, deadline: Deadline) -> None:
        self.foreseen.append(grant)
        self._answer()

    def search_galleries(
        self, search: PlaneSearch, deadline: Deadline
    ) -> tuple[GalleryAnswer, ...]:
        self.calls.append(search.galleries)
        self._answer()
        return tuple(
            self._alone(GallerySearch(name, search.grant, one.template), deadline)
            for one in search.searches
            for name in one.galleries
        )

    def _alone(self, search: GallerySearch, deadline: Deadline) -> GalleryAnswer:
        try:
            return self.search(search, deadline)
        except UnansweredError:
            raise  # that is no answer for a gallery: the whole call has none
        except OnRecordError as error:
            return GalleryFailure.of(search.gallery, error)

    def search(self, search: GallerySearch, deadline: Deadline) -> GalleryResult:
        self.searched.append(search.gallery)
        self._answer()
        if search.gallery in self.failing:
            raise self.failing[search.gallery]
        grant = parse_body(search.grant.body)[0]
        if format_time(self._clock.now()) >= grant["expires_at"]:
            raise OnRecordError(ErrorCode.GRANT_EXPIRED, "the grant has expired")
        key = (search.gallery, search.grant.index)
        if key not in self._answers:
            self._answers[key] = self._look(search, grant)
        if search.gallery in self.lose_answers:
            self.lose_answers.discard(search.gallery)
            raise OnRecordError(ErrorCode.PLANE_UNAVAILABLE, "the answer was lost")
        return self._answers[key]

    def open_portrait(self, look: LoggedEntry, deadline: Deadline) -> bytes:
        body = parse_body(look.body)[0]
        assert body["kind"] == "look.granted"
        return self._refs[body["target"]["candidate_ref"]].portrait

    def unseal(self, proof: ReleaseProof, user_token: str, deadline: Deadline) -> tuple[Lead, ...]:
        self.tokens.append(user_token)
        released = verify_release(proof, self._audit.ledger.key)
        return tuple(
            Lead(
                one.gallery,
                one.candidate_ref,
                self._refs[one.candidate_ref].record_id,
                one.similarity,
            )
            for one in released.leads
            if one.candidate_ref in self._refs
        )

    def receipts(self, gallery: str, after: int, deadline: Deadline) -> Sequence[Attestation]:
        return self._receipts[gallery][after:]

    def _look(self, search: GallerySearch, grant: dict[str, Any]) -> GalleryResult:
        candidates = []
        for place, record in enumerate(self.records[search.gallery][:5]):
            name = hashlib.sha256(f"{search.grant.index} {record.record_id}".encode())
            reference = name.hexdigest()[:16]
            self._refs[reference] = record
            candidates.append(Candidate(reference, 900_000 - 1000 * place))
        body = {
            "type": statements.RECEIPT,
            "time": format_time(self._clock.now()),
            "gallery": search.gallery,
            "sequence": len(self._receipts[search.gallery]) + 1,
            "grant_index": search.grant.index,
            "search_id": grant["search_id"],
            "probe_sha256": grant["probe_sha256"],
            "policy": POLICY,
            "model_id": search.template.model_id,
            "list_size": 5,
            "candidates": [
                {"ref": one.candidate_ref, "similarity": one.similarity} for one in candidates
            ],
        }
        self._receipts[search.gallery].append(said(body))
        self._audit.published(said(body))  # before it answers
        return GalleryResult(search.gallery, tuple(candidates), said(body))

    def _info(self, gallery: str) -> GalleryInfo:
        setup = self.setups.get(gallery)
        return GalleryInfo(
            jurisdiction=gallery,
            model_id=setup.model_id if setup else MODEL,
            metric="IP",
            authority_key=setup.authority_key if setup else f"{gallery}/authority+key",
            public_key=self.keys[gallery].public,
            live_records=len(self.records[gallery]),
            last_sequence=len(self._receipts[gallery]),
            plane=self.name,
        )

    def _answer(self) -> None:
        if self.down:
            raise OnRecordError(ErrorCode.PLANE_UNAVAILABLE, f"{self.name} does not answer")
