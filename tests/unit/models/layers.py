"""Layers in plain numpy, written from their definitions, to hold the written graphs against.

Values are `[channels, rows, columns]`; sums are made in float64.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def conv(x: Array, filters: Array, biases: Array, stride: int = 1, pad: int = 0) -> Array:
    """`filters` are `[out, in, rows, columns]`."""
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    rows = (x.shape[1] - filters.shape[2]) // stride + 1
    columns = (x.shape[2] - filters.shape[3]) // stride + 1
    y = np.zeros((len(filters), rows, columns))
    for r in range(rows):
        for c in range(columns):
            top, left = r * stride, c * stride
            window = x[:, top : top + filters.shape[2], left : left + filters.shape[3]]
            y[:, r, c] = (filters * window).sum(axis=(1, 2, 3)) + biases
    return y


def prelu(x: Array, slope: Array) -> Array:
    shaped = slope.reshape(-1, *[1] * (x.ndim - 1))
    return np.where(x > 0, x, x * shaped)


def pool(x: Array, window: int, stride: int, *, same: bool = False, average: bool = False) -> Array:
    """`same` as in Keras: ceil(size / stride) windows, what is missing is added at the end."""
    rows, columns = (
        -(-size // stride) if same else (size - window) // stride + 1 for size in x.shape[1:]
    )
    take: Callable[[Array], float] = np.mean if average else np.max
    return np.array(
        [
            [
                [
                    take(plane[r * stride : r * stride + window, c * stride : c * stride + window])
                    for c in range(columns)
                ]
                for r in range(rows)
            ]
            for plane in x
        ]
    )


def softmax(x: Array) -> Array:
    e: Array = np.exp(x - x.max())
    shares: Array = e / e.sum()
    return shares
