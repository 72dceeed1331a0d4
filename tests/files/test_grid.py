"""The contact sheet: every picture in its place, captions inside their columns."""

from __future__ import annotations

import pytest
from PIL import Image, ImageFont

from unidiff_cli.files.grid import GAP, cell_side, contact_sheet, thumbnail, wrap

COLOURS = [(200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0), (0, 200, 200)]


def test_pictures_are_in_rows() -> None:
    pictures = [Image.new("RGB", (512, 512), colour) for colour in COLOURS]
    sheet = contact_sheet(pictures, ["a caption"] * 5)
    assert sheet.width == 3 * (512 + GAP) + GAP
    row = (sheet.height - GAP) // 2
    for n, colour in enumerate(COLOURS):
        at = (GAP + n % 3 * (512 + GAP) + 256, GAP + n // 3 * row + 256)
        assert sheet.getpixel(at) == colour


def test_captions_are_under_the_pictures() -> None:
    def dark_rows(caption: str) -> int:
        sheet = contact_sheet([Image.new("RGB", (512, 512), "white")], [caption])
        grey = sheet.convert("L")
        return sum(
            min(grey.crop((0, y, sheet.width, y + 1)).getextrema()) < 128  # type: ignore[type-var]
            for y in range(512 + GAP, sheet.height)
        )

    assert dark_rows("") == 0
    assert 0 < dark_rows("a fox") < dark_rows("a fox in the snow " * 9)


@pytest.mark.parametrize("caption", ["", "short", "some words " * 50, "x" * 500, "狐 and 🦊"])
def test_lines_fit(caption: str) -> None:
    font = ImageFont.load_default(16)
    lines = wrap(caption, 200, font).split("\n")
    assert len(lines) <= 4
    assert all(font.getlength(each) <= 200 for each in lines)
    if len(caption) > 100:
        assert lines[-1].endswith("...")


def test_many_pictures_make_small_cells_and_small_pictures_grow() -> None:
    assert cell_side(1) == cell_side(9) == 512
    assert cell_side(400) < 420
    assert cell_side(10**6) == 96
    assert thumbnail(Image.new("RGB", (1024, 512)), 512).size == (512, 256)
    assert thumbnail(Image.new("RGB", (32, 32)), 512).size == (256, 256)
    assert thumbnail(Image.new("RGB", (128, 128)), 512).size == (256, 256)
    assert thumbnail(Image.new("RGB", (200, 100)), 512).size == (200, 100)
