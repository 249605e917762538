"""`FaceEmbedding`, in process and over gRPC: the same answers, the same refusals (law 2)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from onrecord.chassis.inference import Models
from onrecord.clients.embedding import EmbeddingClient
from onrecord.contracts.embedding import EmbedRequest, FaceEmbedding
from onrecord.contracts.images import AlignedCrop
from onrecord.embedding.app import build_embedding
from onrecord.embedding.rpc import register
from onrecord.kernel.cards import ModelCard, ModelRole
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.times import format_time
from onrecord.kernel.vocabulary import Service
from onrecord.proof import statements
from onrecord.proof.statements import Mandate, mandate_id
from tests.builders.models import reference_models
from tests.builders.plane import World, build_world, sha256
from tests.builders.servers import Servers
from tests.builders.strategies import plain
from tests.contract.conftest import Refused, Way, foreign, plain_text

PROBE = b"the probe"


@dataclass(frozen=True)
class Studio:
    """The real service on a real model, and a detection that has signed what a test needs."""

    world: World
    card: ModelCard
    inside: FaceEmbedding
    embedding: FaceEmbedding

    @property
    def deadline(self) -> Deadline:
        return Deadline.after(60.0)

    def grant(self) -> Mandate:
        return self.world.grant(model_id=self.card.model_id, probe=PROBE)

    def crop(self, seed: int, mandate: Mandate, model_id: str | None = None) -> AlignedCrop:
        """Something of the model's size that detection cut from the granted probe."""
        height, width = self.card.input.height or 0, self.card.input.width or 0
        coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
        pixels = np.kron(coarse, np.ones((height // 8, width // 8, 1), np.uint8))
        return self.signed(pixels, mandate, model_id or self.card.model_id)

    def signed(
        self, pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], mandate: Mandate, model: str
    ) -> AlignedCrop:
        height, width, _ = pixels.shape
        attestation = self.world.attestors[Service.DETECTION].attest(
            {
                "type": statements.DETECTED,
                "time": format_time(self.world.clock.now()),
                "mandate": mandate_id(mandate),
                "image_sha256": sha256(PROBE),
                "crop_sha256": statements.crop_sha256(pixels.tobytes(), height, width),
                "model_id": model,
            }
        )
        return AlignedCrop(model, pixels, attestation)

    def requests(self, seeds: Sequence[int], mandate: Mandate) -> list[EmbedRequest]:
        return [EmbedRequest(self.crop(seed, mandate), mandate) for seed in seeds]

    def refuses(self, request: EmbedRequest) -> object:
        return self.embedding.embed([request], self.deadline)


@pytest.fixture
def models() -> Models:
    """What runs the models; tests/cluster has the same suite on a server."""
    return reference_models()


@pytest.fixture
def studio(tmp_path: Path, way: Way, net: Servers, models: Models) -> Studio:
    world = build_world(tmp_path)
    [card] = [one for one in models.cards() if one.role is ModelRole.EMBEDDER]
    inside: FaceEmbedding = build_embedding(
        models,
        attestor=world.attestors[Service.EMBEDDING],
        verifier=world.verifier,
        ledger_key=world.ledger.key,
        clock=world.clock,
    )
    if way is Way.IN_PROCESS:
        return Studio(world, card, inside, inside)
    port = net.serve(Service.EMBEDDING, register(inside))
    client = EmbeddingClient(net.channel(port, Service.EMBEDDING))
    return Studio(world, card, inside, client)


def test_a_template_for_each_crop_in_their_order(studio: Studio) -> None:
    grant = studio.grant()
    templates = studio.embedding.embed(studio.requests([1, 2, 3], grant), studio.deadline)
    assert [one.model_id for one in templates] == [studio.card.model_id] * 3
    for seed, template in zip((1, 2, 3), templates, strict=True):
        assert template.vector.dtype == np.float32
        assert template.vector.shape == (studio.card.dimension,)
        assert not template.vector.flags.writeable
        assert abs(float(np.linalg.norm(template.vector)) - 1.0) < 1e-5
        [alone] = studio.embedding.embed(studio.requests([seed], grant), studio.deadline)
        assert float(template.vector @ alone.vector) > 0.9999


def test_the_chain_from_probe_to_template_verifies(studio: Studio) -> None:
    """Law 2: each names the hash of what came in and of what went out."""
    grant = studio.grant()
    [template] = studio.embedding.embed(studio.requests([1], grant), studio.deadline)
    statements.verify_template(
        studio.world.verifier,
        template.detected,
        template.embedded,
        mandate=mandate_id(grant),
        image=sha256(PROBE),
        template=template.sha256,
        model_id=studio.card.model_id,
    )


def test_no_crops_are_no_templates(studio: Studio) -> None:
    assert studio.embedding.embed([], studio.deadline) == ()


def test_both_ways_give_the_same_bits(studio: Studio) -> None:
    requests = studio.requests([4, 5], studio.grant())
    got = studio.embedding.embed(requests, studio.deadline)
    kept = studio.inside.embed(requests, studio.deadline)
    for one, other in zip(got, kept, strict=True):
        # An ECDSA signature is another one each time; what it signs is not.
        assert plain(one.vector) == plain(other.vector)
        assert one.detected == other.detected
        assert one.embedded.statement == other.embedded.statement


def test_a_crop_that_is_not_the_one_attested(studio: Studio, refused: Refused) -> None:
    grant = studio.grant()
    crop = studio.crop(1, grant)
    changed = crop.pixels.copy()
    changed[0, 0, 0] ^= 1
    other = AlignedCrop(crop.model_id, changed, crop.attestation)
    refused(ErrorCode.ATTESTATION_INVALID, lambda: studio.refuses(EmbedRequest(other, grant)))


def test_a_crop_that_was_cut_for_another_grant(studio: Studio, refused: Refused) -> None:
    first, second = studio.grant(), studio.grant()
    crop = studio.crop(1, first)
    refused(ErrorCode.ATTESTATION_INVALID, lambda: studio.refuses(EmbedRequest(crop, second)))


def test_a_grant_that_was_never_logged(studio: Studio, refused: Refused) -> None:
    """Law 1."""
    grant = studio.world.grant(model_id=studio.card.model_id, list_size=3)
    forged = replace(grant, body=grant.body.replace(b'"list_size":3', b'"list_size":50'))
    request = EmbedRequest(studio.crop(1, forged), forged)
    refused(ErrorCode.GRANT_NOT_IN_LEDGER, lambda: studio.refuses(request))


def test_a_grant_that_has_expired(studio: Studio, refused: Refused) -> None:
    grant = studio.grant()
    request = EmbedRequest(studio.crop(1, grant), grant)
    studio.world.clock.at += timedelta(minutes=10)
    refused(ErrorCode.GRANT_EXPIRED, lambda: studio.refuses(request))


def test_a_model_that_is_not_here(studio: Studio, refused: Refused) -> None:
    grant = studio.world.grant(model_id="another@1+fp32+0123456789abcdef")
    crop = studio.crop(1, grant, "another@1+fp32+0123456789abcdef")
    refused(ErrorCode.MODEL_UNKNOWN, lambda: studio.refuses(EmbedRequest(crop, grant)))


def test_a_crop_of_the_wrong_size(studio: Studio, refused: Refused) -> None:
    grant = studio.grant()
    crop = studio.signed(np.zeros((64, 64, 3), np.uint8), grant, studio.card.model_id)
    refused(ErrorCode.TEMPLATE_INVALID, lambda: studio.refuses(EmbedRequest(crop, grant)))


def test_one_crop_that_may_not_be_embedded_refuses_all(studio: Studio, refused: Refused) -> None:
    first, second = studio.grant(), studio.grant()
    mixed = [
        *studio.requests([1], first),
        EmbedRequest(studio.crop(2, first), second),
    ]
    refused(ErrorCode.ATTESTATION_INVALID, lambda: studio.embedding.embed(mixed, studio.deadline))


def test_a_deadline_that_has_passed(studio: Studio, refused: Refused) -> None:
    requests = studio.requests([1], studio.grant())
    refused(
        ErrorCode.DEADLINE_EXCEEDED,
        lambda: studio.embedding.embed(requests, Deadline.after(0.0)),
    )


@pytest.mark.parametrize("way", [Way.IN_PROCESS])
def test_strangers_reach_nothing(
    studio: Studio, net: Servers, refused: Refused, tmp_path: Path
) -> None:
    port = net.serve(Service.EMBEDDING, register(studio.inside))
    requests = studio.requests([1], studio.grant())
    with (
        plain_text(port) as plain_channel,
        foreign(port, Service.EMBEDDING, tmp_path / "foreign") as stranger,
    ):
        for channel in (plain_channel, stranger):
            client = EmbeddingClient(channel)
            refused(
                ErrorCode.EMBEDDING_UNAVAILABLE,
                lambda c=client: c.embed(requests, studio.deadline),  # type: ignore[misc]
            )
    for caller in Service:
        if caller is Service.GATEWAY:
            continue
        client = EmbeddingClient(net.channel(port, Service.EMBEDDING, caller))
        refused(
            ErrorCode.CALLER_NOT_ALLOWED,
            lambda c=client: c.embed(requests, studio.deadline),  # type: ignore[misc]
        )
