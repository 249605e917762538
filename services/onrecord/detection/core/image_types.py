"""From the first bytes of a file to what it is, and to the reader of its header."""

import re
from typing import Final

from onrecord.detection.core import jpeg_header, png_header, webp_header
from onrecord.detection.core.header import ImageHeader, check, check_size
from onrecord.kernel.errors import ErrorCode, OnRecordError

_REFUSED: Final = (
    (re.compile(rb"GIF8[79]a"), "GIF"),
    (re.compile(rb"II\*\0|MM\0\*"), "TIFF"),
    (re.compile(rb"BM"), "BMP"),
    (re.compile(rb"....ftyp(?:heic|heix|hevc|mif1|msf1|avif|avis)", re.DOTALL), "HEIF or AVIF"),
    (re.compile(rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"), "JPEG 2000"),
    (re.compile(rb"%PDF-"), "PDF"),
    (re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:[?!][^>]*>\s*<)*(?:[\w.-]+:)?svg\b", re.I), "SVG"),
    (re.compile(rb"(?:\xef\xbb\xbf)?\s*<"), "XML or HTML"),
)
_BEGINNING: Final = 4096


def read_header(image: bytes) -> ImageHeader:
    """The header of a file that is within every limit and may be decoded (R-32).

    Raises IMAGE_EMPTY, IMAGE_TOO_LARGE, IMAGE_TYPE_UNSUPPORTED, IMAGE_ANIMATED,
    IMAGE_TOO_MANY_PIXELS, IMAGE_TOO_SMALL, IMAGE_TRUNCATED, IMAGE_CORRUPT.
    """
    check_size(len(image))
    header = _read(image)
    check(header)
    return header


def _read(image: bytes) -> ImageHeader:
    if image.startswith(jpeg_header.SIGNATURE):
        return jpeg_header.read(image)
    if image.startswith(png_header.SIGNATURE):
        return png_header.read(image)
    if webp_header.is_webp(image):
        return webp_header.read(image)
    beginning = image[:_BEGINNING]
    kind = next((name for pattern, name in _REFUSED if pattern.match(beginning)), None)
    what = f"The file is {kind}" if kind else "The file is not an image that is known"
    raise OnRecordError(
        ErrorCode.IMAGE_TYPE_UNSUPPORTED,
        f"{what}; JPEG, PNG and WebP are accepted.",
        field="image",
    )
