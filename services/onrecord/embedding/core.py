"""What makes a model's output a template."""

from collections.abc import Sequence

import numpy as np

from onrecord.contracts.images import Vector
from onrecord.kernel.cards import Metric
from onrecord.kernel.errors import ErrorCode, OnRecordError

_SHORTEST = 1e-6


def as_template(output: Vector, metric: Metric) -> Vector:
    """One output (float32, [D]) as the metric wants it: of unit length for `IP`, raw for `L2`.

    Raises TEMPLATE_INVALID where the model gave no direction or no number.
    """
    vector = np.ascontiguousarray(output, dtype=np.float32)
    if not np.isfinite(vector).all():
        raise OnRecordError(ErrorCode.TEMPLATE_INVALID, "the model gave a value that is no number")
    if metric is Metric.IP:
        length = float(np.linalg.norm(vector.astype(np.float64)))
        if length < _SHORTEST:
            raise OnRecordError(ErrorCode.TEMPLATE_INVALID, "the model gave a vector of no length")
        vector = (vector / length).astype(np.float32)
    vector.setflags(write=False)
    return vector


def batches(indices: Sequence[int], size: int) -> list[Sequence[int]]:
    """Split into runs of at most `size`, in order."""
    return [indices[start : start + size] for start in range(0, len(indices), size)]
