"""Whether a template can be compared in a gallery at all."""

import numpy as np

from onrecord.contracts.images import Template, Vector
from onrecord.kernel.cards import Metric
from onrecord.kernel.errors import ErrorCode, OnRecordError
from onrecord.vector_search.core.values import IndexSpace

UNIT_TOLERANCE = 1e-3
"""Half-precision models miss unit length by some 1e-4."""


def check_template(template: Template, space: IndexSpace) -> Vector:
    """The vector (float32, `dimension`), finite, and of unit length where the metric is `IP`.

    Raises MODEL_MISMATCH and TEMPLATE_INVALID.
    """
    if template.model_id != space.model_id:
        raise OnRecordError(
            ErrorCode.MODEL_MISMATCH, f"{space.gallery} is not searched with {template.model_id}"
        )
    vector = template.vector
    if vector.shape != (space.dimension,) or vector.dtype != np.float32:
        raise _invalid(f"it is not {space.dimension} values of float32")
    if not bool(np.isfinite(vector).all()):
        raise _invalid("a value is not a finite number")
    length = float(np.linalg.norm(vector.astype(np.float64)))
    if space.metric is Metric.IP and abs(length - 1.0) > UNIT_TOLERANCE:
        raise _invalid("its length is not 1")
    return vector


def _invalid(why: str) -> OnRecordError:
    return OnRecordError(ErrorCode.TEMPLATE_INVALID, f"the template is refused: {why}")
