"""What embedding refuses, and what it makes of what a model gives (law 2, R-38)."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from onrecord.chassis.inference.session import Inputs, Outputs
from onrecord.contracts.embedding import EmbedRequest
from onrecord.contracts.images import Pixels, Vector
from onrecord.embedding.core import as_template, batches
from onrecord.embedding.service import MAX_BATCH, EmbeddingService, embedder
from onrecord.kernel.cards import (
    Metric,
    ModelCard,
    ModelInput,
    ModelLicence,
    ModelRole,
    ModelSource,
)
from onrecord.kernel.deadlines import Deadline
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.kernel.vocabulary import Service
from onrecord.proof import statements
from onrecord.proof.entry import LoggedEntry
from onrecord.proof.mandate import MandateVerifier
from onrecord.proof.statements import Mandate, mandate_id
from tests.builders.faces import Bench, bench, tampered

IMAGE = b"the probe"
SIDE = 16


def card(name: str, metric: Metric) -> ModelCard:
    return ModelCard(
        name=name,
        version="1",
        model_set="test",
        role=ModelRole.EMBEDDER,
        precision="fp32",
        sha256="0" * 64,
        source=ModelSource(None, "A test.", {}),
        licence=ModelLicence("Apache-2.0", "Ours."),
        commercial_use=True,
        training_data="None.",
        input=ModelInput("image", SIDE, SIDE),
        outputs=("embedding",),
        dimension=4,
        metric=metric,
    )


@dataclass
class Colours:
    """A model that gives the colour of the first pixel, three times as long, and a 1."""

    card: ModelCard
    asked: list[int] = field(default_factory=list)

    def run(self, inputs: Inputs, deadline: Deadline | None = None) -> Outputs:
        images = inputs["image"]
        assert images.dtype == np.uint8
        assert images.shape[1:] == (SIDE, SIDE, 3)
        self.asked.append(len(images))
        first = images[:, 0, 0].astype(np.float32)
        made = 3 * np.concatenate([first, np.ones((len(first), 1), np.float32)], axis=1)
        made.setflags(write=False)
        return {"embedding": made}


@dataclass(frozen=True)
class Studio:
    bench: Bench
    unit: Colours
    raw: Colours
    service: EmbeddingService

    def embed(self, *requests: EmbedRequest) -> Sequence[Vector]:
        return [one.vector for one in self.service.embed(requests, self.bench.deadline)]

    def request(
        self, grey: int, under: Mandate, model: str | None = None, **changes: object
    ) -> EmbedRequest:
        name = model or self.unit.card.model_id
        crop = self.bench.crop(pixels(grey), under, IMAGE, name, **changes)
        return EmbedRequest(crop, under)


def pixels(grey: int, side: int = SIDE) -> Pixels:
    made = np.full((side, side, 3), grey, np.uint8)
    made[..., 1] = 255 - grey
    return made


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    made = bench(tmp_path)
    unit, raw = Colours(card("unit", Metric.IP)), Colours(card("raw", Metric.L2))
    service = EmbeddingService(
        [embedder(unit), embedder(raw)],
        MandateVerifier(made.ledger.key, made.verifier),
        made.verifier,
        made.attestors[Service.EMBEDDING],
        made.clock,
    )
    return Studio(made, unit, raw, service)


def both(studio: Studio) -> LoggedEntry:
    return studio.bench.grant(IMAGE, studio.unit.card.model_id, studio.raw.card.model_id)


def code_of(studio: Studio, request: EmbedRequest) -> ErrorCode:
    with pytest.raises(OnRecordError) as caught:
        studio.embed(request)
    assert studio.unit.asked == studio.raw.asked == [], "it was embedded all the same"
    return caught.value.code


def test_order_is_kept_across_models_and_batches(studio: Studio) -> None:
    """Seventy crops of two models, mixed: each answer belongs to its question."""
    grant = both(studio)
    names = [studio.unit.card.model_id, studio.raw.card.model_id]
    chosen = [names[number % 3 == 0] for number in range(70)]
    requests = [studio.request(number, grant, model) for number, model in enumerate(chosen)]
    made = studio.service.embed(requests, studio.bench.deadline)
    for number, (template, model) in enumerate(zip(made, chosen, strict=True)):
        assert template.model_id == model
        ratio = template.vector[0] / template.vector[3]
        assert ratio == pytest.approx(number, rel=1e-5)
    assert studio.unit.asked == [MAX_BATCH, 46 - MAX_BATCH]
    assert studio.raw.asked == [24]


def test_the_declared_metric_is_what_comes_out(studio: Studio) -> None:
    """Unit length for IP; for L2 as the model gives it. Read-only float32."""
    grant = both(studio)
    unit, raw = studio.embed(
        studio.request(100, grant), studio.request(100, grant, studio.raw.card.model_id)
    )
    assert raw.tolist() == [300, 465, 300, 3]
    np.testing.assert_allclose(unit, raw / np.linalg.norm(raw), rtol=1e-6)
    for vector in (unit, raw):
        assert vector.dtype == np.float32
        assert not vector.flags.writeable


def test_what_is_signed_over_a_template(studio: Studio) -> None:
    grant = both(studio)
    request = studio.request(7, grant)
    [template] = studio.service.embed([request], studio.bench.deadline)
    said = studio.bench.verifier.verify(template.embedded, Service.EMBEDDING, statements.EMBEDDED)
    assert said == {
        "type": statements.EMBEDDED,
        "time": "2026-11-23T06:30:00.00Z",
        "mandate": mandate_id(grant),
        "crop_sha256": request.crop.sha256,
        "template_sha256": template.sha256,
        "model_id": studio.unit.card.model_id,
        "detected": statements.statement_sha256(request.crop.attestation),
    }
    assert template.detected == request.crop.attestation


def test_a_portrait_with_a_ticket(studio: Studio) -> None:
    ticket = studio.bench.ticket(IMAGE, studio.unit.card.model_id)
    [vector] = studio.embed(studio.request(5, ticket))
    assert np.linalg.norm(vector) == pytest.approx(1)


def test_mandates_that_do_not_hold(studio: Studio) -> None:
    model = studio.unit.card.model_id
    past = "2026-11-23T06:20:00.00Z"
    forged = studio.bench.attestors[Service.DETECTION].attest(
        statements.read(studio.bench.ticket(IMAGE, model))
    )
    wrong: list[tuple[Mandate, ErrorCode]] = [
        (tampered(both(studio)), ErrorCode.GRANT_NOT_IN_LEDGER),
        (studio.bench.grant(IMAGE, model, expires_at=past), ErrorCode.GRANT_EXPIRED),
        (studio.bench.ticket(IMAGE, model, expires_at=past), ErrorCode.GRANT_EXPIRED),
        (forged, ErrorCode.ATTESTATION_INVALID),
        (studio.bench.grant(IMAGE, studio.raw.card.model_id), ErrorCode.GRANT_MODEL),
        (studio.bench.ticket(IMAGE, studio.raw.card.model_id), ErrorCode.GRANT_MODEL),
    ]
    for mandate, code in wrong:
        assert code_of(studio, studio.request(5, mandate)) is code


def test_crops_that_detection_did_not_attest_for_this(studio: Studio) -> None:
    """Law 2: for this mandate, this crop, this model, this image, and by detection."""
    grant = both(studio)
    other_grant = studio.bench.grant(b"another", studio.unit.card.model_id)
    request = studio.request(5, grant)
    other = studio.request(6, grant)
    self_made = studio.bench.attestors[Service.EMBEDDING].attest(
        statements.read(request.crop.attestation)
    )
    wrong = [
        replace(request, mandate=studio.bench.grant(IMAGE, studio.unit.card.model_id)),
        replace(request, crop=replace(request.crop, attestation=other.crop.attestation)),
        replace(request, crop=replace(request.crop, attestation=self_made)),
        replace(request, crop=replace(request.crop, model_id=studio.raw.card.model_id)),
        studio.request(5, other_grant),
        studio.request(5, grant, mandate=mandate_id(other_grant)),
    ]
    for one in wrong:
        assert code_of(studio, one) is ErrorCode.ATTESTATION_INVALID


def test_a_model_that_is_not_here(studio: Studio) -> None:
    grant = studio.bench.grant(IMAGE, "another@1")
    assert code_of(studio, studio.request(5, grant, "another@1")) is ErrorCode.MODEL_UNKNOWN


def test_a_crop_of_another_size(studio: Studio) -> None:
    grant = both(studio)
    crop = studio.bench.crop(pixels(5, 20), grant, IMAGE, studio.unit.card.model_id)
    assert code_of(studio, EmbedRequest(crop, grant)) is ErrorCode.TEMPLATE_INVALID


def test_one_wrong_crop_refuses_the_batch_before_anything_is_embedded(studio: Studio) -> None:
    grant = both(studio)
    good, bad = studio.request(5, grant), studio.request(6, tampered(grant))
    with pytest.raises(OnRecordError) as caught:
        studio.embed(good, bad)
    assert caught.value.code is ErrorCode.GRANT_NOT_IN_LEDGER
    assert studio.unit.asked == []


def test_a_deadline_is_kept_between_batches(studio: Studio) -> None:
    grant = both(studio)
    requests = [studio.request(number, grant) for number in range(MAX_BATCH + 1)]
    ticks = iter(range(10))
    deadline = Deadline(at=0.5, monotonic=lambda: float(next(ticks)))
    with pytest.raises(OnRecordError) as caught:
        studio.service.embed(requests, deadline)
    assert caught.value.code is ErrorCode.DEADLINE_EXCEEDED
    assert studio.unit.asked == [MAX_BATCH]


def test_a_card_that_is_no_embedders(studio: Studio) -> None:
    free = replace(card("free", Metric.IP), input=ModelInput("image", None, None))
    for wrong in (free, replace(card("none", Metric.IP), metric=None)):
        with pytest.raises(OnRecordError) as caught:
            embedder(Colours(wrong))
        assert caught.value.code is ErrorCode.MODEL_CARD_INVALID


@pytest.mark.parametrize("metric", Metric)
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_no_template(metric: Metric, wrong: float) -> None:
    with pytest.raises(OnRecordError) as caught:
        as_template(np.array([1.0, wrong, 0.0], np.float32), metric)
    assert caught.value.code is ErrorCode.TEMPLATE_INVALID


def test_what_has_no_direction_is_no_template() -> None:
    with pytest.raises(OnRecordError) as caught:
        as_template(np.zeros(8, np.float32), Metric.IP)
    assert caught.value.code is ErrorCode.TEMPLATE_INVALID
    assert as_template(np.zeros(8, np.float32), Metric.L2).tolist() == [0] * 8


vectors = arrays.arrays(
    np.float32, st.integers(1, 300), elements=st.floats(-(2.0**60), 2.0**60, width=32)
)


@given(vectors)
def test_any_direction_becomes_unit_length(values: Vector) -> None:
    if np.linalg.norm(values.astype(np.float64)) < 1e-3:
        return
    assert np.linalg.norm(as_template(values, Metric.IP).astype(np.float64)) == pytest.approx(
        1, abs=1e-5
    )


@given(st.lists(st.integers()), st.integers(1, 40))
def test_batches_hold_everything_in_order(indices: list[int], size: int) -> None:
    made = batches(indices, size)
    assert [one for batch in made for one in batch] == indices
    assert all(0 < len(batch) <= size for batch in made)
