"""Real photographs, and what can be done to a file that holds one."""

import csv
import io
import struct
import uuid
import zlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from tests.data import test_data_path

# What undoes, on the pixels, the transposition an EXIF orientation asks a viewer for.
_UNDO = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
_ORIENTATION = 0x0112


@dataclass(frozen=True, slots=True)
class Sitter:
    """One person of the test data: an enrolled portrait, and other photographs of them."""

    name: str
    portrait: bytes
    probes: tuple[Path, ...]

    def probe(self, number: int = 0) -> bytes:
        """A photograph with bytes that no other search has used."""
        return unique(self.probes[number % len(self.probes)].read_bytes())


def sitters(count: int) -> list[Sitter]:
    """The first people of the protocol who have a portrait and at least two other photographs."""
    folder = test_data_path("faces", "lfw")
    files: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    with (folder / "protocol.tsv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            files[row["person"]][row["role"]].append(folder / "images" / row["file"])
    found = [
        Sitter(name, roles["gallery"][0].read_bytes(), tuple(roles["probe_mated"]))
        for name, roles in files.items()
        if roles["gallery"] and len(roles["probe_mated"]) >= 2
    ]
    return found[:count]


def unique(jpeg: bytes) -> bytes:
    """The same photograph as another file: a comment follows the start of image."""
    comment = uuid.uuid4().bytes
    return jpeg[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + jpeg[2:]


def picture(encoded: bytes) -> Image.Image:
    with Image.open(io.BytesIO(encoded)) as opened:
        return opened.convert("RGB")


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def rotated(encoded: bytes, orientation: int) -> bytes:
    """A JPEG whose pixels lie otherwise, and whose EXIF says how to turn them back."""
    image = picture(encoded)
    if orientation in _UNDO:
        image = image.transpose(_UNDO[orientation])
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    return unique(saved(image, "JPEG", quality=95, exif=exif))


def sixteen_bit(encoded: bytes) -> bytes:
    """A grey PNG of 16 bits a sample."""
    grey = np.asarray(picture(encoded).convert("L"), np.uint16) * 257
    return saved(Image.fromarray(grey), "PNG")


def with_alpha(encoded: bytes) -> bytes:
    """A PNG with a half-transparent corner."""
    image = picture(encoded).convert("RGBA")
    image.putpixel((0, 0), (255, 0, 0, 128))
    return saved(image, "PNG")


def enlarged(encoded: bytes, side: int) -> bytes:
    """The same face in a frame of `side` x `side` pixels: slow to decode, and sharp enough."""
    image = picture(encoded).resize((side, side), Image.Resampling.LANCZOS)
    return unique(saved(image, "JPEG", quality=85))


def blurred(encoded: bytes) -> bytes:
    """Out of focus, but still found as a face."""
    return unique(saved(picture(encoded).filter(ImageFilter.GaussianBlur(7)), "JPEG", quality=95))


def darkened(encoded: bytes) -> bytes:
    """So dark that a person sees little, but still found as a face."""
    dark = np.asarray(picture(encoded), np.float32) * 0.15
    return saved(Image.fromarray(dark.astype(np.uint8)), "PNG")


def drawing() -> bytes:
    """A face as a child draws it."""
    image = Image.new("RGB", (400, 400), "white")
    pen = ImageDraw.Draw(image)
    pen.ellipse((60, 40, 340, 360), outline="black", width=5)
    for x in (140, 240):
        pen.ellipse((x, 130, x + 24, 154), fill="black")
    pen.line((200, 170, 190, 230, 205, 232), fill="black", width=4)
    pen.arc((130, 220, 270, 310), 20, 160, fill="black", width=5)
    return saved(image, "PNG")


def animated_webp(encoded: bytes) -> bytes:
    first = picture(encoded).resize((128, 128))
    return saved(
        first,
        "WEBP",
        save_all=True,
        append_images=[first.transpose(Image.Transpose.FLIP_LEFT_RIGHT)],
        duration=100,
    )


def huge_png_header(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it has width x height pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(3 * 64))
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")
    )


def huge_jpeg_header(encoded: bytes, width: int, height: int) -> bytes:
    """A photograph whose frame header has been changed to width x height."""
    at = 2
    while True:
        marker, length = struct.unpack(">HH", encoded[at : at + 4])
        if marker in (0xFFC0, 0xFFC1, 0xFFC2):
            size = struct.pack(">HH", height, width)
            return encoded[: at + 5] + size + encoded[at + 9 :]
        at += 2 + length


def _chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
