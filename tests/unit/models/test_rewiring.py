"""Networks of others, made to take uint8 RGB batches."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.models.rewiring import front_with_uint8
from tests.unit.models.small_networks import flattened_pixels, float_network

_IMAGES = np.random.default_rng(5).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)


def _run(model: bytes, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (found,) = session.run([name], {"image": _IMAGES})
    assert isinstance(found, np.ndarray)
    return found


@pytest.mark.parametrize("bgr", [False, True])
def test_channels_arrive_in_the_order_the_network_was_trained_on(bgr: bool) -> None:
    model = front_with_uint8(
        flattened_pixels(),
        name="flat",
        height=8,
        width=8,
        swap_to_bgr=bgr,
        outputs={"flat": (192,)},
    )
    order = [2, 1, 0] if bgr else [0, 1, 2]
    planes = _IMAGES[..., order].transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(_run(model, "flat"), planes.reshape(3, -1).astype(np.float32))


def test_unit_length_is_inside_the_graph() -> None:
    """The raw output may already have the public name."""
    model = front_with_uint8(
        flattened_pixels(),
        name="flat",
        height=8,
        width=8,
        swap_to_bgr=False,
        outputs={"flat": (192,)},
        unit_length=True,
    )
    raw = _IMAGES.transpose(0, 3, 1, 2).reshape(3, -1).astype(np.float32)
    wanted = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    np.testing.assert_allclose(_run(model, "flat"), wanted, atol=1e-6)


@pytest.mark.parametrize("slope", [0.25, 1.5, -7.9, 0.0])
def test_an_activation_of_one_slope_gives_the_same_numbers_sooner(slope: float) -> None:
    """To the last bit: what was computed with the slower one may be compared with it."""
    filters = np.random.default_rng(6).standard_normal((16, 3, 3, 3)).astype(np.float32)
    network = float_network(
        [
            helper.make_node("Conv", ["pixels", "filters"], ["sums"], pads=[1, 1, 1, 1]),
            helper.make_node("PRelu", ["sums", "slope"], ["bent"]),
        ],
        {"bent": [1, 16, 8, 8]},
        {"filters": filters, "slope": np.full((1, 1, 1), slope, dtype=np.float32)},
    )
    wanted = _run_original(network, "bent")
    model = front_with_uint8(
        network, name="bent", height=8, width=8, swap_to_bgr=False, outputs={"bent": (16, 8, 8)}
    )
    assert [node.op_type for node in _nodes(model)][-1] == "LeakyRelu"
    np.testing.assert_array_equal(_run(model, "bent"), wanted)


def test_an_activation_with_a_slope_for_each_channel_stays() -> None:
    slopes = np.array([0.1, 0.2, 0.3], dtype=np.float32).reshape(3, 1, 1)
    network = float_network(
        [
            helper.make_node("Neg", ["pixels"], ["below"]),
            helper.make_node("PRelu", ["below", "slopes"], ["bent"]),
        ],
        {"bent": [1, 3, 8, 8]},
        {"slopes": slopes},
    )
    model = front_with_uint8(
        network, name="bent", height=8, width=8, swap_to_bgr=False, outputs={"bent": (3, 8, 8)}
    )
    wanted = -_IMAGES.transpose(0, 3, 1, 2).astype(np.float32) * slopes
    np.testing.assert_array_equal(_run(model, "bent"), wanted)


def _nodes(model: bytes) -> list[onnx.NodeProto]:
    return list(onnx.load_from_string(model).graph.node)


def _run_original(network: bytes, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    planes = _IMAGES.transpose(0, 3, 1, 2).astype(np.float32)
    return np.concatenate([session.run([name], {"pixels": one[None]})[0] for one in planes])


def test_same_network_gives_same_bytes() -> None:
    def make() -> bytes:
        return front_with_uint8(
            flattened_pixels(),
            name="flat",
            height=8,
            width=8,
            swap_to_bgr=True,
            outputs={"flat": (192,)},
        )

    assert make() == make()


def test_other_outputs_than_the_card_names_are_refused() -> None:
    with pytest.raises(OnRecordError, match="other names") as refusal:
        front_with_uint8(
            flattened_pixels(),
            name="flat",
            height=8,
            width=8,
            swap_to_bgr=False,
            outputs={"embedding": (192,)},
        )
    assert refusal.value.code is ErrorCode.MODEL_SOURCE


def test_two_outputs_have_no_one_length() -> None:
    network = float_network(
        [helper.make_node("Relu", ["pixels"], ["a"]), helper.make_node("Abs", ["pixels"], ["b"])],
        {"a": [1, 3, 8, 8], "b": [1, 3, 8, 8]},
        {},
    )
    with pytest.raises(OnRecordError, match="not one output"):
        front_with_uint8(
            network,
            name="two",
            height=8,
            width=8,
            swap_to_bgr=False,
            outputs={"a": (3, 8, 8)},
            unit_length=True,
        )
