"""Alignment: the similarity transform that takes landmarks to an embedder's template.

The least squares of Umeyama, "Least-squares estimation of transformation parameters between two
point patterns", 1991, which in the plane are a quotient.
"""

import numpy as np
from numpy.typing import NDArray

from onrecord.detection.core.faces import Floats


def similarity_transform(source: Floats, target: Floats) -> Floats:
    """The 2 x 3 matrix of rotation, scale and shift that takes `source` [n, 2] nearest `target`.

    Least squares; never mirrors. Raises `ValueError` where no such transform is nearest: where all
    source points are one, or are no nearer turned in one way than in another.
    """
    points, wanted = _plane(source), _plane(target)
    point_mean, wanted_mean = points.mean(), wanted.mean()
    centred = points - point_mean
    variance = float(np.vdot(centred, centred).real)
    if variance <= 0.0:
        raise ValueError("points that all coincide have no orientation")
    # In the plane, to turn and scale is to multiply by one complex number.
    times = complex(np.vdot(centred, wanted - wanted_mean)) / variance
    if abs(times) <= _LEAST_SCALE:
        raise ValueError("points that cannot be told from their mirror image have no orientation")
    shift = complex(wanted_mean) - times * complex(point_mean)
    return np.array([[times.real, -times.imag, shift.real], [times.imag, times.real, shift.imag]])


def _plane(points: Floats) -> NDArray[np.complex128]:
    """[n, 2] as n complex numbers."""
    return np.ascontiguousarray(points, dtype=np.float64).view(np.complex128)[:, 0]


_LEAST_SCALE = 1e-9


def apply(matrix: Floats, points: Floats) -> Floats:
    """`points` [n, 2] under a 2 x 3 matrix."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])


def scale_of(matrix: Floats) -> float:
    """Pixels of the target for a pixel of the source."""
    return float(np.hypot(matrix[0, 0], matrix[1, 0]))
