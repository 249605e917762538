"""What every YuNet has in common: outputs at three strides, made from an existing network."""

from onrecord.models.graph import Dim
from onrecord.models.recipe import Weights
from onrecord.models.rewiring import front_with_uint8

STRIDES = (8, 16, 32)
WIDTHS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
OUTPUTS = {f"{kind}_{stride}": (-1, width) for kind, width in WIDTHS.items() for stride in STRIDES}


def make_yunet(name: str, file: str, weights: Weights) -> bytes:
    """uint8 RGB `[N, H, W, 3]` in front of the network, which was trained on BGR 0..255."""
    shapes: dict[str, tuple[Dim, ...]] = {
        output: (f"cells_{output.split('_')[1]}", width) for output, (_, width) in OUTPUTS.items()
    }
    return front_with_uint8(
        weights[file], name=name, height=None, width=None, swap_to_bgr=True, outputs=shapes
    )
