"""Charts: the axes hold the curves, and the curves are where their numbers are."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image, ImageColor

from unidiff_cli.evaluate.chart import (
    BOTTOM,
    COLOURS,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Panel,
    png,
    ticks,
)


@pytest.mark.parametrize(
    ("low", "high", "marks"),
    [
        (0, 9, [0, 2, 4, 6, 8, 10]),
        (20.3, 21.9, [20, 20.5, 21, 21.5, 22]),
        (5, 5, [5, 6]),
        (0, 0, [0, 1]),
        (-0.002, 0.004, [-0.002, 0, 0.002, 0.004]),
    ],
)
def test_ticks_are_round_and_around(low: float, high: float, marks: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(marks)


def test_a_curve_is_where_its_numbers_are() -> None:
    panel = Panel("title", "x", {"one": [(0, 0), (10, 10)], "two": [(0, 10)]}, {(0, 0): "here"})
    drawn = Image.open(BytesIO(png([panel, panel])))
    assert drawn.size == (2 * WIDTH, HEIGHT)
    right, top, bottom = WIDTH - RIGHT, TOP, HEIGHT - BOTTOM
    middle = (LEFT + right) // 2, (top + bottom) // 2
    for x, y, colour in (
        (*middle, COLOURS[0]),
        (LEFT, bottom, COLOURS[0]),
        (right, top, COLOURS[0]),
        (LEFT, top, COLOURS[1]),
        (right, bottom, "#ffffff"),
    ):
        for panel_left in (0, WIDTH):
            found = drawn.getpixel((panel_left + x, y + (5 if colour == "#ffffff" else 0)))
            wanted = ImageColor.getrgb(colour)
            assert all(abs(a - b) < 60 for a, b in zip(found, wanted, strict=True)), (x, y)
