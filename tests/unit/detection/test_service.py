"""What the service does before it looks, and between its stages (laws 1 and 2)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from onrecord.contracts.images import DetectedFace, DetectionRefusal, Pixels
from onrecord.detection.adapters.resampling import warp
from onrecord.detection.core.faces import Faces
from onrecord.detection.core.targets import CropTarget
from onrecord.detection.service import DetectionService
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service
from onrecord.proof import statements
from onrecord.proof.mandate import MandateVerifier
from onrecord.proof.statements import Mandate
from tests.builders.faces import MODEL, Bench, bench, tampered
from tests.unit.detection.numbers import faces


class Untouched:
    """A decoder that nobody may reach."""

    def decode(self, image: bytes) -> Pixels:
        raise AssertionError("an image was decoded without a mandate for it")


class Plain:
    """A decoder of nothing, a detector of what it is told, and a count of both."""

    family, model_id = "plain", "plain@1"

    def __init__(self, found: Faces, size: tuple[int, int] = (400, 400)) -> None:
        self.found = found
        self.size = size
        self.stages: list[str] = []

    def decode(self, image: bytes) -> Pixels:
        self.stages.append("decode")
        cells = np.random.default_rng(5).integers(0, 256, (50, 50, 3), np.uint8)
        return np.kron(cells, np.ones((self.size[0] // 50, self.size[1] // 50, 1), np.uint8))

    def find(self, pixels: Pixels, deadline: Deadline) -> Faces:
        self.stages.append("find")
        return self.found


def small_service(
    made: Bench, plain: Plain, decoder: Untouched | None = None, models: Sequence[str] = (MODEL,)
) -> DetectionService:
    template = np.array([[20.0, 25], [44, 25], [32, 38], [23, 48], [41, 48]])
    return DetectionService(
        decoder=decoder or plain,
        detector=plain,
        warp=warp,
        targets=[CropTarget(model, 64, 72, template) for model in models],
        mandates=MandateVerifier(made.ledger.key, made.verifier),
        attestor=made.attestors[Service.DETECTION],
        clock=made.clock,
    )


@pytest.fixture
def made(tmp_path: Path) -> Bench:
    return bench(tmp_path)


IMAGE = b"the image"
FRONTAL = faces([[100, 80, 300, 340]])


def test_nothing_is_decoded_before_the_mandate_holds(made: Bench) -> None:
    """Laws 1 and 2: a look is granted in the ledger or ticketed by the plane, for this image."""
    service = small_service(made, Plain(FRONTAL), Untouched())
    grant, other = made.grant(IMAGE), made.grant(b"another image")
    forged_by_detection = made.attestors[Service.DETECTION].attest(
        statements.read(made.ticket(IMAGE))
    )
    wrong: list[tuple[Mandate, list[str], ErrorCode]] = [
        (tampered(grant), [MODEL], ErrorCode.GRANT_NOT_IN_LEDGER),
        (other, [MODEL], ErrorCode.GRANT_OTHER_PROBE),
        (made.ticket(b"another image"), [MODEL], ErrorCode.GRANT_OTHER_PROBE),
        (forged_by_detection, [MODEL], ErrorCode.ATTESTATION_INVALID),
        (made.logged({"kind": "look.granted", "time": "2026-11-23T06:30:00.00Z"}), [MODEL],
         ErrorCode.GRANT_MALFORMED),
        (made.grant(IMAGE, expires_at="2026-11-23T06:20:00.00Z"), [MODEL], ErrorCode.GRANT_EXPIRED),
        (made.ticket(IMAGE, expires_at="2026-11-23T06:20:00.00Z"), [MODEL],
         ErrorCode.GRANT_EXPIRED),
        (grant, ["unknown@1"], ErrorCode.MODEL_UNKNOWN),
        (made.grant(IMAGE, "another@1"), [MODEL], ErrorCode.GRANT_MODEL),
        (made.ticket(IMAGE, "another@1"), [MODEL], ErrorCode.GRANT_MODEL),
    ]  # fmt: skip
    for mandate, models, code in wrong:
        with pytest.raises(OnRecordError) as caught:
            service.detect(IMAGE, mandate, models, made.deadline)
        assert caught.value.code is code


def test_a_crop_for_each_embedder_of_the_grant(made: Bench) -> None:
    models = ["one@1", "two@1"]
    service = small_service(made, Plain(FRONTAL), models=models)
    found = service.detect(IMAGE, made.grant(IMAGE, *models), models, made.deadline)
    assert isinstance(found, DetectedFace)
    assert [crop.model_id for crop in found.crops] == models
    assert all(crop.pixels.shape == (72, 64, 3) for crop in found.crops)


@pytest.mark.parametrize(("left", "stages"), [(0, []), (1, ["decode"]), (2, ["decode", "find"])])
def test_a_deadline_is_kept_between_stages(made: Bench, left: int, stages: list[str]) -> None:
    """No stage begins that the caller does not wait for."""
    plain = Plain(FRONTAL)
    ticks = iter(range(100))
    deadline = Deadline(at=left, monotonic=lambda: float(next(ticks)))
    with pytest.raises(OnRecordError) as caught:
        small_service(made, plain).detect(IMAGE, made.grant(IMAGE), [MODEL], deadline)
    assert caught.value.code is ErrorCode.DEADLINE_EXCEEDED
    assert plain.stages == stages


def test_landmarks_that_are_no_face_are_no_face(made: Bench) -> None:
    heap = faces([[100, 100, 200, 200]], landmarks=[[[150, 150]] * 5])
    found = small_service(made, Plain(heap)).detect(
        IMAGE, made.grant(IMAGE), [MODEL], made.deadline
    )
    assert isinstance(found, DetectionRefusal)
    assert found.code is ErrorCode.FACE_NOT_FOUND
