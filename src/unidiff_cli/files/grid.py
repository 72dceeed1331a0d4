"""A contact sheet: pictures in rows, each with its caption under it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageFont import FreeTypeFont, ImageFont

LARGEST_CELL, LARGEST_SIDE = 512, 8192
SMALLEST_CELL, LEGIBLE_CELL = 96, 256
GAP = 8
MAX_LINES = 4
INK, PAPER = (40, 40, 40), (255, 255, 255)


def cell_side(pictures: int) -> int:
    """Side of the square that each of so many pictures gets, so that the sheet stays bearable."""
    columns = math.ceil(math.sqrt(max(1, pictures)))
    return max(SMALLEST_CELL, min(LARGEST_CELL, LARGEST_SIDE // columns - GAP))


def thumbnail(picture: Image.Image, side: int) -> Image.Image:
    """The whole picture, no larger than the square; a small one is enlarged in whole steps."""
    from PIL import Image

    small = picture.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    times = max(1, min(side, LEGIBLE_CELL) // max(small.size))
    return small.resize((small.width * times, small.height * times), Image.Resampling.NEAREST)


def contact_sheet(pictures: Sequence[Image.Image], captions: Sequence[str]) -> Image.Image:
    """The pictures on white, about as many rows as columns, long captions wrapped."""
    from PIL import Image, ImageDraw, ImageFont

    side = cell_side(len(pictures))
    small = [thumbnail(picture, side) for picture in pictures]
    across, down = max(p.width for p in small), max(p.height for p in small)
    across = max(across, min(side, LEGIBLE_CELL))
    size = max(10, across // 32)
    font = ImageFont.load_default(size)
    texts = [wrap(caption, across, font) for caption in captions]
    words = max(text.count("\n") + 1 if text else 0 for text in texts) * (size + 4)
    columns = math.ceil(math.sqrt(len(small)))
    rows = math.ceil(len(small) / columns)
    cell = (across + GAP, down + words + 2 * GAP)
    sheet = Image.new("RGB", (columns * cell[0] + GAP, rows * cell[1] + GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    for n, (picture, text) in enumerate(zip(small, texts, strict=True)):
        left, top = GAP + n % columns * cell[0], GAP + n // columns * cell[1]
        sheet.paste(picture, (left + (across - picture.width) // 2, top))
        draw.multiline_text((left, top + down + GAP // 2), text, INK, font, spacing=4)
    return sheet


def wrap(caption: str, width: int, font: FreeTypeFont | ImageFont, most: int = MAX_LINES) -> str:
    """The caption in lines no wider than the pixels; what is longer than `most` ends in dots."""
    lines = [""]
    for word in caption.split():
        for part in _fitting(word, width, font):
            longer = f"{lines[-1]} {part}".strip()
            if font.getlength(longer) <= width:
                lines[-1] = longer
            else:
                lines.append(part)
    if len(lines) > most:
        last = lines[most - 1]
        while last and font.getlength(last + "...") > width:
            last = last[:-1]
        lines = [*lines[: most - 1], last.rstrip() + "..."]
    return "\n".join(lines)


def _fitting(word: str, width: int, font: FreeTypeFont | ImageFont) -> list[str]:
    """The word, cut where it alone is wider than a line."""
    parts = [""]
    for letter in word:
        if parts[-1] and font.getlength(parts[-1] + letter) > width:
            parts.append("")
        parts[-1] += letter
    return parts
