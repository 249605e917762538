"""`opencv-zoo`: YuNet and SFace as opencv/opencv_zoo publishes them, from a folder or an address.

What production users get. It cannot be downloaded where this was written, so what is built is
checked, at the build, against the very network it was built from.
"""

from functools import partial

from onrecord.kernel.cards import Metric, ModelInput, ModelLicence, ModelRole, Point
from onrecord.models.catalogue.yunet import OUTPUTS, make_yunet
from onrecord.models.graph import IMAGE
from onrecord.models.recipe import Original, Recipe, Weights
from onrecord.models.rewiring import front_with_uint8

_YUNET = "face_detection_yunet_2023mar.onnx"
_SFACE = "face_recognition_sface_2021dec.onnx"
PATHS = {
    _YUNET: f"models/face_detection_yunet/{_YUNET}",
    _SFACE: f"models/face_recognition_sface/{_SFACE}",
}
"""In the repository; an address that serves it as it is has the files there."""
_SIDE = 112
_TEMPLATE: tuple[Point, ...] = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)


def _make_sface(weights: Weights) -> bytes:
    return front_with_uint8(
        weights[_SFACE],
        name="sface-2021dec",
        height=_SIDE,
        width=_SIDE,
        swap_to_bgr=False,
        outputs={"embedding": (128,)},
        unit_length=True,
    )


RECIPES = (
    Recipe(
        name="yunet-2023mar",
        model_set="opencv-zoo",
        role=ModelRole.DETECTOR,
        package=None,
        description="opencv/opencv_zoo, models/face_detection_yunet.",
        files={_YUNET: "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"},
        licence=ModelLicence("MIT", "As stated in the folder of the model."),
        commercial_use=True,
        training_data=(
            "WIDER FACE, by its publisher's account: photographs gathered from the web without "
            "the consent of the people in them."
        ),
        input=ModelInput(IMAGE, None, None),
        outputs=OUTPUTS,
        max_batch=8,
        make=partial(make_yunet, "yunet-2023mar", _YUNET),
        original=Original(_YUNET, bgr=True),
    ),
    Recipe(
        name="sface-2021dec",
        model_set="opencv-zoo",
        role=ModelRole.EMBEDDER,
        package=None,
        description="opencv/opencv_zoo, models/face_recognition_sface.",
        files={_SFACE: "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79"},
        licence=ModelLicence("Apache-2.0", "As stated in the folder of the model."),
        commercial_use=True,
        training_data="Not stated in the folder of the model.",
        input=ModelInput(IMAGE, _SIDE, _SIDE),
        outputs={"embedding": (128,)},
        max_batch=32,
        make=_make_sface,
        original=Original(_SFACE, bgr=False, unit_length=True),
        dimension=128,
        metric=Metric.IP,
        landmark_templates={"yunet": _TEMPLATE, "mtcnn": _TEMPLATE},
        warnings=(
            "Its publisher's threshold for verification is a cosine of .363; at which false "
            "accept rate was not measured here.",
        ),
    ),
)
