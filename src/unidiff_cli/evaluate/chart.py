"""Curves in panels side by side, drawn with Pillow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from math import ceil, floor, log10

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 560, 440
LEFT, RIGHT, TOP, BOTTOM = 76, 24, 48, 62
INK, FAINT = "#202020", "#dddddd"
COLOURS = ("#1f5fbf", "#c8452c", "#2e8b4a", "#8a4fbf", "#b58900", "#357f8f")
SCALE = 2
"""Drawn so many times larger, then made smaller: Pillow's lines have no soft edges."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Panel:
    """Curves over one axis."""

    title: str
    across: str
    """What the horizontal axis shows."""
    curves: Mapping[str, Sequence[Point]]
    labels: Mapping[Point, str] | None = None
    """Words beside points."""


def png(panels: Sequence[Panel]) -> bytes:
    """The panels side by side, as a PNG file."""
    whole = Image.new("RGB", (SCALE * WIDTH * len(panels), SCALE * HEIGHT), "white")
    for number, panel in enumerate(panels):
        whole.paste(_drawn(panel), (SCALE * WIDTH * number, 0))
    buffer = BytesIO()
    small = whole.resize((WIDTH * len(panels), HEIGHT), Image.Resampling.LANCZOS)
    small.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from below `low` to above `high`."""
    raw = (high - low) / about or abs(high) / about or 1.0
    power: float = 10 ** floor(log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [number * step for number in range(first, max(last, first + 1) + 1)]


def _drawn(panel: Panel) -> Image.Image:
    picture = Image.new("RGB", (SCALE * WIDTH, SCALE * HEIGHT), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=13 * SCALE)
    points = [point for curve in panel.curves.values() for point in curve]
    marks_x, marks_y = (ticks(min(axis), max(axis)) for axis in zip(*points, strict=True))

    def place(x: float, y: float) -> Point:
        across = (x - marks_x[0]) / (marks_x[-1] - marks_x[0])
        up = (y - marks_y[0]) / (marks_y[-1] - marks_y[0])
        column = LEFT + across * (WIDTH - LEFT - RIGHT)
        row = HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)
        return SCALE * column, SCALE * row

    for x in marks_x:
        column, row = place(x, marks_y[0])
        draw.line([(column, row), place(x, marks_y[-1])], fill=FAINT, width=SCALE)
        draw.text((column, row + 8 * SCALE), f"{x:g}", INK, font, anchor="mt")
    for y in marks_y:
        column, row = place(marks_x[0], y)
        draw.line([(column, row), place(marks_x[-1], y)], fill=FAINT, width=SCALE)
        draw.text((column - 6 * SCALE, row), f"{y:.4g}", INK, font, anchor="rm")
    draw.text((SCALE * LEFT, SCALE * 14), panel.title, INK, font, anchor="lt")
    middle = SCALE * (LEFT + WIDTH - RIGHT) / 2
    draw.text((middle, SCALE * (HEIGHT - 14)), panel.across, INK, font, anchor="mb")
    for number, (name, curve) in enumerate(panel.curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        places = [place(*point) for point in curve]
        draw.line(places, fill=colour, width=2 * SCALE, joint="curve")
        for column, row in places:
            draw.circle((column, row), 3.5 * SCALE, fill=colour)
        key = SCALE * (WIDTH - RIGHT), SCALE * (14 + 16 * number)
        if len(panel.curves) > 1:
            draw.text(key, name, colour, font, anchor="rt")
    for point, label in (panel.labels or {}).items():
        column, row = place(*point)
        draw.text((column + 6 * SCALE, row - 6 * SCALE), label, INK, font, anchor="lb")
    return picture
