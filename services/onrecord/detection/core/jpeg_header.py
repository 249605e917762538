"""JPEG, read segment by segment up to its first scan (ITU-T T.81, annex B)."""

import struct
from typing import Final

from onrecord.detection.core.exif import orientation
from onrecord.detection.core.header import ImageHeader, ImageKind, corrupt, truncated

SIGNATURE: Final = b"\xff\xd8\xff"
_LENGTH: Final = struct.Struct(">H")
_FRAME: Final = struct.Struct(">BHH")
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_START_OF_SCAN, _END, _APP1 = 0xDA, 0xD9, 0xE1
_EXIF: Final = b"Exif\0\0"
_MOST_SCANS: Final = 64
"""Encoders write about ten; each costs a pass over all pixels, so thousands are an attack."""


def read(image: bytes) -> ImageHeader:
    """Raises IMAGE_CORRUPT, and IMAGE_TRUNCATED where it ends before its size is known."""
    size: tuple[int, int] | None = None
    turn = 1
    at = 2
    while True:
        marker, at = _marker(image, at)
        if marker in _ALONE:
            continue
        if marker == _END:
            raise corrupt("it ends before its first scan")
        if at + 2 > len(image):
            break
        (length,) = _LENGTH.unpack_from(image, at)
        if length < 2:
            raise corrupt("a segment is shorter than its own length")
        segment = image[at + 2 : at + length]
        if marker in _FRAMES:
            if size is not None:
                raise corrupt("it has two frames")
            size = _frame_size(segment)
        elif marker == _APP1 and segment.startswith(_EXIF):
            turn = orientation(segment[len(_EXIF) :])
        elif marker == _START_OF_SCAN:
            break
        at += length
    if size is None:
        raise truncated() if at >= len(image) else corrupt("it has no frame before its first scan")
    return ImageHeader(ImageKind.JPEG, *size, complete=_complete(image, at), orientation=turn)


def _marker(image: bytes, at: int) -> tuple[int, int]:
    """The marker at `at`, after any fill bytes, and where what follows it begins."""
    start = at
    while at < len(image) and image[at] == 0xFF:
        at += 1
    if at >= len(image):
        raise truncated()
    if at == start or image[at] == 0:
        raise corrupt("something other than a marker stands between its segments")
    return image[at], at + 1


def _frame_size(segment: bytes) -> tuple[int, int]:
    if len(segment) < _FRAME.size:
        raise truncated()
    _, height, width = _FRAME.unpack_from(segment)
    if not (width and height):
        raise corrupt("it has no size")
    return width, height


def _complete(image: bytes, scan: int) -> bool:
    """Whether an end follows the first scan. Within a scan, 0xFF is never followed by a marker."""
    if image.count(b"\xff\xda", scan) > _MOST_SCANS:
        raise corrupt(f"it has more than {_MOST_SCANS} scans")
    return image.find(b"\xff\xd9", scan) >= 0
