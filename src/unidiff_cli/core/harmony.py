"""RePaint's repetitions (arXiv 2201.09865): some steps down, the same way up in noise, and again.

Where a part of x is held to what is known, the rest is drawn to fit it step by step; it fits
better when the steps are made several times.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

from unidiff_cli.core.schedule import Schedule
from unidiff_cli.core.solver import Clean, Solver, Vector

X = TypeVar("X", bound=Vector)
JUMP = 5
"""Steps that are repeated together."""


def harmonised(solver: Solver[X], repetitions: int, noise: Callable[[int], X]) -> Solver[X]:
    """The solver with each JUMP steps made `repetitions` times more; noise(k) is new for each."""

    def solve(clean: Clean[X], x: X, times: Sequence[float], schedule: Schedule) -> X:
        drawn = 0
        for first in range(0, len(times) - 1, JUMP):
            some = times[first : first + JUMP + 1]
            x = solver(clean, x, some, schedule)
            for _ in range(repetitions):
                x = noisier(x, some[-1], some[0], noise(drawn), schedule)
                x = solver(clean, x, some, schedule)
                drawn += 1
        return x

    return solve


def noisier(x: X, low: float, high: float, noise: X, schedule: Schedule) -> X:
    """x of level `low` with as much noise as makes it one of level `high`."""
    kept = schedule.alpha(high) / schedule.alpha(low)
    added = math.sqrt(schedule.sigma(high) ** 2 - (kept * schedule.sigma(low)) ** 2)
    return kept * x + added * noise
