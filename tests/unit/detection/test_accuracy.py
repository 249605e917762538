"""The pipeline loses nothing against the bare models: sixty pairs of LFW (R-35)."""

from collections.abc import Sequence

import numpy as np
import pytest

from load_tests.bare_reference import bare_align, bare_reid, bare_yunet, decode
from onrecord.chassis.inference import ModelRepository
from onrecord.contracts.embedding import EmbedRequest
from onrecord.contracts.images import DetectedFace, Vector
from onrecord.detection.app import build_detection
from onrecord.embedding.app import build_embedding
from onrecord.kernel.cards import ModelRole
from onrecord.kernel.errors import ErrorCode
from onrecord.kernel.vocabulary import Service
from tests.builders.faces import Bench, bench, photograph
from tests.builders.models import reference_models
from tests.data import test_data_path

pytestmark = pytest.mark.slow
PAIRS = 60
THRESHOLD = 0.371  # of the embedder's card, at a false accept rate of 1e-3


def pairs() -> list[tuple[str, str]]:
    """A gallery image and a probe of each of the first `PAIRS` people who have both."""
    rows = [line.split("\t") for line in photograph("lfw", "protocol.tsv").decode().splitlines()]
    gallery = {person: file for role, person, file in rows if role == "gallery"}
    probes: dict[str, str] = {}
    for role, person, file in rows:
        if role == "probe_mated":
            probes.setdefault(person, file)
    return [(gallery[person], file) for person, file in probes.items()][:PAIRS]


Templates = dict[str, Vector]
"""By file; a file in which no face was found is not there."""


def through_the_services(made: Bench, models: ModelRepository, files: Sequence[str]) -> Templates:
    [card] = [card for card in models.cards() if card.role is ModelRole.EMBEDDER]
    detection = build_detection(
        models,
        attestor=made.attestors[Service.DETECTION],
        verifier=made.verifier,
        ledger_key=made.ledger.key,
        clock=made.clock,
    )
    embedding = build_embedding(
        models,
        attestor=made.attestors[Service.EMBEDDING],
        verifier=made.verifier,
        ledger_key=made.ledger.key,
        clock=made.clock,
    )
    requests = {}
    for file in files:
        image = photograph("lfw", "images", file)
        grant = made.grant(image, card.model_id)
        found = detection.detect(image, grant, [card.model_id], made.deadline)
        if isinstance(found, DetectedFace):
            requests[file] = EmbedRequest(found.crops[0], grant)
        else:
            assert found.code is ErrorCode.FACE_NOT_FOUND
    templates = embedding.embed(list(requests.values()), made.deadline)
    return {file: one.vector for file, one in zip(requests, templates, strict=True)}


def bare(files: Sequence[str]) -> Templates:
    folder = test_data_path("models")
    detect, embed = bare_yunet(folder), bare_reid(folder)
    made = {}
    for file in files:
        image = decode(photograph("lfw", "images", file))
        landmarks = detect(image)
        if landmarks is not None:
            made[file] = embed(bare_align(image, landmarks))
    return made


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Templates, Templates]:
    files = [file for pair in pairs() for file in pair]
    made = bench(tmp_path_factory.mktemp("authority"))
    return through_the_services(made, reference_models(), files), bare(files)


def test_the_same_faces_are_found(both: tuple[Templates, Templates]) -> None:
    """What the services refuse is what the detector alone does not find: one blurred profile."""
    ours, theirs = both
    assert set(ours) == set(theirs)
    assert {file for pair in pairs() for file in pair} - set(ours) == {"Arturo_Gatti_0002.jpg"}


def test_the_same_pairs_pass(both: tuple[Templates, Templates]) -> None:
    accepted = [
        [float(made[one] @ made[other]) > THRESHOLD for one, other in pairs() if other in made]
        for made in both
    ]
    assert accepted[0] == accepted[1]
    assert np.mean(accepted[0]) > 0.9


def test_every_template_is_that_of_the_bare_models(both: tuple[Templates, Templates]) -> None:
    """Decoding, detection, alignment and batching change nothing that matters."""
    ours, theirs = both
    alike = np.array([ours[file] @ theirs[file] for file in ours])
    assert alike.min() > 0.95
    assert np.median(alike) > 0.99


def test_other_people_are_apart(both: tuple[Templates, Templates]) -> None:
    ours, _ = both
    first = [ours[one] for one, other in pairs() if other in ours]
    second = [ours[other] for _, other in pairs() if other in ours]
    others = np.stack(first) @ np.stack(second).T
    apart = others[~np.eye(len(first), dtype=bool)]
    assert (apart > THRESHOLD).mean() < 0.01
