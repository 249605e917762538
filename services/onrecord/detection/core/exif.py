"""The one thing that is read of a photograph's metadata: which way up it is (R-33)."""

import struct
from typing import Final

import numpy as np

from onrecord.contracts.images import Pixels

_ORIENTATION: Final = 0x0112
_SHORT: Final = 3
_ENTRY: Final = 12
UPRIGHT: Final = 1


def orientation(tiff: bytes) -> int:
    """EXIF orientation, 1 to 8, from the TIFF structure of an EXIF block.

    1 where there is none or the block cannot be read: metadata is not the image, and its faults
    refuse nothing.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return UPRIGHT
    (at,) = struct.unpack_from(order + "I", tiff, 4)
    if at + 2 > len(tiff):
        return UPRIGHT
    (count,) = struct.unpack_from(order + "H", tiff, at)
    for start in range(at + 2, at + 2 + count * _ENTRY, _ENTRY):
        if start + _ENTRY > len(tiff):
            return UPRIGHT
        tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, start)
        if tag == _ORIENTATION:
            return value if kind == _SHORT and 1 <= value <= 8 else UPRIGHT
    return UPRIGHT


def upright(pixels: Pixels, turn: int) -> Pixels:
    """Stored `pixels` [H, W, 3] as they are meant to be seen, for an EXIF orientation.

    2, 4, 5 and 7 are mirrored; 5 to 8 exchange height and width.
    """
    match turn:
        case 2:
            seen = pixels[:, ::-1]
        case 3:
            seen = pixels[::-1, ::-1]
        case 4:
            seen = pixels[::-1]
        case 5:
            seen = pixels.transpose(1, 0, 2)
        case 6:
            seen = pixels[::-1].transpose(1, 0, 2)
        case 7:
            seen = pixels[::-1, ::-1].transpose(1, 0, 2)
        case 8:
            seen = pixels[:, ::-1].transpose(1, 0, 2)
        case _:
            seen = pixels
    return np.ascontiguousarray(seen)
