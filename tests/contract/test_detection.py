"""`FaceDetection`, in process and over gRPC: the same answers, the same refusals (law 2, R-33)."""

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from onrecord.chassis.inference import Models
from onrecord.clients.detection import DetectionClient
from onrecord.contracts.detection import FaceDetection
from onrecord.contracts.images import DetectedFace, DetectionRefusal
from onrecord.detection.app import build_detection
from onrecord.detection.rpc import register
from onrecord.kernel.cards import ModelCard, ModelRole
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.vocabulary import Service
from onrecord.proof import statements
from onrecord.proof.statements import Mandate, mandate_id
from tests.builders.models import reference_models
from tests.builders.plane import World, build_world, sha256
from tests.builders.servers import Servers
from tests.builders.strategies import plain
from tests.contract.conftest import Refused, Way, foreign, plain_text
from tests.data import test_data_path


@dataclass(frozen=True)
class Studio:
    """The real service on real models, and grants for what is shown to it."""

    world: World
    card: ModelCard
    inside: FaceDetection
    detection: FaceDetection

    @property
    def deadline(self) -> Deadline:
        return Deadline.after(60.0)

    def grant(self, image: bytes) -> Mandate:
        return self.world.grant(model_id=self.card.model_id, probe=image)

    def face(self, image: bytes, mandate: Mandate | None = None) -> DetectedFace:
        found = self.detection.detect(
            image, mandate or self.grant(image), [self.card.model_id], self.deadline
        )
        assert isinstance(found, DetectedFace), found
        return found

    def refusal(self, image: bytes) -> DetectionRefusal:
        mandate = self.grant(image)
        found = self.detection.detect(image, mandate, [self.card.model_id], self.deadline)
        assert isinstance(found, DetectionRefusal), found
        said = self.world.verifier.verify(
            found.attestation, Service.DETECTION, statements.DETECTION_REFUSED
        )
        assert said["code"] == found.code.value
        assert said["image_sha256"] == sha256(image)
        assert said["mandate"] == mandate_id(mandate)
        return found


@pytest.fixture
def models() -> Models:
    """What runs the models; tests/cluster has the same suite on a server."""
    return reference_models()


@pytest.fixture
def studio(tmp_path: Path, way: Way, net: Servers, models: Models) -> Studio:
    world = build_world(tmp_path)
    [card] = [one for one in models.cards() if one.role is ModelRole.EMBEDDER]
    inside: FaceDetection = build_detection(
        models,
        attestor=world.attestors[Service.DETECTION],
        verifier=world.verifier,
        ledger_key=world.ledger.key,
        clock=world.clock,
    )
    if way is Way.IN_PROCESS:
        return Studio(world, card, inside, inside)
    port = net.serve(Service.DETECTION, register(inside))
    client = DetectionClient(net.channel(port, Service.DETECTION))
    return Studio(world, card, inside, client)


@pytest.fixture(scope="session")
def portrait() -> bytes:
    return test_data_path("faces", "lfw", "images", "Abdullah_0001.jpg").read_bytes()


def test_one_face_is_cut_to_the_embedders_size_and_signed(studio: Studio, portrait: bytes) -> None:
    grant = studio.grant(portrait)
    face = studio.face(portrait, grant)
    assert face.image_sha256 == sha256(portrait)
    [crop] = face.crops
    assert crop.pixels.shape == (studio.card.input.height, studio.card.input.width, 3)
    assert crop.pixels.dtype == np.uint8
    assert not crop.pixels.flags.writeable
    said = statements.verify_crop(
        studio.world.verifier,
        crop.attestation,
        mandate=mandate_id(grant),
        crop=crop.sha256,
        model_id=studio.card.model_id,
    )
    assert said["image_sha256"] == sha256(portrait)
    assert face.quality and all(measure.passed for measure in face.quality)
    assert all(isinstance(measure.value, int) for measure in face.quality)


def test_both_ways_give_the_same_bits(studio: Studio, portrait: bytes) -> None:
    grant = studio.grant(portrait)
    got = studio.face(portrait, grant)
    kept = studio.inside.detect(portrait, grant, [studio.card.model_id], studio.deadline)
    assert isinstance(kept, DetectedFace)
    assert (got.quality, got.image_sha256) == (kept.quality, kept.image_sha256)
    assert plain(got.crops[0].pixels) == plain(kept.crops[0].pixels)
    # An ECDSA signature is another one each time; what it signs is not.
    assert got.crops[0].attestation.statement == kept.crops[0].attestation.statement


def test_a_crowd_is_refused_and_counted(studio: Studio) -> None:
    """R-33: a refusal that says how many faces, signed, and not an error."""
    refusal = studio.refusal(test_data_path("faces", "groups", "011_3.jpg").read_bytes())
    assert refusal.code is ErrorCode.FACE_NOT_SINGLE
    assert 3 in refusal.details.values()


def test_an_image_without_a_face_is_refused(studio: Studio) -> None:
    refusal = studio.refusal(test_data_path("faces", "groups", "017_0.jpg").read_bytes())
    assert refusal.code is ErrorCode.FACE_NOT_FOUND


def test_what_is_no_image_is_refused(studio: Studio, portrait: bytes) -> None:
    """R-32."""
    assert studio.refusal(b"").code is ErrorCode.IMAGE_EMPTY
    assert studio.refusal(b"GIF89a" + bytes(40)).code is ErrorCode.IMAGE_TYPE_UNSUPPORTED
    assert studio.refusal(portrait[: len(portrait) // 2]).code is ErrorCode.IMAGE_TRUNCATED


def test_another_image_than_the_granted_one_is_not_looked_at(
    studio: Studio, portrait: bytes, refused: Refused
) -> None:
    grant = studio.grant(b"another image")
    refused(ErrorCode.GRANT_OTHER_PROBE, lambda: studio.face(portrait, grant))


def test_a_grant_that_was_never_logged(studio: Studio, portrait: bytes, refused: Refused) -> None:
    """Law 1."""
    grant = studio.world.grant(model_id=studio.card.model_id, probe=portrait, list_size=3)
    forged = replace(grant, body=grant.body.replace(b'"list_size":3', b'"list_size":50'))
    refused(ErrorCode.GRANT_NOT_IN_LEDGER, lambda: studio.face(portrait, forged))


def test_a_grant_that_has_expired(studio: Studio, portrait: bytes, refused: Refused) -> None:
    grant = studio.grant(portrait)
    studio.world.clock.at += timedelta(minutes=10)
    refused(ErrorCode.GRANT_EXPIRED, lambda: studio.face(portrait, grant))


def test_a_model_that_is_not_here(studio: Studio, portrait: bytes, refused: Refused) -> None:
    model = "another@1+fp32+0123456789abcdef"
    grant = studio.world.grant(model_id=model, probe=portrait)
    refused(
        ErrorCode.MODEL_UNKNOWN,
        lambda: studio.detection.detect(portrait, grant, [model], studio.deadline),
    )


def test_a_deadline_that_has_passed(studio: Studio, portrait: bytes, refused: Refused) -> None:
    grant = studio.grant(portrait)
    refused(
        ErrorCode.DEADLINE_EXCEEDED,
        lambda: studio.detection.detect(
            portrait, grant, [studio.card.model_id], Deadline.after(0.0)
        ),
    )


@pytest.mark.parametrize("way", [Way.IN_PROCESS])
def test_strangers_reach_nothing(
    studio: Studio, portrait: bytes, net: Servers, refused: Refused, tmp_path: Path
) -> None:
    port = net.serve(Service.DETECTION, register(studio.inside))
    grant = studio.grant(portrait)
    with (
        plain_text(port) as plain_channel,
        foreign(port, Service.DETECTION, tmp_path / "foreign") as stranger,
    ):
        for channel in (plain_channel, stranger):
            client = DetectionClient(channel)
            refused(
                ErrorCode.DETECTION_UNAVAILABLE,
                lambda c=client: c.detect(portrait, grant, [], studio.deadline),  # type: ignore[misc]
            )
    for caller in Service:
        if caller is Service.GATEWAY:
            continue
        client = DetectionClient(net.channel(port, Service.DETECTION, caller))
        refused(
            ErrorCode.CALLER_NOT_ALLOWED,
            lambda c=client: c.detect(portrait, grant, [], studio.deadline),  # type: ignore[misc]
        )
