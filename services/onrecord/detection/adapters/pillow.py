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

WORKING_SIDE = 4096
"""The longest side that is worked on. A face too small at this size was too small to be found."""

_FORMATS = {ImageKind.JPEG: "JPEG", ImageKind.PNG: "PNG", ImageKind.WEBP: "WEBP"}
_SIXTEEN_BITS = 257  # 65,535 / 255


class PillowDecoder:
    """`ImageDecoder`. No metadata but the orientation is used; profiles, text, thumbnails are not.

    Memory is bounded by the limits of `core.header`: at most some 12 bytes for each of the
    60 million pixels, while a WebP of that size is decoded; a JPEG is decoded at a half, a quarter
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
        opened.draft(None, (WORKING_SIDE, WORKING_SIDE))
        opened.load()
        return np.asarray(_rgb(_working_size(opened)))


def _working_size(image: Image.Image) -> Image.Image:
    """`image`, averaged down where it is larger than the working size."""
    longer = max(image.size)
    if longer <= WORKING_SIDE:
        return image
    if image.mode in ("P", "1"):  # neither can be averaged as it is
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode.startswith("I"):
        image = _eight_bits(image)
    return image.reduce(-(-longer // WORKING_SIDE))


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
    values = np.asarray(image).astype(np.uint32)
    return Image.fromarray(((values + _SIXTEEN_BITS // 2) // _SIXTEEN_BITS).astype(np.uint8))
