"""Pictures, prompts and the model of random weights."""

from __future__ import annotations

import pytest
from PIL import Image

from unidiff_cli.engine.pipeline import UniDiffuser
from unidiff_cli.request import Request
from unidiff_cli.walks.asked import Stage

FOX = Request(mode="t2i", prompt="a red fox", seed=3)


@pytest.fixture(scope="module")
def model() -> UniDiffuser:
    return UniDiffuser.load("tiny", device="cpu", dtype="fp32")


def fractal() -> Image.Image:
    return Image.effect_mandelbrot((64, 64), (-2, -1.5, 1, 1.5), 50).convert("RGB")


def rings() -> Image.Image:
    return Image.radial_gradient("L").resize((80, 50)).convert("RGB")


def same(stage: Stage, other: Stage) -> bool:
    pictures = [each.image.tobytes() if each.image else b"" for each in (stage, other)]
    return pictures[0] == pictures[1] and stage.text == other.text
