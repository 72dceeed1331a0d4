"""CIDEr-D and BLEU: captions and references by the words that they have in a row."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from unidiff_cli.evaluate.intervals import Figure

LONGEST = 4
"""Words of the longest n-grams."""
SIGMA = 6.0
"""Words of difference in length that CIDEr-D tolerates."""

Words = tuple[str, ...]
Gram = tuple[str, ...]
Counts = NDArray[np.float64]
Likeness = Callable[[Words, Sequence[Words]], float]


def cider_d(references: Sequence[Sequence[Words]]) -> Likeness:
    """CIDEr-D (arXiv 1411.5726) of any caption with some of the references of this set.

    The mean over n = 1..4 and over the references of 10 exp(-d^2 / 2 sigma^2) times the clipped
    cosine min(c, r).r / |c||r|, where d is the difference in words, and c, r count n-grams, each
    weighed by log(N / number of the N pictures that have it in a reference), as COCO's tools do.
    """
    seen: Counter[Gram] = Counter()
    for each in references:
        seen.update({gram for reference in each for gram in grams(reference)})

    @cache
    def weighed(words: Words) -> list[dict[Gram, float]]:
        by_length: list[dict[Gram, float]] = [{} for _ in range(LONGEST)]
        for gram, count in grams(words).items():
            by_length[len(gram) - 1][gram] = count * math.log(len(references) / max(1, seen[gram]))
        return by_length

    def likeness(caption: Words, wanted: Sequence[Words]) -> float:
        said, total = weighed(caption), 0.0
        for reference in wanted:
            penalty = math.exp(-((len(caption) - len(reference)) ** 2) / (2 * SIGMA**2))
            pairs = zip(said, weighed(reference), strict=True)
            total += 10 * penalty * sum(clipped_cosine(c, r) for c, r in pairs) / LONGEST
        return total / len(wanted)

    return likeness


def grams(words: Words) -> Counter[Gram]:
    """How often each sequence of one to four words is there."""
    return Counter(
        tuple(words[start : start + n])
        for n in range(1, LONGEST + 1)
        for start in range(len(words) - n + 1)
    )


def clipped_cosine(caption: Mapping[Gram, float], reference: Mapping[Gram, float]) -> float:
    """min(c, r).r / |c||r|; 0 where one of the two is nothing."""
    norms = math.hypot(*caption.values()) * math.hypot(*reference.values())
    if not norms:
        return 0.0
    shared = caption.keys() & reference.keys()
    return sum(min(caption[gram], reference[gram]) * reference[gram] for gram in shared) / norms


def bleu(captions: Sequence[Words], references: Sequence[Sequence[Words]]) -> list[Figure]:
    """BLEU-1 to BLEU-4 of the whole set, not smoothed.

    Of two references that are equally near in length the shorter counts, as to COCO's tools.
    """
    counted = [_counts(*pair) for pair in zip(captions, references, strict=True)]
    right, there = (np.array([each[k] for each in counted], np.float64) for k in (0, 1))
    length = there[:, 0]
    wanted = np.array(
        [
            min((abs(len(r) - len(caption)), len(r)) for r in each)[1]
            for caption, each in zip(captions, references, strict=True)
        ],
        np.float64,
    )
    return [_bleu(right[:, :n], there[:, :n], length, wanted) for n in range(1, LONGEST + 1)]


def _counts(caption: Words, wanted: Sequence[Words]) -> tuple[list[int], list[int]]:
    """By n: how many of the caption's n-grams a reference has as often, and how many it has."""
    allowed: Counter[Gram] = Counter()
    for reference in wanted:
        allowed |= grams(reference)
    right, there = [0] * LONGEST, [0] * LONGEST
    for gram, count in grams(caption).items():
        right[len(gram) - 1] += min(count, allowed[gram])
        there[len(gram) - 1] += count
    return right, there


def _bleu(right: Counts, there: Counts, length: Counts, wanted: Counts) -> Figure:
    """Of (N, n) counts of n-grams, and (N,) words of captions and of the references nearest."""
    n, hits, all_ = len(right), right.sum(0), there.sum(0)
    if not hits.all():
        return Figure(0.0, np.zeros(n))
    said, due = length.sum(), wanted.sum()
    short = said < due
    value = math.exp(np.log(hits / all_).mean() + (1 - due / said if short else 0))
    pulls = (right / hits - there / all_).mean(1)
    if short:
        pulls = pulls + due * length / said**2 - wanted / said
    return Figure(value, n * value * pulls)
