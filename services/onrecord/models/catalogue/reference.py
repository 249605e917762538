"""`reference`: YuNet and Intel's face-reidentification-retail-0095, from a folder.

The set of the tests and benchmarks. Figures: `MODELS.md`, measured on grey LFW crops.
"""

from functools import partial

from onrecord.kernel.cards import Metric, ModelInput, ModelLicence, ModelRole, Point
from onrecord.models.catalogue.yunet import OUTPUTS, make_yunet
from onrecord.models.graph import IMAGE
from onrecord.models.recipe import Original, Recipe, Weights
from onrecord.models.rewiring import front_with_uint8

_YUNET = "yunet_n_dynamic.onnx"
_REID = "face-reidentification-retail-0095.fp32.onnx"
_SIDE = 128
_TARGETS: tuple[Point, ...] = (  # parts of the crop, as the publisher gives them
    (0.31557, 0.46157),
    (0.68262, 0.46157),
    (0.50026, 0.64051),
    (0.34947, 0.82469),
    (0.65344, 0.82469),
)
_TEMPLATE = tuple((round(x * _SIDE, 4), round(y * _SIDE, 4)) for x, y in _TARGETS)


def _make_reid(weights: Weights) -> bytes:
    return front_with_uint8(
        weights[_REID],
        name="reid-retail-0095",
        height=_SIDE,
        width=_SIDE,
        swap_to_bgr=True,
        outputs={"embedding": (256,)},
        unit_length=True,
    )


RECIPES = (
    Recipe(
        name="yunet",
        model_set="reference",
        role=ModelRole.DETECTOR,
        package=None,
        description="YuNet_n with free batch, height and width, ShiqiYu/libfacedetection.train.",
        files={_YUNET: "104ee26c71d5c270ce79a6b3dced91c91013260d29a6bf18f9296c5b8c4c2b12"},
        licence=ModelLicence("Apache-2.0", "As the folder of test data states it."),
        commercial_use=True,
        training_data=(
            "WIDER FACE, by its publisher's account: photographs gathered from the web without "
            "the consent of the people in them."
        ),
        input=ModelInput(IMAGE, None, None),
        outputs=OUTPUTS,
        max_batch=8,
        make=partial(make_yunet, "yunet", _YUNET),
        original=Original(_YUNET, bgr=True),
        warnings=(
            "Misses 16 to 58 % of faces that fill the frame in a single 640-pixel pass: run two, "
            "640 and 320 with a border of 25 %.",
        ),
    ),
    Recipe(
        name="reid-retail-0095",
        model_set="reference",
        role=ModelRole.EMBEDDER,
        package=None,
        description=(
            "face-reidentification-retail-0095 of the Intel Open Model Zoo 2023.0, converted from "
            "its FP16 intermediate representation."
        ),
        files={_REID: "8ff497b63100917e2268b4e36b730a203971dd901a7077ae5f2b3eb32829b211"},
        licence=ModelLicence("Apache-2.0", "As the folder of test data states it."),
        commercial_use=True,
        training_data="Not stated by its publisher.",
        input=ModelInput(IMAGE, _SIDE, _SIDE),
        outputs={"embedding": (256,)},
        max_batch=32,
        make=_make_reid,
        original=Original(_REID, bgr=True, unit_length=True),
        dimension=256,
        metric=Metric.IP,
        landmark_templates={"yunet": _TEMPLATE, "mtcnn": _TEMPLATE},
        thresholds={"far_1e-3": 0.371, "far_1e-4": 0.456, "far_1e-5": 0.560},
        warnings=(
            "Thresholds were measured on grey LFW crops with YuNet, one to one; no gallery is "
            "calibrated by them.",
            "The template for MTCNN is the publisher's own, not fitted to that detector.",
        ),
    ),
)
