"""Alignment: the similarity transform that takes landmarks to an embedder's template.

Umeyama, "Least-squares estimation of transformation parameters between two point patterns", 1991.
"""

import numpy as np

from onrecord.detection.core.faces import Floats


def similarity_transform(source: Floats, target: Floats) -> Floats:
    """The 2 x 3 matrix of rotation, scale and shift that takes `source` [n, 2] nearest `target`.

    Least squares; never mirrors. Raises `ValueError` where no such transform is nearest: where all
    source points are one, or are no nearer turned in one way than in another.
    """
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    centred, wanted = source - source_mean, target - target_mean
    variance = float((centred**2).sum()) / len(source)
    if variance <= 0.0:
        raise ValueError("points that all coincide have no orientation")
    left, singular, right = np.linalg.svd(wanted.T @ centred / len(source))
    signs = np.array([1.0, 1.0 if np.linalg.det(left) * np.linalg.det(right) > 0 else -1.0])
    rotation = left @ np.diag(signs) @ right
    scale = float(singular @ signs) / variance
    if scale <= _LEAST_SCALE:
        raise ValueError("points that cannot be told from their mirror image have no orientation")
    shift = target_mean - scale * rotation @ source_mean
    return np.concatenate([scale * rotation, shift[:, None]], axis=1)


_LEAST_SCALE = 1e-9


def apply(matrix: Floats, points: Floats) -> Floats:
    """`points` [n, 2] under a 2 x 3 matrix."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])


def scale_of(matrix: Floats) -> float:
    """Pixels of the target for a pixel of the source."""
    return float(np.hypot(matrix[0, 0], matrix[1, 0]))
