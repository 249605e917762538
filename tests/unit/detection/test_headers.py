"""R-32: what is refused before anything is decoded, and what it costs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onrecord.detection.core.exif import orientation
from onrecord.detection.core.header import MAX_BYTES, MAX_PIXELS, ImageKind
from onrecord.detection.core.image_types import read_header
from onrecord.kernel.errors import ErrorCode, OnRecordError
from tests.builders.faces import encoded
from tests.unit.detection import hostile
from tests.unit.detection.hostile import SVG, animated, noise

WHOLE = {kind: encoded(noise(), kind) for kind in ("JPEG", "PNG", "WEBP")}


def refused(image: bytes) -> OnRecordError:
    with pytest.raises(OnRecordError) as caught:
        read_header(image)
    assert caught.value.field == "image"
    return caught.value


REFUSED = {
    "empty": (b"", ErrorCode.IMAGE_EMPTY),
    "25 MB": (WHOLE["JPEG"] + bytes(25_000_000), ErrorCode.IMAGE_TOO_LARGE),
    "1 x 1": (encoded(noise(1)), ErrorCode.IMAGE_TOO_SMALL),
    "47 pixels wide": (encoded(noise(48).crop((0, 0, 47, 48))), ErrorCode.IMAGE_TOO_SMALL),
    "PNG header of 60,000 x 60,000": (
        hostile.png_header(60_000, 60_000),
        ErrorCode.IMAGE_TOO_MANY_PIXELS,
    ),
    "JPEG header of 60,000 x 60,000": (
        hostile.jpeg_header(60_000, 60_000) + b"\xff\xda\x00\x02",
        ErrorCode.IMAGE_TOO_MANY_PIXELS,
    ),
    "WebP header of 60,000 x 60,000": (
        hostile.webp_header(60_000, 60_000),
        ErrorCode.IMAGE_TOO_MANY_PIXELS,
    ),
    "whole bomb of 10,000 x 6,001": (
        hostile.png_bomb(10_000, 6_001),
        ErrorCode.IMAGE_TOO_MANY_PIXELS,
    ),
    "GIF": (encoded(noise(), "GIF"), ErrorCode.IMAGE_TYPE_UNSUPPORTED),
    "animated GIF": (animated("GIF"), ErrorCode.IMAGE_TYPE_UNSUPPORTED),
    "SVG": (SVG, ErrorCode.IMAGE_TYPE_UNSUPPORTED),
    "TIFF": (encoded(noise(), "TIFF"), ErrorCode.IMAGE_TYPE_UNSUPPORTED),
    "BMP": (encoded(noise(), "BMP"), ErrorCode.IMAGE_TYPE_UNSUPPORTED),
    "PDF": (b"%PDF-1.7\n", ErrorCode.IMAGE_TYPE_UNSUPPORTED),
    "text": (b"not an image at all", ErrorCode.IMAGE_TYPE_UNSUPPORTED),
    "animated WebP": (animated("WEBP"), ErrorCode.IMAGE_ANIMATED),
    "animated PNG": (animated("PNG"), ErrorCode.IMAGE_ANIMATED),
    "JPEG signature alone": (b"\xff\xd8\xff", ErrorCode.IMAGE_TRUNCATED),
    "PNG signature alone": (hostile.PNG, ErrorCode.IMAGE_TRUNCATED),
    "WebP signature alone": (b"RIFF\xff\x00\x00\x00WEBP", ErrorCode.IMAGE_TRUNCATED),
    "PNG of no size": (hostile.png_header(0, 64), ErrorCode.IMAGE_CORRUPT),
    "PNG without a header": (hostile.PNG + hostile.chunk(b"IDAT", bytes(20)),
                             ErrorCode.IMAGE_CORRUPT),
    "JPEG of no size": (hostile.jpeg_header(64, 0) + b"\xff\xda\x00\x02", ErrorCode.IMAGE_CORRUPT),
    "JPEG that ends at once": (b"\xff\xd8\xff\xd9", ErrorCode.IMAGE_CORRUPT),
    "JPEG of two frames": (
        hostile.jpeg_header(64, 64) + hostile.jpeg_header(60_000, 60_000)[2:],
        ErrorCode.IMAGE_CORRUPT,
    ),
    "JPEG of a thousand scans": (
        WHOLE["JPEG"][:-2] + b"\xff\xda\x00\x02" * 1000 + b"\xff\xd9",
        ErrorCode.IMAGE_CORRUPT,
    ),
    "JPEG with text between segments": (b"\xff\xd8\xff\xe0\x00\x02hello", ErrorCode.IMAGE_CORRUPT),
    "WebP without an image": (b"RIFF\x04\x00\x00\x00WEBP", ErrorCode.IMAGE_CORRUPT),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_from_the_header(name: str) -> None:
    image, code = REFUSED[name]
    assert refused(image).code is code


def test_refusals_say_what_was_found() -> None:
    assert refused(hostile.png_header(60_000, 60_000)).details == {
        "width": 60_000,
        "height": 60_000,
        "most_pixels": MAX_PIXELS,
    }
    assert "GIF" in refused(encoded(noise(), "GIF")).message
    assert "SVG" in refused(SVG).message


def test_the_limits_are_inclusive() -> None:
    assert read_header(hostile.png_bomb(10_000, 6_000)).width == 10_000
    header = WHOLE["JPEG"]
    assert read_header(header + bytes(MAX_BYTES - len(header))).kind is ImageKind.JPEG


@pytest.mark.parametrize("kind", WHOLE)
def test_every_cut_of_a_whole_file_is_truncated(kind: str) -> None:
    """An upload cut in the middle, wherever the middle is."""
    image = WHOLE[kind]
    assert read_header(image).kind == kind.lower()
    signature = {"JPEG": 3, "PNG": 8, "WEBP": 12}[kind]
    for length in range(signature, len(image) - 1, 7):
        assert refused(image[:length]).code is ErrorCode.IMAGE_TRUNCATED, length


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_content_decides_the_type(kind: str) -> None:
    """R-33: a header is read from bytes alone; there is no name to be wrong."""
    header = read_header(encoded(noise(80).crop((0, 0, 80, 64)), kind))
    assert (header.kind, header.width, header.height) == (kind.lower(), 80, 64)


def test_lossless_and_extended_webp_tell_their_size() -> None:
    for options in ({"lossless": True}, {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0"}):
        header = read_header(encoded(noise(80).crop((0, 0, 80, 64)), "WEBP", **options))
        assert (header.width, header.height, header.animated) == (80, 64, False)


@given(st.binary(max_size=400), st.sampled_from([b"", *(one[:30] for one in WHOLE.values())]))
def test_any_bytes_are_read_or_refused(tail: bytes, head: bytes) -> None:
    """Nothing but an `OnRecordError` ever leaves, whatever the bytes."""
    try:
        read_header(head + tail)
    except OnRecordError as error:
        assert error.code.value.startswith("image_")


@given(st.data())
def test_a_file_with_a_changed_byte_is_read_or_refused(data: st.DataObject) -> None:
    image = bytearray(WHOLE[data.draw(st.sampled_from(sorted(WHOLE)))])
    at = data.draw(st.integers(0, min(len(image) - 1, 700)))
    image[at] = data.draw(st.integers(0, 255))
    try:
        read_header(bytes(image))
    except OnRecordError as error:
        assert error.code.value.startswith("image_")


@given(st.binary(max_size=80))
def test_any_exif_gives_an_orientation(tiff: bytes) -> None:
    for start in (b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"):
        assert 1 <= orientation(start + tiff) <= 8


def test_orientation_of_both_byte_orders() -> None:
    assert orientation(b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0") == 6
    assert orientation(b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0") == 8
    # 9 is no orientation, and one that is not a short is not read.
    assert orientation(b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x09\0\0\0") == 1
    assert orientation(b"II*\0\x08\0\0\0\x01\0\x12\x01\x04\0\x01\0\0\0\x06\0\0\0") == 1


_MEMORY = """
import resource, sys
from onrecord.detection.adapters.pillow import PillowDecoder
from onrecord.kernel.errors import OnRecordError
from tests.unit.detection import hostile

files = [hostile.png_header(60_000, 60_000), hostile.png_bomb(40_000, 30_000),
         hostile.jpeg_header(60_000, 60_000) + bytes([255, 218, 0, 2]),
         hostile.webp_header(60_000, 60_000)]
decoder = PillowDecoder()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for file in files:
    try:
        decoder.decode(file)
    except OnRecordError as error:
        print(error.code.value)
print("grown", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_bomb_costs_no_memory() -> None:
    """R-32: bounded memory. Decoded, each of these files would take a gigabyte and more."""
    ran = subprocess.run(
        [sys.executable, "-c", _MEMORY],
        capture_output=True, text=True, check=True, timeout=120,
        cwd=Path(__file__).resolve().parents[3],
    )  # fmt: skip
    assert ran.stdout.count("image_too_many_pixels") == 4, ran.stdout
    grown = re.search(r"grown (\d+)", ran.stdout)
    assert grown is not None
    assert int(grown[1]) < 20_000  # kilobytes
