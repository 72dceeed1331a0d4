"""What the judge sees in a picture, as claims that can be held against what was asked.

Presence, number and relation are read from the peaks of the judge's map; colours from pixels.

Axes: B batch, H W cells of the map, N nouns, F features.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image

from unidiff_cli.evaluate.clipart import paint
from unidiff_cli.evaluate.clipart.judge import CELLS, SIDE, Judge, PlaceMap

SURE = 0.3
"""How likely the middle of a thing must lie in a cell for it to be seen."""
APART = 3.0
"""Cells between two things at least."""
BATCH = 32
Palette = Mapping[str, tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class Peak:
    """A thing on the map: which, how surely, and in which cell."""

    noun: str
    sure: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen of one picture."""

    peaks: tuple[Peak, ...]
    """The surest first."""
    background: str = ""
    colours: Mapping[str, str] = field(default_factory=dict)
    """Of each noun that is seen."""
    colour_of_all: str = ""
    features: NDArray[np.float32] | None = None
    """(F,) of length 1, where the surest thing is."""

    @property
    def nouns(self) -> Counter[str]:
        """How many of each are seen."""
        return Counter(peak.noun for peak in self.peaks)

    def colour(self, noun: str) -> str:
        """The colour of what is seen as the noun, else of all that is there."""
        return self.colours.get(noun, self.colour_of_all)

    def relations(self, first: str, second: str) -> frozenset[str]:
        """How the surest of the one stands to the surest of the other."""
        one, other = (
            next((peak for peak in self.peaks if peak.noun == noun), None)
            for noun in (first, second)
        )
        if one is None or other is None or one is other:
            return frozenset()
        right, down = other.x - one.x, other.y - one.y
        if abs(right) > abs(down):
            return frozenset(("left of" if right > 0 else "right of", "next to"))
        return frozenset(("above" if down > 0 else "below",))


@torch.no_grad()
def look(
    judge: Judge, words: Sequence[str], palette: Palette, pictures: Sequence[Image.Image]
) -> Iterator[Sight]:
    """What is seen of each picture, of any size; `words` are the nouns that the judge numbers."""
    for start in range(0, len(pictures), BATCH):
        small = [
            np.asarray(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS))
            for picture in pictures[start : start + BATCH]
        ]
        device = next(judge.parameters()).device
        batch = torch.from_numpy(np.stack(small)).to(device).permute(0, 3, 1, 2)
        seen = judge(batch.float() / 127.5 - 1)
        for number, pixels in enumerate(small):
            yield sight(seen, number, words, palette, pixels)


def sight(
    seen: PlaceMap, number: int, words: Sequence[str], palette: Palette, pixels: paint.Picture
) -> Sight:
    """What a map's row says, together with the picture (128, 128, 3) that it is of."""
    likely = seen.middles[number].float().sigmoid().cpu().numpy()
    chosen = seen.nouns[number].float().argmax(0).cpu().numpy()
    peaks = tuple(
        Peak(words[chosen[y, x]], float(likely[y, x]), float(x), float(y))
        for y, x in places(likely)
    )
    y, x = np.unravel_index(likely.argmax(), likely.shape)
    features = F.normalize(seen.features[number, :, int(y), int(x)].float(), dim=0)
    anything = paint.things(pixels)
    return Sight(
        peaks,
        paint.background(pixels, palette),
        _colours(peaks, anything, pixels),
        paint.colour(pixels[anything]),
        features.cpu().numpy(),
    )


def places(likely: NDArray[np.floating]) -> list[tuple[int, int]]:
    """(row, column) of each peak of a map (H, W) of likelihoods, the highest first."""
    order = np.argsort(-likely, axis=None, kind="stable")
    found: list[tuple[int, int]] = []
    for index in order[: int((likely > SURE).sum())]:
        y, x = divmod(int(index), likely.shape[1])
        if all(np.hypot(y - row, x - column) >= APART for row, column in found):
            found.append((y, x))
    return found


def _colours(peaks: Sequence[Peak], anything: paint.Mask, pixels: paint.Picture) -> dict[str, str]:
    """The colour of each noun: of the pixels to which a thing of it is the nearest."""
    if not peaks:
        return {}
    cell = SIDE / CELLS
    y, x = np.mgrid[: pixels.shape[0], : pixels.shape[1]] + 0.5
    away = [np.hypot(x - cell * (p.x + 0.5), y - cell * (p.y + 0.5)) for p in peaks]
    nearest = np.argmin(away, axis=0)
    return {
        noun: paint.colour(pixels[anything & np.isin(nearest, own)])
        for noun in {peak.noun for peak in peaks}
        if (own := [n for n, peak in enumerate(peaks) if peak.noun == noun])
    }
