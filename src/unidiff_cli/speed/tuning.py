"""Learning a solver from a model's own trajectories: where steps lie, and their weights.

Times are found without the network, by dynamic programming over a fine trajectory (as GITS, arXiv
2405.11326, and OSS, 2503.21774, do): a step costs what the best weights leave of it, times how much
of an error made there is left at the end. Weights are then fitted step by step, along the walk that
the learned steps themselves take: a step is told where the trajectory is, not only how it goes on,
and makes up for the errors before it. Before that, each time is nudged, with a few samples.

Axes: S samples, N steps of the fine trajectory, P numbers that are sampled.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from unidiff_cli.core.schedule import Schedule
from unidiff_cli.core.solver import advance
from unidiff_cli.core.tuned import MEMORY, Steps, combined

Predict = Callable[[Tensor, float], Tensor]
"""x (S, P) at a time -> the clean data (S, P)."""
RIDGE = 1e-6
"""Of the squares on the diagonal: predictions are nearly parallel."""
SAME = 1e-6
"""Times that differ by less, in log-SNR, are one."""
NUDGE = 0.25
"""By how much of the way to its neighbour a time is moved, to see whether that is better."""


@dataclass(frozen=True)
class Trajectories:
    """Walks of fine steps, which stand for the exact solution."""

    times: Sequence[float]
    """N + 1 of them, falling."""
    points: Tensor  # (S, N + 1, P)
    clean: Tensor  # (S, N, P): what was predicted at all points but the last
    schedule: Schedule

    @property
    def end(self) -> Tensor:
        """(S, P): where the walks end."""
        return self.points[:, -1]

    def rows(self, rows: slice) -> Trajectories:
        """Those of some samples."""
        return Trajectories(self.times, self.points[rows], self.clean[rows], self.schedule)

    def at(self, t: float) -> Tensor:
        """(S, P): where the walks are at any time, by the line through two predictions."""
        if t <= self.times[-1]:
            return self.end
        n = bisect_right([-time for time in self.times], -t) - 1
        logs = [self.schedule.log_snr(time) for time in self.times[n : n + 2]]
        known = [
            (log, self.clean[:, n + k]) for k, log in enumerate(logs[: len(self.times) - 1 - n])
        ]
        if abs(self.schedule.log_snr(t) - logs[0]) < SAME:
            return self.points[:, n]
        return advance(self.points[:, n], self.times[n], t, known, self.schedule)

    def errors(self, found: Tensor) -> Tensor:
        """(S,): the root mean square of what is off at the end, as a share of the end's."""
        off: Tensor = (found - self.end).norm(dim=1) / self.end.norm(dim=1)
        return off


def products(walks: Trajectories) -> Tensor:
    """(2N + 1, 2N + 1): of all points and predictions with each other, mean over the samples.

    Each sample counts as if its end had length 1.
    """
    count = walks.points.shape[1] + walks.clean.shape[1]
    found = torch.zeros(count, count, dtype=torch.float64)
    for points, clean in zip(walks.points, walks.clean, strict=True):
        both = torch.cat([points, clean]).double() / points[-1].norm()
        found += both @ both.T
    return found / len(walks.points)


def solved(squares: Tensor, cross: Tensor) -> Tensor:
    """The weights (..., K) with which K columns come nearest to a target, in least squares.

    `squares` (..., K, K) are the columns' products with each other, `cross` (..., K) those with the
    target.
    """
    steady = squares + RIDGE * torch.diag_embed(squares.diagonal(dim1=-2, dim2=-1))
    found: Tensor = torch.linalg.solve(steady, cross[..., None])[..., 0]
    return found


def _left(inner: Tensor, columns: Tensor, target: Tensor) -> Tensor:
    """The mean square that the best weights of some columns (..., K) leave of a target (...)."""
    squares, cross = (
        inner[columns[..., :, None], columns[..., None, :]],
        inner[columns, target[..., None]],
    )
    weights = solved(squares, cross)
    explained = 2 * (weights * cross).sum(-1)
    doubled = torch.einsum("...i,...ij,...j", weights, squares, weights)
    return (inner[target, target] - explained + doubled).clamp_min(0)


def best_places(
    inner: Tensor, felt: Sequence[float], counts: Sequence[int]
) -> dict[int, list[int]]:
    """Which points of the fine trajectory to step on, for each number of steps.

    `inner` is what `products` gives; `felt[j]` says how much of an error at point j is left at the
    end. A step from i to j, which came to i from h, draws on the point and the predictions at i
    and h.
    """
    last = len(felt) - 1
    price = torch.tensor(felt, dtype=torch.float64).square()
    h, i, j = torch.meshgrid(*[torch.arange(last + 1)] * 3, indexing="ij")
    on_the_way = (h < i) & (i < j)
    h, i, j = h[on_the_way], i[on_the_way], j[on_the_way]
    cost = torch.full((last + 1,) * 3, torch.inf, dtype=torch.float64)
    cost[h, i, j] = price[j] * _left(inner, torch.stack([i, last + 1 + i, last + 1 + h], -1), j)
    first = torch.arange(1, last + 1)
    begun = torch.stack([torch.zeros_like(first), torch.full_like(first, last + 1)], -1)
    best = torch.full((last + 1, last + 1), torch.inf, dtype=torch.float64)  # to come from h to i
    best[0, 1:] = price[1:] * _left(inner, begun, first)
    came: list[Tensor] = []
    found: dict[int, list[int]] = {}
    for count in range(1, max(counts) + 1):
        if count in counts:
            path = [last, int(best[:, last].argmin())]
            for before in reversed(came):
                path.append(int(before[path[-1], path[-2]]))
            found[count] = path[::-1]
        best, before = (best[:, :, None] + cost).min(dim=0)
        came.append(before)
    return found


@dataclass(frozen=True)
class Stand:
    """Where a walk of learned steps is before a step, and the step."""

    x: Tensor  # (S, P)
    known: Sequence[Tensor]
    """The last predictions, the newest first: that of x among them."""
    weights: tuple[float, ...]


def fitted(
    predict: Predict,
    walks: Trajectories,
    learn: int,
    times: Sequence[float],
    begun: Sequence[Stand] = (),
) -> tuple[list[Stand], Tensor]:
    """The steps over these times with their weights, and the end (S, P) that they come to.

    Weights are those that bring the first `learn` samples nearest to their trajectories. What was
    `begun` before is kept, but for the weights of its last step, whose end may have moved.
    """
    stands, x = list(begun[:-1]), begun[-1].x if begun else walks.points[:, 0]
    scale = 1 / walks.end[:learn].norm(dim=1, keepdim=True)
    for n in range(len(stands), len(times) - 1):
        if begun and n == len(begun) - 1:
            known = begun[-1].known
        else:
            before = stands[-1].known[: MEMORY - 1] if stands else ()
            known = [predict(x, times[n]), *before]
        columns = torch.stack([(c[:learn] * scale).flatten() for c in (x, *known)], 1).double()
        target = (walks.at(times[n + 1])[:learn] * scale).flatten().double()
        weights = tuple(solved(columns.T @ columns, columns.T @ target).tolist())
        stands.append(Stand(x, known, weights))
        x = combined(x, known, weights)
    return stands, x


def nudged(predict: Predict, walks: Trajectories, times: Sequence[float]) -> list[float]:
    """The times after one round of moving each to either side where the mean error falls."""

    def off(end: Tensor) -> float:
        return float(walks.errors(end).mean())

    samples = len(walks.points)
    logs = [walks.schedule.log_snr(t) for t in times]
    times = list(times)
    stands, end = fitted(predict, walks, samples, times)
    for n in range(len(times) - 2, 0, -1):
        for to in (n + 1, n - 1):
            log = logs[n] + NUDGE * (logs[to] - logs[n])
            tried = [*times[:n], walks.schedule.time(log), *times[n + 1 :]]
            other, there = fitted(predict, walks, samples, tried, stands[:n])
            if off(there) < off(end):
                times, stands, end, logs[n] = tried, other, there, log
                break
    return times


def learned(
    predict: Predict, walks: Trajectories, learn: int, times: Sequence[float]
) -> tuple[Steps, Tensor]:
    """The steps over these times, from the first `learn` samples, and the errors (S,) of all."""
    stands, end = fitted(predict, walks, learn, times)
    errors = walks.errors(end)
    held_out = float(errors[learn:].mean())
    return Steps(tuple(times), tuple(s.weights for s in stands), held_out), errors


def felt_at(
    walks: Trajectories, places: Sequence[int], finish: Callable[[Tensor, int], Tensor]
) -> list[float]:
    """How much of an error at each point of the fine trajectory is left at the end.

    Tried at some `places`: the walks are put off by what a second-order step of a sixth of the way
    would be, and `finish(x, place)` goes on from there. Between places, on a line in log-SNR.
    """
    logs = [walks.schedule.log_snr(t) for t in walks.times]
    stride = max(1, len(walks.times) // 8)
    known: list[tuple[float, float]] = []
    for place in places:
        start = place - stride
        line = [(logs[k], walks.clean[:, k]) for k in (start, start - stride) if k >= 0]
        point = walks.points[:, place]
        off = (
            advance(
                walks.points[:, start], walks.times[start], walks.times[place], line, walks.schedule
            )
            - point
        )
        ends = [finish(x, place) for x in (point, point + off)]
        share = (ends[1] - ends[0]).norm(dim=1) / off.norm(dim=1).clamp_min(1e-30)
        known.append((logs[place], float(share.mean())))
    known = [(logs[0], known[0][1]), *known, (logs[-1], 1.0)]
    return [_line(known, log) for log in logs]


def _line(known: Sequence[tuple[float, float]], at: float) -> float:
    """The value at a place on the broken line through (place, value) pairs that rise."""
    for (a, low), (b, high) in pairwise(known):
        if at <= b:
            return low + (high - low) * (at - a) / (b - a)
    return known[-1][1]
