"""How clean the paint is: clip art is flat, and what a model draws is often mottled.

Plain pixels again, so that no network has a say in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

from unidiff_cli.evaluate import intervals
from unidiff_cli.evaluate.clipart.judge import SIDE

SPAN = 6
"""Levels, of 255, that the neighbourhood of a flat pixel spans at most."""


def small(picture: Image.Image) -> Image.Image:
    """The picture in RGB, of the judge's size."""
    return picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def flat_share(picture: Image.Image) -> float:
    """The share of the pixels whose 3 x 3 neighbourhood spans at most SPAN in every channel."""
    shot = small(picture)
    high, low = (shot.filter(rank(3)) for rank in (ImageFilter.MaxFilter, ImageFilter.MinFilter))
    span = np.asarray(ImageChops.subtract(high, low)).max(2)
    return float((span <= SPAN).mean())


def corners(picture: Image.Image) -> NDArray[np.uint8]:
    """The four corners: (4, 3)."""
    return np.asarray(small(picture))[[0, 0, -1, -1], [0, -1, 0, -1]]


def mean(values: Sequence[float]) -> dict[str, Any]:
    """The mean with its interval, None for fewer than two; and of how many."""
    figure = intervals.mean(values)
    return {"mean": figure.value, "interval": figure.interval, "n": len(figure)}


def paint(pictures: Sequence[Image.Image], white: Sequence[bool]) -> dict[str, Any]:
    """Of some pictures the mean flat share; and of the corners of those that are on white the
    mean level and its spread."""
    found: dict[str, Any] = {"flat": mean([flat_share(picture) for picture in pictures])}
    shots = zip(pictures, white, strict=True)
    levels = [corners(picture) for picture, whether in shots if whether]
    if levels:
        deviation = float(np.std(levels))
        found["corners"] = {**mean([float(x.mean()) for x in levels]), "spread": deviation}
    return found
