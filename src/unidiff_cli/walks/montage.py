"""Walks and sweeps as one picture: stages in a row, values along two axes, frames that move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

from unidiff_cli.files.grid import GAP, INK, LARGEST_CELL, LARGEST_SIDE, PAPER, thumbnail, wrap

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageFont import FreeTypeFont, ImageFont

ARROW = 20
"""Pixels between two stages, with an arrow in them."""
SMALLEST_PICTURE, SMALLEST_WORDS = 128, 120
LONGEST_ROW = LARGEST_SIDE
FRAME, END_FRAME = 150, 900
"""Milliseconds that a frame of an animation stays, and its first and last."""
MOVING = {".gif": "GIF", ".webp": "WEBP"}
"""Formats of an animation."""
EMPTY = (225, 225, 225)


def strip(stages: Sequence[Image.Image | str], arrows: bool = True) -> Image.Image:
    """Pictures and words in reading order, in as few rows as a bearable width allows."""
    from PIL import Image, ImageDraw

    side = _side([stage for stage in stages if not isinstance(stage, str)], len(stages))
    cells = [_cell(stage, side) for stage in stages]
    gap = ARROW if arrows else GAP
    rows: list[list[Image.Image]] = [[]]
    for cell in cells:
        if rows[-1] and sum(c.width + gap for c in rows[-1]) + cell.width > LONGEST_ROW:
            rows.append([])
        rows[-1].append(cell)
    across = max(sum(c.width + gap for c in row) for row in rows) + gap
    down = max(cell.height for cell in cells)
    sheet = Image.new("RGB", (across, len(rows) * (down + GAP) + GAP), PAPER)
    draw, first = ImageDraw.Draw(sheet), True
    for number, row in enumerate(rows):
        left, top = gap, GAP + number * (down + GAP)
        for cell in row:
            sheet.paste(cell, (left, top + (down - cell.height) // 2))
            if arrows and not first:
                _arrow(draw, left - gap // 2, top + down // 2)
            left, first = left + cell.width + gap, False
    return sheet


def labelled(
    pictures: Sequence[Sequence[Image.Image | str]],
    columns: Sequence[str],
    rows: Sequence[str],
    title: str = "",
) -> Image.Image:
    """A table of pictures, its columns' names above and its rows' names at the left.

    Words in the place of a picture say why there is none.
    """
    from PIL import Image, ImageDraw

    flat = [cell for row in pictures for cell in row if not isinstance(cell, str)]
    side = _side(flat, max(len(columns), len(rows)))
    cells = [[_cell(cell, side, EMPTY) for cell in row] for row in pictures]
    across = max(side, *(cell.width for row in cells for cell in row))
    down = max(cell.height for row in cells for cell in row)
    font = _font(side)
    heads = [wrap(name, across, font) for name in columns]
    names = [wrap(name, side, font) for name in rows]
    measure = ImageDraw.Draw(Image.new("RGB", (1, 1)))

    def extent(words: str) -> tuple[int, int]:
        box = measure.multiline_textbbox((0, 0), words or " ", font)
        return round(box[2]), round(box[3])

    name_width = max(extent(name)[0] for name in names) + GAP if any(names) else 0
    head_height = max(extent(head)[1] for head in heads) + GAP if any(heads) else 0
    width = name_width + len(columns) * (across + GAP) + GAP
    top_line = wrap(title, width - 2 * GAP, font, 2) if title else ""
    title_height = extent(top_line)[1] + 2 * GAP if title else 0
    top = title_height + head_height + GAP
    sheet = Image.new("RGB", (width, top + len(rows) * (down + GAP)), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.multiline_text((GAP, GAP), top_line, INK, font)
    for number, head in enumerate(heads):
        middle = name_width + GAP + number * (across + GAP) + across // 2
        draw.multiline_text((middle, top - GAP), head, INK, font, anchor="md", align="center")
    for line, (name, row) in enumerate(zip(names, cells, strict=True)):
        y = top + line * (down + GAP)
        draw.multiline_text((GAP, y + down // 2), name, INK, font, anchor="lm")
        for number, cell in enumerate(row):
            x = name_width + GAP + number * (across + GAP)
            sheet.paste(cell, (x + (across - cell.width) // 2, y + (down - cell.height) // 2))
    return sheet


def animation(
    pictures: Sequence[Image.Image], format: str, options: Mapping[str, Any] | None = None
) -> tuple[bytes, int, int]:
    """A GIF or WebP that goes through the pictures and back, for ever; the two ends stay longer.

    With it, the pictures on the way and the frames in the file: the encoders make one frame, that
    stays as long as both would, of neighbours that look alike. `options` are more of Pillow's: what
    the file says of itself.
    """
    from PIL import Image

    frames = [picture.convert("RGB") for picture in pictures]
    frames += frames[-2:0:-1]
    stay = [FRAME] * len(frames)
    stay[0] = stay[len(pictures) - 1] = END_FRAME
    buffer = BytesIO()
    frames[0].save(
        buffer,
        format,
        save_all=True,
        append_images=frames[1:],
        duration=stay,
        loop=0,
        quality=90,
        **(options or {}),
    )
    with Image.open(buffer) as moving:
        return buffer.getvalue(), len(frames), getattr(moving, "n_frames", 1)


def _side(pictures: Sequence[Image.Image], cells: int) -> int:
    """The side of a cell: the pictures' own, small ones enlarged, within what a sheet bears."""
    own = max((max(picture.size) for picture in pictures), default=LARGEST_CELL)
    own = own if own >= SMALLEST_PICTURE else own * (SMALLEST_PICTURE // own + 1)
    return max(SMALLEST_PICTURE, min(own, LARGEST_CELL, LARGEST_SIDE // max(1, cells) - ARROW))


def _cell(stage: Image.Image | str, side: int, paper: tuple[int, int, int] = PAPER) -> Image.Image:
    """A picture that fits into the square, or its words in the middle of a box."""
    from PIL import Image, ImageDraw

    if not isinstance(stage, str):
        return thumbnail(stage, side)
    width = side if paper != PAPER else max(SMALLEST_WORDS, round(side * 0.6))
    box = Image.new("RGB", (width, side), paper)
    font = _font(side)
    words = wrap(stage, width - GAP, font, max(4, side // 24))
    ImageDraw.Draw(box).multiline_text(
        (width // 2, side // 2), words, INK, font, anchor="mm", align="center", spacing=4
    )
    return box


def _font(side: int) -> FreeTypeFont | ImageFont:
    from PIL import ImageFont

    return ImageFont.load_default(max(12, side // 20))


def _arrow(draw: object, x: int, y: int) -> None:
    from PIL.ImageDraw import ImageDraw

    assert isinstance(draw, ImageDraw)
    draw.line([(x - 6, y), (x + 4, y)], (130, 130, 130), 2)
    draw.polygon([(x + 7, y), (x + 1, y - 4), (x + 1, y + 4)], (130, 130, 130))
