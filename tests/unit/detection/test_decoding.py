"""R-33: what is accepted, and that it is converted rightly."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from onrecord.contracts.images import Pixels
from onrecord.detection.adapters.pillow import WORKING_SIDE, PillowDecoder
from onrecord.detection.core.exif import upright
from onrecord.kernel.errors import ErrorCode, OnRecordError
from tests.builders.faces import encoded, photograph, pixels_of, upright_face
from tests.unit.detection import hostile

decode = PillowDecoder().decode


def ramp(width: int = 64, height: int = 48) -> Pixels:
    """Every pixel another colour, so that a shift, a turn or a mirror shows."""
    down, across = np.mgrid[:height, :width]
    return np.stack([across * 3, down * 5, (across + down) * 2], axis=2).astype(np.uint8)


def png16(grey: np.ndarray[tuple[int, int], np.dtype[np.uint16]], colour: bool) -> bytes:
    """A 16-bit PNG, grey or RGB of equal channels."""
    height, width = grey.shape
    values = np.repeat(grey[:, :, None], 3, axis=2) if colour else grey[:, :, None]
    rows = values.astype(">u2").reshape(height, -1)
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    header = hostile.png_header(width, height, 16, 2 if colour else 0)
    return header + hostile.chunk(b"IDAT", packed) + hostile.chunk(b"IEND", b"")


def code_of(image: bytes) -> ErrorCode:
    with pytest.raises(OnRecordError) as caught:
        decode(image)
    return caught.value.code


def test_lossless_kinds_come_out_bit_for_bit() -> None:
    wanted = ramp()
    for image in (encoded(wanted), encoded(wanted, "WEBP", lossless=True)):
        got = decode(image)
        assert got.dtype == np.uint8
        assert got.shape == (48, 64, 3)
        np.testing.assert_array_equal(got, wanted)


def test_a_jpeg_is_what_it_was_but_for_its_loss() -> None:
    got = decode(encoded(ramp(), "JPEG", quality=95, subsampling=0)).astype(int)
    assert np.abs(got - ramp()).mean() < 3


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_grey(kind: str) -> None:
    grey = Image.fromarray(ramp()).convert("L")
    got = decode(encoded(grey, kind, quality=100))
    assert (got[..., 0] == got[..., 1]).all() and (got[..., 1] == got[..., 2]).all()
    assert np.abs(got[..., 0].astype(int) - np.asarray(grey)).max() <= 2


def test_black_and_white_and_palettes() -> None:
    bits = Image.fromarray(np.kron([[0, 255], [255, 0]], np.ones((32, 32))).astype(np.uint8))
    np.testing.assert_array_equal(decode(encoded(bits.convert("1")))[..., 0], np.asarray(bits))
    palette = Image.fromarray(ramp()).quantize(64)
    np.testing.assert_array_equal(decode(encoded(palette)), np.asarray(palette.convert("RGB")))


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_what_is_transparent_stands_on_white(kind: str) -> None:
    """What hides under a transparent pixel is not looked at."""
    alpha = np.zeros((48, 64), np.uint8)
    alpha[:, 32:] = 255
    alpha[:, 16:32] = 128
    rgba = np.dstack([np.full((48, 64, 3), 100, np.uint8), alpha])
    got = decode(encoded(rgba, kind, lossless=True, exact=True))
    assert (got[:, :16] == 255).all()
    assert (got[:, 32:] == 100).all()
    assert (np.abs(got[:, 16:32].astype(int) - 177) <= 1).all()  # 100 * 128/255 + 255 * 127/255


def test_grey_with_alpha_and_a_transparent_palette_entry() -> None:
    grey = Image.fromarray(
        np.dstack([np.full((48, 48), 90, np.uint8), np.zeros((48, 48), np.uint8)])
    )
    assert grey.mode == "LA"
    assert (decode(encoded(grey)) == 255).all()
    palette = Image.fromarray(np.full((48, 48), 3, np.uint8), "P")
    palette.putpalette([7] * 768)
    assert (decode(encoded(palette, transparency=3)) == 255).all()


@pytest.mark.parametrize("colour", [False, True])
def test_sixteen_bits_are_scaled_not_clipped(colour: bool) -> None:
    """65,535 is 255, 257 is 1, and a middle grey is not white."""
    grey = (np.arange(64 * 64).reshape(64, 64) * 16).astype(np.uint16)
    got = decode(png16(grey, colour))[..., 0]
    assert np.abs(got.astype(int) - np.round(grey / 257)).max() <= (1 if colour else 0)
    assert len(np.unique(got)) > 250


def test_cmyk() -> None:
    """Also as Adobe writes it, inverted: Pillow writes and reads it so."""
    face = Image.fromarray(upright_face())
    got = decode(encoded(face.convert("CMYK"), "JPEG", quality=95)).astype(int)
    assert np.abs(got - upright_face()).mean() < 4


@pytest.mark.parametrize("turn", range(1, 9))
def test_orientation_as_pillow_itself_understands_it(turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    for kind, options in (("PNG", {}), ("WEBP", {"lossless": True}), ("JPEG", {"quality": 95})):
        image = encoded(ramp(), kind, exif=exif, **options)
        with Image.open(io.BytesIO(image)) as opened:
            wanted = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
        np.testing.assert_array_equal(decode(image), wanted)
    # Independently of Pillow: where the stored top left corner must be seen (EXIF 2.3, table 6).
    corner = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0),
              5: (0, 0), 6: (0, -1), 7: (-1, -1), 8: (-1, 0)}[turn]  # fmt: skip
    seen = upright(ramp(), turn)
    assert seen.shape[:2] == ((48, 64) if turn < 5 else (64, 48))
    np.testing.assert_array_equal(seen[corner], ramp()[0, 0])


def test_a_wrong_name_is_nobodys_business() -> None:
    """A PNG that somebody named `.jpg`."""
    image = photograph("quality", "png_named.jpg")
    assert image.startswith(hostile.PNG)
    assert decode(image).shape == (667, 539, 3)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # Pillow says it, and goes on
def test_broken_exif_refuses_nothing() -> None:
    image = encoded(ramp(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert decode(image).shape == (48, 64, 3)


def test_large_images_are_averaged_down_to_the_working_size() -> None:
    wide = Image.fromarray(ramp()).resize((3 * WORKING_SIDE, 600))
    for image in (encoded(wide), encoded(wide.quantize(32)), encoded(wide.convert("RGBA"))):
        assert decode(image).shape == (200, WORKING_SIDE, 3)
    # A JPEG is decoded at half its size, and is then small enough.
    assert decode(encoded(wide, "JPEG")).shape == (300, 3 * WORKING_SIDE // 2, 3)
    grey = np.full((60, 2 * WORKING_SIDE), 0x8080, np.uint16)
    got = decode(png16(grey, colour=False))
    assert got.shape == (30, WORKING_SIDE, 3)
    assert (got == 128).all()


def test_data_that_is_no_image_is_corrupt() -> None:
    whole = encoded(hostile.noise(), "PNG")
    broken = bytearray(whole)
    broken[len(broken) // 2] ^= 0xFF
    assert code_of(bytes(broken)) is ErrorCode.IMAGE_CORRUPT
    header = hostile.png_header(64, 64)
    end = hostile.chunk(b"IEND", b"")
    assert code_of(header + end) is ErrorCode.IMAGE_CORRUPT
    short = hostile.chunk(b"IDAT", zlib.compress(bytes(100)))
    assert code_of(header + short + end) is ErrorCode.IMAGE_CORRUPT
    bad_depth = hostile.png_header(64, 64, depth=7)
    assert code_of(bad_depth + short + end) is ErrorCode.IMAGE_CORRUPT


def test_two_sizes_in_one_webp_are_corrupt() -> None:
    """The canvas says small, the frame within is large: neither is believed."""
    extended = bytearray(encoded(hostile.noise(64), "WEBP", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0"))
    at = extended.index(b"VP8X") + 8
    extended[at + 4 : at + 10] = struct.pack("<I", 99)[:3] + struct.pack("<I", 49)[:3]
    assert code_of(bytes(extended)) is ErrorCode.IMAGE_CORRUPT


def test_cut_files_of_every_kind() -> None:
    for name in ("r0.jpg", "mask.png"):
        image = photograph("quality", name)
        assert code_of(image[: len(image) // 2]) is ErrorCode.IMAGE_TRUNCATED
        assert pixels_of(image).shape == decode(image).shape
