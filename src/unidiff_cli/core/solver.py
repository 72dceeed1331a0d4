"""Solvers of the diffusion ODE, each a few lines around one exact step.

A solver is `solve(clean, x, times, schedule)`: `clean(x, t)` predicts the clean data (the network
and guidance are hidden in it), `times` falls from 1 to just above 0, and `x` is anything that
adds and scales, a float as well as a pair of latents.

In lambda = log(alpha / sigma), the ODE has an exact solution (DPM-Solver++, arXiv 2211.01095,
proposition 4.1):

    x(stop) = sigma(stop)/sigma(start) x(start) + sigma(stop) * integral of e^l clean(l) dl

Every method is a choice of the polynomial that stands for `clean` under the integral.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Protocol, Self, TypeVar

from unidiff_cli.core.schedule import Schedule

FIRST_TIME, LAST_TIME = 1.0, 0.001


class Vector(Protocol):
    """What a solver moves: something that adds and scales."""

    def __add__(self, other: Self, /) -> Self: ...
    def __rmul__(self, factor: float, /) -> Self: ...


X = TypeVar("X", bound=Vector)
Clean = Callable[[X, float], X]
Prediction = tuple[float, X]
"""A predicted clean value and the log-SNR at which it was predicted."""


def uniform_times(steps: int) -> list[float]:
    """`steps + 1` evenly spaced times from 1 down to 0.001."""
    return [FIRST_TIME + (LAST_TIME - FIRST_TIME) * n / steps for n in range(steps + 1)]


def log_snr_times(steps: int, schedule: Schedule) -> list[float]:
    """`steps + 1` times from 1 down to 0.001, evenly spaced in log-SNR."""
    first, last = schedule.log_snr(FIRST_TIME), schedule.log_snr(LAST_TIME)
    inner = [schedule.time(first + (last - first) * n / steps) for n in range(1, steps)]
    return [FIRST_TIME, *inner, LAST_TIME]


TIMES: dict[str, Callable[[int, Schedule], list[float]]] = {
    "uniform": lambda steps, _: uniform_times(steps),
    "log-snr": log_snr_times,
}
"""Where steps lie, by name: even in t, as published, or in log-SNR, as the solvers' formulas do."""


def times_from(first: float, times: Sequence[float]) -> list[float]:
    """The times of a path that begins at `first`: it, and those of `times` below it."""
    return [first, *(t for t in times if t < first)]


def advance(
    x: X, start: float, stop: float, predictions: Sequence[Prediction[X]], schedule: Schedule
) -> X:
    """x moved from `start` to `stop`: exact if `clean` is the polynomial through `predictions`.

    One prediction is a constant, two a line, three a parabola in log-SNR. The steps of
    DPM-Solver++, of its multistep kin and of UniPC are all of this form.
    """
    here = schedule.log_snr(start)
    h = schedule.log_snr(stop) - here
    nodes = [(log_snr - here) / h for log_snr, _ in predictions]
    moved = (schedule.sigma(stop) / schedule.sigma(start)) * x
    for (_, prediction), weight in zip(predictions, _weights(nodes, h), strict=True):
        moved = moved + (schedule.alpha(stop) * weight) * prediction
    return moved


def _weights(nodes: Sequence[float], h: float) -> list[float]:
    """The integral of h e^(-h (1-u)) L_i(u) over u in [0, 1], for each Lagrange basis L_i."""
    moments = _moments(len(nodes), h)
    weights = []
    for i, node in enumerate(nodes):
        basis = [1.0]  # the coefficients of L_i, the constant first
        for j, other in enumerate(nodes):
            if j != i:
                basis = _times_root(basis, other, node - other)
        weights.append(sum(c * m for c, m in zip(basis, moments, strict=True)))
    return weights


def _moments(count: int, h: float) -> list[float]:
    """The integrals of h e^(-h (1-u)) u^k over u in [0, 1], for k = 0 .. count - 1.

    By parts, m_k = 1 - (k / h) m_(k-1); that loses all digits for small h, where the series
    m_k = sum over n of h (-h)^n k! / (k + n + 1)! takes its place.
    """
    if h > 0.5:
        moments = [-math.expm1(-h)]
        for k in range(1, count):
            moments.append(1 - k / h * moments[-1])
        return moments
    moments = []
    for k in range(count):
        term = h / (k + 1)
        moment = term
        for n in range(1, 16):
            term *= -h / (k + n + 1)
            moment += term
        moments.append(moment)
    return moments


def _times_root(basis: list[float], root: float, scale: float) -> list[float]:
    """The coefficients of basis(u) * (u - root) / scale."""
    shifted, scaled = [0.0, *basis], [*(-root * c for c in basis), 0.0]
    return [(a + b) / scale for a, b in zip(shifted, scaled, strict=True)]


def advance_by_middle(
    x: X,
    start: float,
    stop: float,
    here: Prediction[X],
    other: Prediction[X],
    schedule: Schedule,
) -> X:
    """x moved from `start` to `stop` by one prediction: the line through two, read at mid-step.

    To second order this is as accurate as the whole line; the papers' second-order steps do it.
    """
    (at, first), (elsewhere, second) = here, other
    middle = (schedule.log_snr(stop) - schedule.log_snr(start)) / 2
    share = (schedule.log_snr(start) + middle - at) / (elsewhere - at)
    return advance(x, start, stop, [(at, (1 - share) * first + share * second)], schedule)


def ddim(clean: Clean[X], x: X, times: Sequence[float], schedule: Schedule) -> X:
    """DDIM (arXiv 2010.02502): the first-order step, once per time."""
    for start, stop in pairwise(times):
        x = advance(x, start, stop, [(schedule.log_snr(start), clean(x, start))], schedule)
    return x


def invert_ddim(
    clean: Clean[X],
    x: X,
    times: Sequence[float],
    schedule: Schedule,
    still: Callable[[X, X], bool],
    most: int,
) -> X:
    """The noise from which `ddim`, over the same times, comes to x.

    Each step back is the fixed point of x = (x' - b noise(x)) / a, iterated until `still` finds no
    difference between two iterates, at most `most` times. Where the noise prediction changes with x
    as 1 / sigma, it contracts by a factor of 1 - e^(-h), h being the step in log-SNR: use steps
    that are small and evenly spaced there.
    """
    for start, stop in reversed(list(pairwise(times))):
        alpha, sigma = schedule.alpha(start), schedule.sigma(start)
        a = schedule.alpha(stop) / alpha
        b = schedule.sigma(stop) - a * sigma
        end = x
        for _ in range(most):
            noise = (1 / sigma) * x + (-alpha / sigma) * clean(x, start)
            before, x = x, (1 / a) * end + (-b / a) * noise
            if still(before, x):
                break
    return x


def dpmpp_3s(clean: Clean[X], x: X, times: Sequence[float], schedule: Schedule) -> X:
    """Singlestep DPM-Solver++ of order 3 (arXiv 2211.01095), with which UniDiffuser was published.

    The last steps are of lower order, and it takes exactly len(times) - 1 evaluations.
    """
    for first, order in _singlestep_groups(len(times) - 1):
        start, inner, stop = times[first], times[first + 1 : first + order], times[first + order]
        here = (schedule.log_snr(start), clean(x, start))
        if order == 1:
            x = advance(x, start, stop, [here], schedule)
        elif order == 2:
            x1 = advance(x, start, inner[0], [here], schedule)
            second = (schedule.log_snr(inner[0]), clean(x1, inner[0]))
            x = advance_by_middle(x, start, stop, here, second, schedule)
        else:
            x1 = advance(x, start, inner[0], [here], schedule)
            second = (schedule.log_snr(inner[0]), clean(x1, inner[0]))
            x2 = advance(x, start, inner[1], [here, second], schedule)
            third = (schedule.log_snr(inner[1]), clean(x2, inner[1]))
            x = advance(x, start, stop, [here, third], schedule)
    return x


def _singlestep_groups(steps: int) -> list[tuple[int, int]]:
    """(first time, order) of each group: threes, and the published remainder at the end."""
    threes, rest = divmod(steps, 3)
    orders = [*[3] * (threes - 1), 2, 1] if rest == 0 else [*[3] * threes, rest]
    groups, first = [], 0
    for order in orders:
        groups.append((first, order))
        first += order
    return groups


def dpmpp_2m(clean: Clean[X], x: X, times: Sequence[float], schedule: Schedule) -> X:
    """Multistep DPM-Solver++ of order 2 (arXiv 2211.01095, algorithm 2)."""
    before: Prediction[X] | None = None
    for start, stop in pairwise(times):
        here = (schedule.log_snr(start), clean(x, start))
        # The last step is of first order, for stability with few steps, as is usual.
        if before is None or stop == times[-1]:
            x = advance(x, start, stop, [here], schedule)
        else:
            x = advance_by_middle(x, start, stop, here, before, schedule)
        before = here
    return x


def dpmpp_3m(clean: Clean[X], x: X, times: Sequence[float], schedule: Schedule) -> X:
    """Multistep of order 3: the parabola through the last three predictions, integrated exactly."""
    known: list[Prediction[X]] = []
    for n, (start, stop) in enumerate(pairwise(times)):
        known = [(schedule.log_snr(start), clean(x, start)), *known[:2]]
        left = len(times) - 1 - n
        x = advance(x, start, stop, known[: min(3, left)], schedule)
    return x


def unipc(clean: Clean[X], x: X, times: Sequence[float], schedule: Schedule) -> X:
    """UniPC-bh2 of order 2 (arXiv 2302.04867): the prediction at a step's end corrects the step.

    The corrector needs no evaluation of its own: the next step starts from the same prediction.
    """
    before: list[Prediction[X]] = []
    origin, came_from = x, times[0]
    for start, stop in pairwise(times):
        here = (schedule.log_snr(start), clean(x, start))
        if len(before) == 1:
            x = advance_by_middle(origin, came_from, start, before[0], here, schedule)
        elif before:
            x = advance(origin, came_from, start, [here, *before], schedule)
        origin, came_from = x, start
        if not before or stop == times[-1]:
            x = advance(x, start, stop, [here], schedule)
        else:
            x = advance_by_middle(x, start, stop, here, before[0], schedule)
        before = [here, *before[:1]]
    return x


Solver = Callable[[Clean[X], X, Sequence[float], Schedule], X]

SOLVERS: dict[str, Callable[..., object]] = {
    "dpm++3s": dpmpp_3s,
    "dpm++2m": dpmpp_2m,
    "dpm++3m": dpmpp_3m,
    "unipc": unipc,
    "ddim": ddim,
}
