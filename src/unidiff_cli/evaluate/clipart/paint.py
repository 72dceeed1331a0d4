"""Colours by plain pixels, so that no network has a say in them.

Axes: H W pixels, N pixels of some part.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

RING = 3
"""Pixels of the border that a background is read from."""
FAR = 90.0
"""How far a background may be from a named colour to bear its name, of 442 between black, white."""
DIFFERENT = 28
"""Levels by which a pixel differs from the background where there is a thing."""
FEW = 0.06
"""The share of a thing that must have a hue for the thing to have a colour."""
BORDERS = (0, 14, 40, 68, 168, 250, 306, 347, 361)
"""Hues in degrees where one word gives way to the next."""
WORDS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "red")

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def ground(picture: Picture) -> NDArray[np.float64]:
    """The colour of the background of (H, W, 3): the middle one of the border's."""
    whole = np.ones(picture.shape[:2], bool)
    whole[RING:-RING, RING:-RING] = False
    middle: NDArray[np.float64] = np.median(picture[whole].astype(np.float64), axis=0)
    return middle


def background(picture: Picture, palette: Mapping[str, tuple[int, int, int]]) -> str:
    """The name of the background, or "" where it is like none of the palette."""
    names = list(palette)
    far = np.linalg.norm(np.array([palette[name] for name in names]) - ground(picture), axis=1)
    nearest = int(far.argmin())
    return names[nearest] if far[nearest] < FAR else ""


def things(picture: Picture) -> Mask:
    """(H, W): where there is anything before the background."""
    away: Mask = np.abs(picture.astype(np.float64) - ground(picture)).max(2) > DIFFERENT
    return away


def colour(pixels: NDArray[np.uint8]) -> str:
    """The commonest colour word of (N, 3), of those that have a hue; "" where few have one."""
    if not len(pixels):
        return ""
    codes = np.asarray(Image.fromarray(pixels[None]).convert("HSV"), np.float64)[0] / 255
    hue, saturation, value = codes[:, 0] * 360, codes[:, 1], codes[:, 2]
    names = np.full(len(pixels), "red", dtype="<U6")
    for (start, stop), word in zip(pairwise(BORDERS), WORDS, strict=True):
        names[(hue >= start) & (hue < stop)] = word
    names[(hue >= 8) & (hue < 45) & (value < 0.68)] = "brown"
    names[((hue >= 320) | (hue < 10)) & (saturation < 0.55) & (value > 0.7)] = "pink"
    clear = (saturation > 0.2) & (value > 0.2)
    if clear.mean() < FEW:
        return ""
    words, weight = np.unique(names[clear], return_inverse=True)
    return str(words[np.bincount(weight, saturation[clear]).argmax()])
