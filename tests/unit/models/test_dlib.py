"""The reader of dlib's networks, and the ONNX that is written from them."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.models.dlib_network import read_network
from onrecord.models.dlib_onnx import fold, network_to_onnx
from onrecord.models.dlib_stream import DlibStream
from tests.unit.models import dlib_writer as dlib
from tests.unit.models import layers

SIDE = 23
MEAN = (122.5, 117.25, 104.125)
_RNG = np.random.default_rng(7)


def _weights(*shape: int) -> dlib.Array:
    return _RNG.normal(0, 0.3, shape).astype(np.float32)


W1, B1, G1, S1 = _weights(4, 3, 3, 3), _weights(4), _weights(4), _weights(4)
W2, B2, G2, S2 = _weights(4, 4, 3, 3), _weights(4), _weights(4), _weights(4)
W3, B3 = _weights(6, 4, 3, 3), _weights(6)
FC = _weights(6, 5)

# con, affine, relu, max pool; a residual block; a block that halves and widens, whose input goes
# through an average pool beside it; a global average; a dense layer.
BODIES = [
    dlib.con(W1, B1, stride=2, pad=0),
    dlib.affine(G1, S1),
    dlib.RELU,
    dlib.pool("max", 3, 2),
    dlib.MARK,
    dlib.con(W2, B2, stride=1, pad=1),
    dlib.affine(G2, S2),
    dlib.ADD,
    dlib.RELU,
    dlib.MARK,
    dlib.con(W3, B3, stride=2, pad=0),
    dlib.MARK,
    dlib.MARK,
    dlib.pool("avg", 2, 2),
    dlib.ADD,
    dlib.pool("avg", 0, 1),
    dlib.fc(FC),
]
FILE = dlib.network(MEAN, SIDE, BODIES)


def _forward(image: layers.Array) -> layers.Array:
    """The same network by hand, layer for layer, nothing folded."""
    x = (image.transpose(2, 0, 1) - np.reshape(MEAN, (3, 1, 1))) / 256
    x = layers.conv(x, W1, B1, stride=2) * G1[:, None, None] + S1[:, None, None]
    x = layers.pool(np.maximum(x, 0), 3, 2)
    x = x + (layers.conv(x, W2, B2, pad=1) * G2[:, None, None] + S2[:, None, None])
    x = np.maximum(x, 0)
    main, beside = layers.conv(x, W3, B3, stride=2), layers.pool(x, 2, 2, average=True)
    assert main.shape == (6, 2, 2)
    assert beside.shape == (4, 2, 2)
    main[:4] += beside  # the shorter counts as zero beyond its end
    embedding: layers.Array = main.mean(axis=(1, 2)) @ FC
    return embedding


def test_written_network_does_what_its_layers_do() -> None:
    model = network_to_onnx(read_network(FILE))
    images = np.random.default_rng(2).integers(0, 256, (3, SIDE, SIDE, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (found,) = session.run(["embedding"], {"image": images})
    assert found.shape == (3, 5)
    np.testing.assert_allclose(found, [_forward(image) for image in images], atol=1e-5)


def test_sums_pad_what_is_smaller_in_any_direction() -> None:
    """The branch is larger than the block in rows and columns, smaller in channels."""
    bodies = [
        dlib.con(W1, B1, stride=1, pad=0),  # 5 x 5
        dlib.MARK,
        dlib.con(W3, B3, stride=1, pad=0),  # 3 x 3, six channels
        dlib.ADD,
    ]
    network = read_network(dlib.network(MEAN, 7, bodies))
    model = network_to_onnx(network)
    image = np.random.default_rng(3).integers(0, 256, (1, 7, 7, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"image": image})
    first = layers.conv((image[0].transpose(2, 0, 1) - np.reshape(MEAN, (3, 1, 1))) / 256, W1, B1)
    wanted = np.zeros((6, 5, 5))
    wanted[:4] += first
    wanted[:, :3, :3] += layers.conv(first, W3, B3)
    np.testing.assert_allclose(found[0], wanted, atol=1e-5)


def test_every_truncation_is_refused() -> None:
    for end in range(len(FILE)):
        with pytest.raises(OnRecordError) as refusal:
            read_network(FILE[:end])
        assert refusal.value.code is ErrorCode.MODEL_SOURCE


def test_what_follows_the_last_layer_is_refused() -> None:
    with pytest.raises(OnRecordError, match="follows the last layer"):
        read_network(FILE + b"\0")


def test_unknown_layers_are_refused() -> None:
    with pytest.raises(OnRecordError, match="'bn_con2'"):
        read_network(dlib.network(MEAN, SIDE, [dlib.text("bn_con2")]))


def test_normalisation_is_not_folded_where_that_would_be_wrong() -> None:
    """With padding, the zeros around the image are not the zeros around the normalised one."""
    network = read_network(dlib.network(MEAN, SIDE, [dlib.con(W1, B1, stride=1, pad=1)]))
    with pytest.raises(OnRecordError, match="without padding"):
        fold(network)


@pytest.mark.parametrize("value", [0, 1, -1, 127, 128, -300, 2**31, -(2**63) + 1])
def test_integers_survive(value: int) -> None:
    assert DlibStream(dlib.integer(value)).integer() == value


@pytest.mark.parametrize("value", [0.0, 1.0, -0.04, 122.782, 2.0**-40, 3.0e20])
def test_reals_survive(value: float) -> None:
    assert DlibStream(dlib.real(value)).real() == value


def _real_file() -> Path:
    cache = os.environ.get("ONRECORD_CACHE", str(Path(__file__).resolve().parents[3] / ".cache"))
    path = Path(cache) / "models" / "dlib_face_recognition_resnet_model_v1.dat"
    if not path.is_file():
        pytest.skip(f"not downloaded yet: {path} (`onrecord models build registry`)")
    return path


def test_real_network_is_read_to_its_last_byte() -> None:
    network = read_network(_real_file().read_bytes())
    kinds = Counter(type(layer).__name__ for layer in network.layers)
    assert (network.height, network.width) == (150, 150)
    np.testing.assert_allclose(network.mean, [122.782, 117.001, 104.298], atol=1e-4)
    assert kinds == {
        "Convolution": 29,
        "Affine": 29,
        "Relu": 29,
        "Keep": 14,
        "AddKept": 14,
        "Branch": 4,
        "Pool": 6,
        "FullyConnected": 1,
    }
