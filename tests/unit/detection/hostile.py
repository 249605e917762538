"""Files that must be refused, made byte by byte."""

import struct
import zlib

import numpy as np
from PIL import Image

from tests.builders.faces import encoded

PNG = b"\x89PNG\r\n\x1a\n"


def chunk(name: bytes, content: bytes) -> bytes:
    """One chunk of a PNG."""
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def png_header(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    return PNG + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def png_bomb(width: int, height: int) -> bytes:
    """A whole, valid 1-bit PNG of any size whose rows are zeros, in a small file."""
    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return png_header(width, height, 1, 0) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def jpeg_header(width: int, height: int) -> bytes:
    """A JPEG up to its frame."""
    frame = struct.pack(">BHHB", 8, height, width, 3) + bytes(9)
    return b"\xff\xd8\xff\xc0" + struct.pack(">H", len(frame) + 2) + frame


def webp_header(width: int, height: int, flags: int = 0) -> bytes:
    """An extended WebP of which nothing but the canvas is there."""
    canvas = bytes([flags, 0, 0, 0])
    canvas += (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    riff = b"WEBP" + b"VP8X" + struct.pack("<I", len(canvas)) + canvas
    return b"RIFF" + struct.pack("<I", len(riff)) + riff


def noise(side: int = 64) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (side, side, 3), np.uint8))


def animated(kind: str) -> bytes:
    frames = [noise(), noise().rotate(90), noise().rotate(180)]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=50)


SVG = b'<?xml version="1.0"?>\n<!DOCTYPE svg>\n<svg xmlns="http://www.w3.org/2000/svg"></svg>'
