"""The figures of a sitting as pictures: bars by group, and samples with what they are likest to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from unidiff_cli.evaluate.chart import COLOURS, FAINT, INK
from unidiff_cli.evaluate.clipart.examination import GROUPS
from unidiff_cli.evaluate.clipart.marks import NAMES
from unidiff_cli.evaluate.clipart.sight import Sight

WIDTH, HEIGHT = 1120, 360
LEFT, TOP, BOTTOM = 60, 40, 50
SCALE = 2
SIDE = 128


def bars(report: Mapping[str, Any]) -> bytes:
    """Shares of t2i above those of i2t, as a PNG; a line over a bar is what real pictures get."""
    modes = [mode for mode in ("t2i", "i2t") if report[mode]]
    whole = Image.new("RGB", (SCALE * WIDTH, SCALE * HEIGHT * len(modes)), "white")
    for number, mode in enumerate(modes):
        whole.paste(_panel(mode, report[mode]), (0, SCALE * HEIGHT * number))
    return _png(whole.resize((WIDTH, HEIGHT * len(modes)), Image.Resampling.LANCZOS))


def beside(
    pictures: Sequence[Image.Image], thumbs: Sequence[NDArray[np.uint8]], across: int = 8
) -> bytes:
    """Each sample, with the drawing that it is likest to on its right, as a PNG."""
    down = -(-len(pictures) // across)
    gap = 8
    sheet = Image.new("RGB", (across * (2 * SIDE + gap), down * (SIDE + gap)), "white")
    for number, (picture, thumb) in enumerate(zip(pictures, thumbs, strict=True)):
        x, y = (number % across) * (2 * SIDE + gap), (number // across) * (SIDE + gap)
        sheet.paste(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS), (x, y))
        sheet.paste(Image.fromarray(thumb).resize((SIDE, SIDE)), (x + SIDE, y))
    return _png(sheet)


def _panel(mode: str, groups: Mapping[str, Any]) -> Image.Image:
    picture = Image.new("RGB", (SCALE * WIDTH, SCALE * HEIGHT), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=13 * SCALE)
    names = [name for name in NAMES if any(name in groups[group] for group in groups)]
    high = HEIGHT - TOP - BOTTOM
    wide = (WIDTH - LEFT) / max(1, len(names))

    def height(share: float) -> float:
        return SCALE * (TOP + high * (1 - share))

    for percent in range(0, 101, 25):
        y = height(percent / 100)
        draw.line([(SCALE * LEFT, y), (SCALE * WIDTH, y)], fill=FAINT, width=SCALE)
        draw.text((SCALE * (LEFT - 6), y), f"{percent}%", INK, font, anchor="rm")
    draw.text((SCALE * LEFT, SCALE * 10), mode, INK, font, anchor="lt")
    for place, group in enumerate(groups):
        colour = COLOURS[GROUPS.index(group)]
        key = (SCALE * (LEFT + 120 * (place + 1)), SCALE * 10)
        draw.text(key, group, colour, font, anchor="lt")
        for column, name in enumerate(names):
            value = groups[group].get(name)
            if value is None:
                continue
            bar = wide / (len(groups) + 1)
            x = SCALE * (LEFT + wide * column + bar * (place + 0.5))
            end = x + SCALE * bar * 0.9
            draw.rectangle([x, height(value["share"]), end, height(0)], fill=colour)
            if value.get("real") is not None:
                y = height(value["real"])
                draw.line([(x, y), (end, y)], fill=INK, width=2 * SCALE)
    for column, name in enumerate(names):
        x = SCALE * (LEFT + wide * (column + 0.5))
        draw.text((x, height(0) + 8 * SCALE), name, INK, font, anchor="mt")
    return picture


def likest(
    sights: Sequence[Sight], features: NDArray[np.float32], thumbs: NDArray[np.uint8]
) -> list[NDArray[np.uint8]]:
    """The small copy of the drawing that each is likest to."""
    found = [int((features @ s.features).argmax()) for s in sights if s.features is not None]
    return [thumbs[number] for number in found]


def _png(picture: Image.Image) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
