"""What a file says of itself before anything decodes it, and the limits it is held to (R-32).

The content decides the type, never the name (R-33). A walk over the file's own structure tells its
size in pixels, whether it is whole, whether it moves and which way up it is; no pixel is decoded
and nothing is allocated that the file asks for.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from onrecord.kernel.errors import ErrorCode, OnRecordError

MAX_BYTES: Final = 20_000_000
MAX_PIXELS: Final = 60_000_000
MIN_SIDE: Final = 48
"""No face in a smaller image has the eye distance that any gate asks for."""


class ImageKind(StrEnum):
    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """`width` and `height` as stored, in pixels; `orientation` as in EXIF, 1 to 8.

    `complete` is False where the file ends before it says it does.
    """

    kind: ImageKind
    width: int
    height: int
    complete: bool
    animated: bool = False
    orientation: int = 1


def check(header: ImageHeader) -> None:
    """Raises IMAGE_ANIMATED, IMAGE_TOO_MANY_PIXELS, IMAGE_TOO_SMALL or IMAGE_TRUNCATED."""
    size = {"width": header.width, "height": header.height}
    if header.animated:
        raise OnRecordError(
            ErrorCode.IMAGE_ANIMATED,
            "The image has several frames; a single still photograph is needed.",
            field="image",
        )
    if header.width * header.height > MAX_PIXELS:
        raise OnRecordError(
            ErrorCode.IMAGE_TOO_MANY_PIXELS,
            f"The image has {header.width} x {header.height} pixels; "
            f"at most {MAX_PIXELS // 1_000_000} megapixels are accepted.",
            field="image",
            details={**size, "most_pixels": MAX_PIXELS},
        )
    if min(header.width, header.height) < MIN_SIDE:
        raise OnRecordError(
            ErrorCode.IMAGE_TOO_SMALL,
            f"The image has {header.width} x {header.height} pixels; "
            f"each side must have at least {MIN_SIDE}.",
            field="image",
            details={**size, "least_side": MIN_SIDE},
        )
    if not header.complete:
        raise truncated()


def check_size(size: int) -> None:
    """Raises IMAGE_EMPTY or IMAGE_TOO_LARGE for a file of `size` bytes."""
    if size == 0:
        raise OnRecordError(ErrorCode.IMAGE_EMPTY, "The image is empty.", field="image")
    if size > MAX_BYTES:
        raise OnRecordError(
            ErrorCode.IMAGE_TOO_LARGE,
            f"The image has {size} bytes; at most {MAX_BYTES // 1_000_000} MB are accepted.",
            field="image",
            details={"bytes": size, "most_bytes": MAX_BYTES},
        )


def truncated() -> OnRecordError:
    return OnRecordError(
        ErrorCode.IMAGE_TRUNCATED,
        "The image ends before it is complete: perhaps the upload was cut off.",
        field="image",
    )


def corrupt(why: str) -> OnRecordError:
    return OnRecordError(
        ErrorCode.IMAGE_CORRUPT, f"The image cannot be decoded: {why}.", field="image"
    )
