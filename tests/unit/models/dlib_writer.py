"""Writes dlib's serialisation, from its description, so that the reader has something to read."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def integer(value: int) -> bytes:
    size = (abs(value).bit_length() + 7) // 8
    return bytes([size | (0x80 if value < 0 else 0)]) + abs(value).to_bytes(size, "little")


def real(value: float) -> bytes:
    """An odd mantissa and a power of two."""
    fraction = Fraction(value)
    mantissa, exponent = fraction.numerator, 1 - fraction.denominator.bit_length()
    while mantissa and mantissa % 2 == 0:
        mantissa, exponent = mantissa // 2, exponent + 1
    return integer(mantissa) + integer(exponent)


def text(value: str) -> bytes:
    return integer(len(value)) + value.encode()


def integers(*values: int) -> bytes:
    return b"".join(integer(value) for value in values)


def tensor(values: Array, shape: Sequence[int] | None = None) -> bytes:
    size = list(shape) if shape is not None else [values.size, 1, 1, 1]
    return integers(2, *size) + values.astype("<f4").tobytes()


EMPTY = integers(2, 0, 0, 0, 0)


def alias(*shape: int) -> bytes:
    return integers(1, *shape)


def con(filters: Array, biases: Array, stride: int, pad: int) -> bytes:
    count, _, rows, columns = filters.shape
    return (
        text("con_4")
        + tensor(np.concatenate([filters.ravel(), biases]))
        + integers(count, rows, columns, stride, stride, pad, pad)
        + alias(*filters.shape)
        + alias(1, count, 1, 1)
        + b"".join(real(value) for value in (1.0, 1.0, 1.0, 0.0))
    )


def affine(gamma: Array, beta: Array) -> bytes:
    both = alias(1, gamma.size, 1, 1) * 2
    return text("affine_") + tensor(np.concatenate([gamma, beta])) + both + integer(0)


def pool(kind: str, window: int, stride: int) -> bytes:
    return text(f"{kind}_pool_2") + integers(window, window, stride, stride, 0, 0)


def fc(weights: Array) -> bytes:
    inputs, outputs = weights.shape
    return (
        text("fc_2")
        + integers(outputs, inputs)
        + tensor(weights.ravel(), (inputs, outputs, 1, 1))
        + alias(inputs, outputs, 1, 1)
        + alias(0, 0, 0, 0)
        + integer(1)
        + b"".join(real(value) for value in (1.0, 1.0, 1.0, 0.0))
    )


RELU = text("relu_")
ADD = text("add_prev_")
MARK = b""  # a tag or skip: it has no body


def network(mean: Sequence[float], side: int, bodies: Sequence[bytes]) -> bytes:
    """A whole file; `bodies` in the order in which the layers run, MARK for tags and skips."""
    marks = [3 if at == 0 else 1 if body == MARK else 2 for at, body in enumerate(bodies)]
    written = integer(1) + text("loss_metric_2") + real(0.04) + real(0.6)
    written += integers(*reversed(marks)) + text("input_rgb_image_sized")
    written += b"".join(real(value) for value in mean) + integers(side, side)
    for at, body in enumerate(bodies):
        if body != MARK:
            written += body + b"110" + EMPTY * 3 + (integer(1) if at == 0 else b"")
    return written
