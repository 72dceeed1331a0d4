"""The CLIP score (arXiv 2104.08718): how well pictures and words fit, as another network sees it.

UniDiffuser reads with CLIP ViT-L/14 (text) and ViT-B/32 (pictures). A score by the same towers
would be a model marking its own work a little, so results carry the name of the CLIP.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import cosine_similarity

from unidiff_cli.errors import InputError, UnidiffError
from unidiff_cli.evaluate.clip import Clip
from unidiff_cli.evaluate.intervals import Figure, mean
from unidiff_cli.evaluate.rows import Picture
from unidiff_cli.files.pictures import open_picture
from unidiff_cli.progress import Progress

BATCH = 16


@dataclass(frozen=True)
class Scores:
    """A score for each pair."""

    each: tuple[float, ...]
    kept: tuple[int, ...]
    """Which of the pairs they are of."""
    bad: tuple[UnidiffError, ...] = ()
    """What is wrong with each picture that could not be read; its pair is left out."""

    @property
    def figure(self) -> Figure:
        """The CLIP score: their mean."""
        return mean(self.each)


def score(images: Tensor, texts: Tensor) -> Tensor:
    """(N, D), (N, D) -> (N,): 100 x the cosine, 0 where it is negative."""
    return 100 * cosine_similarity(images, texts).clamp(min=0)


def clip_score(clip: Clip, pairs: Sequence[tuple[Picture, str]], progress: Progress) -> Scores:
    """The scores of all pairs whose picture can be read; an InputError when none can."""
    progress.begin(len(pairs), len(pairs))
    each: list[float] = []
    kept: list[int] = []
    bad: list[UnidiffError] = []
    for start in range(0, len(pairs), BATCH):
        batch = pairs[start : start + BATCH]
        pictures, texts = [], []
        for place, (path, text) in enumerate(batch, start):
            try:
                pictures.append(open_picture(path))
                texts.append(text)
                kept.append(place)
            except InputError as error:
                bad.append(error)
        if pictures:
            each += score(clip.features(pictures), clip.words(texts)).tolist()
        progress.evaluated(len(batch))
        progress.finished(len(batch))
    if not each:
        raise bad[0]
    return Scores(tuple(each), tuple(kept), tuple(bad))


def histogram(scores: Scores, width: float = 1.0) -> list[tuple[float, float]]:
    """(middle of a bin, share of the pairs), over the range that there is."""
    bins = [math.floor(one / width) for one in scores.each]
    low, high = max(0, min(bins) - 1), max(bins) + 1
    return [((at + 0.5) * width, bins.count(at) / len(bins)) for at in range(low, high + 1)]
