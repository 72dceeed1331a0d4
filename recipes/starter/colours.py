"""The colour words that fit a picture: what an eye would call most of it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Hues in degrees where one word gives way to the next; red goes on where the circle closes.
BORDERS = (0, 17.5, 40, 66, 160, 188, 255, 310, 345, 361)
WORDS = ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink", "red")
MOST = 0.55  # of the solid pixels: then one word says it all
BOTH = 0.75  # two words do, if the second one has a fifth
OUTLINE = 0.6  # black is only an outline when it covers less


def measured(rgba: NDArray[np.uint8]) -> list[str]:
    """One colour word, two, or none that would be fair; rgba is (H, W, 4)."""
    solid = rgba[rgba[..., 3] > 200][:, :3]
    if len(solid) < 160:
        return []
    words, counts = np.unique(_words(solid), return_counts=True)
    ranked = sorted(zip(counts / len(solid), words.tolist(), strict=True), reverse=True)
    if len(ranked) > 1 and ranked[0][1] == "black" and ranked[0][0] < OUTLINE:
        ranked = ranked[1:]
    if ranked[0][0] >= MOST:
        return [ranked[0][1]]
    if len(ranked) > 1 and ranked[1][0] >= 0.2 and ranked[0][0] + ranked[1][0] >= BOTH:
        return [ranked[0][1], ranked[1][1]]
    return []


def _words(rgb: NDArray[np.uint8]) -> NDArray[np.str_]:
    """A colour word for each of (N, 3)."""
    codes = np.asarray(Image.fromarray(rgb[None]).convert("HSV"), np.float32)[0] / 255
    hue, saturation, value = codes[:, 0] * 360, codes[:, 1], codes[:, 2]
    highest, lowest = rgb.max(1) / 255, rgb.min(1) / 255
    lightness = (highest + lowest) / 2
    plain = (saturation < 0.16) | (highest - lowest < 0.08)
    words = np.full(len(rgb), "red", dtype="<U6")
    for (start, stop), word in zip(pairwise(BORDERS), WORDS, strict=True):
        words[(hue >= start) & (hue < stop)] = word
    warm = (hue >= 8) & (hue < 45)
    words[warm & (value < 0.72)] = "brown"
    words[warm & (value < 0.8) & (saturation < 0.72)] = "brown"
    words[((hue >= 310) | (hue < 12)) & (lightness > 0.68)] = "pink"
    words[plain & (lightness > 0.85)] = "white"
    words[plain & (lightness <= 0.85)] = "gray"
    words[(lightness <= 0.28) & (plain | (highest - lowest < 0.15))] = "black"
    return words
