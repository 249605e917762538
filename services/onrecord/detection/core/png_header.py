"""PNG, read chunk by chunk (W3C, Portable Network Graphics, third edition)."""

import struct
from typing import Final

from onrecord.detection.core.exif import orientation
from onrecord.detection.core.header import ImageHeader, ImageKind, corrupt, truncated

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_CHUNK: Final = struct.Struct(">I4s")
_SIZE: Final = struct.Struct(">II")
_CHECKSUM: Final = 4
_MOST_CHUNKS: Final = 65_536  # writers cut their data into 8 kB; this many hold half a gigabyte


def read(image: bytes) -> ImageHeader:
    """Raises IMAGE_CORRUPT, and IMAGE_TRUNCATED where not even the size is there."""
    at = len(SIGNATURE)
    if len(image) < at + _CHUNK.size + 13:
        raise truncated()
    length, name = _CHUNK.unpack_from(image, at)
    if name != b"IHDR" or length != 13:
        raise corrupt("its first chunk is not a PNG header")
    width, height = _SIZE.unpack_from(image, at + _CHUNK.size)
    if not (0 < width < 2**31 and 0 < height < 2**31):
        raise corrupt("it has no size")
    animated, turn, complete = _walk(image, at)
    return ImageHeader(ImageKind.PNG, width, height, complete, animated, turn)


def _walk(image: bytes, at: int) -> tuple[bool, int, bool]:
    """Whether it is animated, its orientation, and whether its last chunk is there."""
    animated, turn = False, 1
    for _ in range(_MOST_CHUNKS):
        if at + _CHUNK.size > len(image):
            return animated, turn, False
        length, name = _CHUNK.unpack_from(image, at)
        end = at + _CHUNK.size + length + _CHECKSUM
        if end > len(image):
            return animated, turn, False
        if name == b"IEND":
            return animated, turn, True
        if name == b"acTL":
            animated = True
        elif name == b"eXIf":
            turn = orientation(image[at + _CHUNK.size : end - _CHECKSUM])
        at = end
    raise corrupt(f"it has more than {_MOST_CHUNKS} chunks")
