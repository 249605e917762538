"""`registry`: MTCNN and dlib's ResNet, from PyPI alone. For demonstrations.

Figures: `MODELS.md`, measured on grey LFW crops.
"""

from collections.abc import Callable
from functools import partial

from onrecord.kernel.cards import Metric, ModelInput, ModelLicence, ModelRole
from onrecord.models import dlib_onnx, mtcnn
from onrecord.models.graph import IMAGE
from onrecord.models.recipe import Recipe, Weights

_DAT = "dlib_face_recognition_resnet_model_v1.dat"
_MTCNN_LICENCE = ModelLicence(
    "MIT",
    "Of the package. Its weights go back to those that the authors of the method published, "
    "which is for the operator to judge.",
)
_MTCNN_DATA = (
    "Not stated by the package. The method was published with weights trained on WIDER FACE and "
    "CelebA, photographs from the web; CelebA is offered for non-commercial research."
)


def _only(make: Callable[[bytes], bytes], weights: Weights) -> bytes:
    (content,) = weights.values()
    return make(content)


def _mtcnn(
    stage: str,
    sha256: str,
    side: int | None,
    outputs: dict[str, tuple[int, ...]],
    max_batch: int,
    make: Callable[[bytes], bytes],
) -> Recipe:
    return Recipe(
        name=f"mtcnn-{stage}",
        model_set="registry",
        role=ModelRole.DETECTOR,
        package="mtcnn 1.0.0",
        description=f"mtcnn/assets/weights/{stage}.lz4 of the wheel, written as ONNX.",
        files={f"{stage}.lz4": sha256},
        licence=_MTCNN_LICENCE,
        commercial_use=True,
        training_data=_MTCNN_DATA,
        input=ModelInput(IMAGE, side, side),
        outputs=outputs,
        max_batch=max_batch,
        make=partial(_only, make),
        warnings=("For demonstrations. Finds 13 to 17 of 45 faces in a crowd.",),
    )


RECIPES = (
    _mtcnn(
        "pnet",
        "ea6b0c3e685ebee3165326ad6484acc95f2ef78f1c94fbf40a55704fa989f7b5",
        None,
        {"probability": (-1, -1), "offsets": (-1, -1, 4)},
        8,
        mtcnn.proposal_network,
    ),
    _mtcnn(
        "rnet",
        "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee",
        24,
        {"probability": (1,), "offsets": (4,)},
        256,
        mtcnn.refinement_network,
    ),
    _mtcnn(
        "onet",
        "94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3",
        48,
        {"probability": (1,), "offsets": (4,), "landmarks": (10,)},
        256,
        mtcnn.output_network,
    ),
    Recipe(
        name="dlib-resnet",
        model_set="registry",
        role=ModelRole.EMBEDDER,
        package="face_recognition_models 0.3.0",
        description=f"{_DAT} of the source distribution, written as ONNX.",
        files={_DAT: "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"},
        licence=ModelLicence("CC0-1.0", "The author of the weights gives them to the public."),
        commercial_use=True,
        training_data=(
            "About three million photographs of 7,485 people, by its author's account: FaceScrub, "
            "VGG Face and photographs gathered from the web, without the consent of the people in "
            "them; VGG Face is offered for non-commercial research."
        ),
        input=ModelInput(IMAGE, 150, 150),
        outputs={"embedding": (128,)},
        max_batch=32,
        make=partial(_only, dlib_onnx.embedding_network),
        dimension=128,
        metric=Metric.L2,
        landmark_templates={
            "yunet": (
                (46.68, 45.30),
                (102.32, 45.30),
                (74.50, 77.82),
                (49.85, 101.50),
                (99.15, 101.50),
            ),
            "mtcnn": (
                (46.59, 44.66),
                (101.59, 44.89),
                (74.06, 77.40),
                (49.35, 102.06),
                (98.46, 102.27),
            ),
        },
        thresholds={  # distances of .525 and .466, as similarities
            "far_1e-3": round(Metric.L2.similarity(0.525**2), 6),
            "far_1e-4": round(Metric.L2.similarity(0.466**2), 6),
        },
        warnings=(
            "Weak for large galleries: on 5,570 enrolled people the right one came first for "
            "81.5 % of probes, and 72.4 % of mates passed at a false accept rate of 1e-4. For "
            "demonstrations.",
            "The vectors are not of unit length and are compared raw, by L2.",
            "Thresholds were measured on grey LFW crops with MTCNN, one to one; no gallery is "
            "calibrated by them.",
        ),
    ),
)
