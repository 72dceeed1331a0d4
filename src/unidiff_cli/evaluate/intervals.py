"""A figure, and how far it may be off, given the samples that it is of.

Each sample pulls a figure its own way: by what the figure would change, to first order, if that
sample had more weight. The spread of the pulls is the figure's standard error (the infinitesimal
jackknife: what a bootstrap tends to, without drawing), and the pulls of two systems on the same
items, one from the other, are those of their difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

SURE = 1.96
"""Standard errors on either side: 95 of 100 such intervals hold what is true."""


@dataclass(frozen=True, eq=False)
class Figure:
    """A figure of N samples."""

    value: float
    pulls: NDArray[np.float64]
    """(N,), which add up to 0: how each sample pulls."""
    asked: int | None = None
    """Of a share: how many samples it is of."""

    def __len__(self) -> int:
        return len(self.pulls)

    def __sub__(self, other: Figure) -> Figure:
        """The difference of two systems on the same items, in the same order."""
        return Figure(self.value - other.value, self.pulls - other.pulls)

    @property
    def error(self) -> float | None:
        """The standard error; None for a single sample."""
        n = len(self)
        return float(self.pulls.std(ddof=1)) / n**0.5 if n > 1 else None

    @property
    def interval(self) -> list[float] | None:
        """From where to where it is, 95 times in 100; None for a single sample."""
        if self.asked:
            return wilson(round(self.value * self.asked), self.asked)
        if self.error is None:
            return None
        return [self.value - SURE * self.error, self.value + SURE * self.error]


def mean(values: ArrayLike) -> Figure:
    """The mean of one value a sample."""
    each = np.asarray(values, np.float64)
    return Figure(float(each.mean()), each - each.mean())


def share(right: Sequence[bool], asked: Sequence[bool] | None = None) -> Figure:
    """The share of those that are right, among those that are asked; of all if nobody says."""
    good = np.asarray(right, np.float64)
    of = np.ones(len(good)) if asked is None else np.asarray(asked, np.float64)
    value = (good * of).sum() / of.sum()
    pulls = (good - value) * of * len(of) / of.sum()
    return Figure(float(value), pulls, int(of.sum()))


def wilson(right: int, n: int) -> list[float]:
    """From where to where a share is, 95 times in 100, even where all or none are right."""
    middle = (right + SURE**2 / 2) / (n + SURE**2)
    away = SURE / (n + SURE**2) * (right * (n - right) / n + SURE**2 / 4) ** 0.5
    return [middle - away, middle + away]
