"""Decoding with Pillow, after the header has been read and held to the limits."""

import io
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image

from onrecord.contracts.images import Pixels
from onrecord.detection.core.exif import upright
from onrecord.detection.core.header import ImageHeader, ImageKind, corrupt
from onrecord.detection.core.image_types import read_header

WORKING_SIDE = 2048
"""An image is averaged down by the largest whole number that leaves its longer side at least this.
A face too small then was too small to be found."""

_FORMATS = {ImageKind.JPEG: "JPEG", ImageKind.PNG: "PNG", ImageKind.WEBP: "WEBP"}
_SIXTEEN_BITS = 257  # 65,535 / 255
_STRIP = 256  # rows that are widened at once


class PillowDecoder:
    """`ImageDecoder`. No metadata but the orientation is used; profiles, text, thumbnails are not.

    Memory is bounded by the limits of `core.header`: at most some 16 bytes for each of the
    60 million pixels, while a WebP of that size is decoded. A JPEG is decoded at a half, a quarter
    or an eighth where that is enough.
    """

    def decode(self, image: bytes) -> Pixels:
        """Raises IMAGE_*."""
        header = read_header(image)
        with _whatever_it_raises_is_the_file():
            pixels = _pixels(image, header)
        return upright(pixels, header.orientation)


@contextmanager
def _whatever_it_raises_is_the_file() -> Iterator[None]:
    """A decoder may raise anything at all on a hostile file."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        raise corrupt(f"the decoder stopped with {type(error).__name__}") from error


def _pixels(image: bytes, header: ImageHeader) -> Pixels:
    with Image.open(io.BytesIO(image), formats=[_FORMATS[header.kind]]) as opened:
        if opened.size != (header.width, header.height):
            raise ValueError("the decoder sees another size than the header")
        times = _times(opened)
        opened.draft(None, (opened.width // times, opened.height // times))
        opened.load()
        return np.asarray(_rgb(_working_size(opened)))


def _times(image: Image.Image) -> int:
    return max(1, max(image.size) // WORKING_SIDE)


def _working_size(image: Image.Image) -> Image.Image:
    """`image`, averaged down where it is larger than what is worked on."""
    times = _times(image)
    if times == 1:
        return image
    if image.mode in ("P", "1"):  # neither can be averaged as it is
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode.startswith("I"):
        image = _eight_bits(image)
    return image.reduce(times)


def _rgb(image: Image.Image) -> Image.Image:
    """Any mode as RGB; what is transparent stands on white, as on paper."""
    if image.mode.startswith("I"):
        image = _eight_bits(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(paper, image)
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits scaled to 8; Pillow's own conversion would clip it at 255."""
    values = np.asarray(image)
    scaled = np.empty(values.shape, dtype=np.uint8)
    for top in range(0, len(values), _STRIP):
        strip = values[top : top + _STRIP].astype(np.uint32)
        scaled[top : top + _STRIP] = (strip + _SIXTEEN_BITS // 2) // _SIXTEEN_BITS
    return Image.fromarray(scaled)
