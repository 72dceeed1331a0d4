"""Strips, labelled sheets and animations."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from unidiff_cli.walks.montage import animation, labelled, strip

RED, BLUE = (200, 0, 0), (0, 0, 200)


def tile(colour: tuple[int, int, int], side: int = 128) -> Image.Image:
    return Image.new("RGB", (side, side), colour)


def colours(sheet: Image.Image, y: int) -> list[tuple[int, ...]]:
    """The colours of a row of pixels from left to right, each once."""
    found: list[tuple[int, ...]] = []
    for x in range(sheet.width):
        here = sheet.getpixel((x, y))
        assert isinstance(here, tuple)
        if here in (RED, BLUE) and (not found or found[-1] != here):
            found.append(here)
    return found


def test_stages_stand_in_order_with_words_between() -> None:
    sheet = strip([tile(RED), "a few words", tile(BLUE)])
    assert colours(sheet, sheet.height // 2) == [RED, BLUE]
    assert sheet.width > 128 * 2.5


def test_small_pictures_are_enlarged_and_many_kept_bearable() -> None:
    assert strip([tile(RED, 32)], arrows=False).height >= 128
    many = strip([tile(RED, 512)] * 40, arrows=False)
    assert max(many.size) <= 8192 + 200


def test_a_sheet_has_a_name_for_every_column_and_row() -> None:
    plain = labelled([[tile(RED), tile(BLUE)]], ["", ""], [""])
    named = labelled([[tile(RED), tile(BLUE)]], ["guidance 1", "guidance 2"], ["seed 1"], "a fox")
    assert named.width > plain.width
    assert named.height > plain.height
    assert colours(named, named.height - 64) == [RED, BLUE]


def test_words_say_why_there_is_no_picture() -> None:
    sheet = labelled([[tile(RED), "it failed"]], ["1", "2"], [""])
    assert colours(sheet, sheet.height - 64) == [RED]


@pytest.mark.parametrize("format", ["GIF", "WEBP"])
def test_an_animation_goes_there_and_back(format: str) -> None:
    frames = [Image.linear_gradient("L").rotate(90 * n).convert("RGB") for n in range(4)]
    for pictures, count in ((frames, 6), (frames[:2], 2)):
        data, *counted = animation(pictures, format)
        assert counted == [count, count]
        with Image.open(BytesIO(data)) as moving:
            assert getattr(moving, "n_frames", 0) == count
            assert moving.info["loop"] == 0


@pytest.mark.parametrize("format", ["GIF", "WEBP"])
def test_frames_that_the_encoder_joins_are_counted(format: str) -> None:
    """libwebp also joins neighbours that only look alike, in a slow walk about every second."""
    tiles = [tile(RED), tile(RED), tile(BLUE), tile(BLUE)]
    data, pictures, frames = animation(tiles, format)
    assert pictures == 6
    with Image.open(BytesIO(data)) as moving:
        assert frames == getattr(moving, "n_frames", 0) < 6
