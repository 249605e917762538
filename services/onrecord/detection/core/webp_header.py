"""WebP, read chunk by chunk (RFC 9649)."""

import struct
from typing import Final

from onrecord.detection.core.exif import orientation
from onrecord.detection.core.header import ImageHeader, ImageKind, corrupt, truncated

_RIFF: Final = struct.Struct("<4sI4s")
_CHUNK: Final = struct.Struct("<4sI")
_EXIF: Final = b"Exif\0\0"
_ANIMATION_FLAG: Final = 0x02
_MOST_CHUNKS: Final = 4_096  # a still image has a handful


def is_webp(image: bytes) -> bool:
    return image[:4] == b"RIFF" and image[8:12] == b"WEBP"


def read(image: bytes) -> ImageHeader:
    """Raises IMAGE_CORRUPT, and IMAGE_TRUNCATED where it ends before its size is known."""
    _, length, _ = _RIFF.unpack_from(image)
    end = 8 + length
    size: tuple[int, int] | None = None
    animated, turn, has_pixels = False, 1, False
    at = _RIFF.size
    for _ in range(_MOST_CHUNKS):
        if at + _CHUNK.size > min(end, len(image)):
            break
        name, length = _CHUNK.unpack_from(image, at)
        content = image[at + _CHUNK.size : at + _CHUNK.size + length]
        if name in _SIZES:
            # The canvas of an extended file comes first and counts.
            size = size or _SIZES[name](content)
            animated |= name == b"VP8X" and bool(content[0] & _ANIMATION_FLAG)
            has_pixels |= name != b"VP8X"
        elif name in (b"ANIM", b"ANMF"):
            animated = True
        elif name == b"EXIF":
            turn = orientation(content.removeprefix(_EXIF))
        at += _CHUNK.size + length + length % 2
    else:
        raise corrupt(f"it has more than {_MOST_CHUNKS} chunks")
    if size is None:
        raise truncated() if end > len(image) else corrupt("it holds no image")
    complete = (has_pixels or animated) and end <= len(image)
    return ImageHeader(ImageKind.WEBP, *size, complete, animated, turn)


def _extended(content: bytes) -> tuple[int, int]:
    if len(content) < 10:
        raise truncated()
    width = int.from_bytes(content[4:7], "little") + 1
    return width, int.from_bytes(content[7:10], "little") + 1


def _lossy(content: bytes) -> tuple[int, int]:
    if len(content) < 10:
        raise truncated()
    if content[3:6] != b"\x9d\x01\x2a":
        raise corrupt("its frame does not begin with a key frame")
    width, height = struct.unpack_from("<HH", content, 6)
    return _positive(width & 0x3FFF, height & 0x3FFF)


def _lossless(content: bytes) -> tuple[int, int]:
    if len(content) < 5:
        raise truncated()
    if content[0] != 0x2F:
        raise corrupt("its frame has another signature than WebP's")
    bits = int.from_bytes(content[1:5], "little")
    return _positive((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)


def _positive(width: int, height: int) -> tuple[int, int]:
    if not (width and height):
        raise corrupt("it has no size")
    return width, height


_SIZES: Final = {b"VP8X": _extended, b"VP8 ": _lossy, b"VP8L": _lossless}
