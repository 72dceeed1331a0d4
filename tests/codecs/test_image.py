"""From numbers to pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from unidiff_cli.codecs.image import clip_pixels, picture


def test_numbers_become_colours() -> None:
    x = torch.tensor([-1.0, 0.0, 1.0, 5.0]).expand(3, 2, 4)
    assert [picture(x).getpixel((k, 0)) for k in range(4)] == [(n,) * 3 for n in (0, 128, 255, 255)]


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_one_broken_tile_leaves_no_picture(broken: float) -> None:
    x = torch.rand(3, 8, 8)
    x[:, :4, :4] = broken
    assert picture(x).getextrema() == ((0, 0),) * 3


@pytest.fixture(scope="module")
def shot() -> Image.Image:
    """A picture that varies along both axes: a crop that is off by a pixel shows."""
    tones = np.random.default_rng(0).integers(0, 256, (70, 100, 3), dtype=np.uint8)
    return Image.fromarray(tones).resize((1000, 700), Image.Resampling.BICUBIC)


SIZES = [
    (640, 480), (480, 640), (640, 427), (500, 375), (375, 500), (512, 512), (30, 40), (225, 224),
    (720, 320), (720, 160), (1360, 320), (160, 720), (1000, 700), (229, 227), (1, 9),
]  # fmt: skip


@pytest.mark.parametrize("size", SIZES)
def test_clip_sees_the_crop_that_transformers_gives_it(
    shot: Image.Image, size: tuple[int, int]
) -> None:
    """At 224 px, or of 720 x 320 in floating point, the longer side may come out a pixel off."""
    from transformers import CLIPImageProcessorPil

    sent = shot.resize(size)
    (wanted,) = CLIPImageProcessorPil()(sent, return_tensors="np")["pixel_values"]
    assert np.array_equal(clip_pixels(sent, 224)[0].numpy(), wanted)
