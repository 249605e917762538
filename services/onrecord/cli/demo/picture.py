"""One picture of what an examiner saw: the probe, and the candidates in their shuffled order."""

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

_PAPER = (250, 249, 246)
_INK = (33, 37, 41)
_FAINT = (108, 117, 125)
_LINE = (206, 212, 218)
_CELL = (168, 210)
_PROBE = (300, 375)
_GAP = 16
_COLUMNS = 5


def examination_sheet(
    probe: bytes, candidates: Sequence[bytes], lines: Sequence[str], out: Path
) -> None:
    """Draw the sheet as PNG. `lines` stand under the probe; candidates are numbered from 1.

    No score, no name, no order of likeness: there was none to be seen.
    """
    rows = max(1, -(-len(candidates) // _COLUMNS))
    grid = (_COLUMNS * (_CELL[0] + _GAP), rows * (_CELL[1] + 34))
    width = _PROBE[0] + 4 * _GAP + grid[0]
    height = max(_PROBE[1] + 40 + 24 * len(lines), grid[1]) + 110
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_GAP, 14), "What both examiners saw", fill=_INK, font=_font(24))
    draw.text(
        (_GAP, 46),
        "Shuffled, without scores, one logged look at a time. Nobody in these pictures exists.",
        fill=_FAINT,
        font=_font(14),
    )
    top = 84
    sheet.paste(_fitted(probe, _PROBE), (_GAP, top))
    draw.rectangle((_GAP, top, _GAP + _PROBE[0], top + _PROBE[1]), outline=_LINE)
    draw.text((_GAP, top + _PROBE[1] + 8), "the probe", fill=_INK, font=_font(16))
    for number, line in enumerate(lines):
        at = (_GAP, top + _PROBE[1] + 36 + 20 * number)
        draw.text(at, line, fill=_FAINT, font=_font(13))
    left = _PROBE[0] + 3 * _GAP
    for number, candidate in enumerate(candidates):
        x = left + (number % _COLUMNS) * (_CELL[0] + _GAP)
        y = top + (number // _COLUMNS) * (_CELL[1] + 34)
        sheet.paste(_fitted(candidate, _CELL), (x, y))
        draw.rectangle((x, y, x + _CELL[0], y + _CELL[1]), outline=_LINE)
        draw.text((x, y + _CELL[1] + 5), f"candidate {number + 1}", fill=_FAINT, font=_font(13))
    sheet.save(out, format="PNG", optimize=True)


def _fitted(encoded: bytes, size: tuple[int, int]) -> Image.Image:
    with Image.open(io.BytesIO(encoded)) as opened:
        upright = ImageOps.exif_transpose(opened)
        return ImageOps.pad(upright.convert("RGB"), size, color=_PAPER)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
