"""The model sets that `onrecord models build` knows."""

from collections.abc import Mapping, Sequence

from onrecord.models.catalogue import opencv_zoo, reference, registry
from onrecord.models.recipe import Recipe

SETS: Mapping[str, Sequence[Recipe]] = {
    "registry": registry.RECIPES,
    "reference": reference.RECIPES,
    "opencv-zoo": opencv_zoo.RECIPES,
}

PATHS: Mapping[str, str] = opencv_zoo.PATHS
"""Where a weight file lies in its publisher's repository."""
