"""The noise schedule, with time as a float in [0, 1].

Stable Diffusion's thousand betas (square roots evenly spaced from 0.00085 to 0.012), read as a
continuous schedule the way DPM-Solver reads a discrete one (arXiv 2206.00927, appendix D):
log alpha is piecewise linear in t between knots at t = 1/1000, 2/1000, ..., 1, and the end
segments go on straight outside them.
"""

from __future__ import annotations

import math
import operator
from bisect import bisect_left
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

TRAINING_STEPS = 1000


@dataclass(frozen=True)
class Schedule:
    """alpha, sigma and log-SNR at any time; `log_alphas[n]` is log alpha at t = (n + 1) / N."""

    log_alphas: tuple[float, ...]

    def log_alpha(self, t: float) -> float:
        """log alpha(t), piecewise linear in t."""
        knots = len(self.log_alphas)
        left = min(max(math.floor(t * knots) - 1, 0), knots - 2)
        low, high = self.log_alphas[left : left + 2]
        return low + (high - low) * (t * knots - (left + 1))

    def alpha(self, t: float) -> float:
        """How much of the signal is left at t: x_t = alpha x_0 + sigma noise."""
        return math.exp(self.log_alpha(t))

    def sigma(self, t: float) -> float:
        """The standard deviation of the noise at t: sqrt(1 - alpha^2)."""
        return math.sqrt(-math.expm1(2 * self.log_alpha(t)))

    def log_snr(self, t: float) -> float:
        """Half the log signal-to-noise ratio, log(alpha / sigma): the papers' lambda."""
        return self.log_alpha(t) - math.log(self.sigma(t))

    def time(self, log_snr: float) -> float:
        """The time at which log_snr(t) has this value."""
        log_alpha = -0.5 * math.log1p(math.exp(-2 * log_snr))
        knots = len(self.log_alphas)
        left = bisect_left(self.log_alphas, -log_alpha, key=operator.neg) - 1
        left = min(max(left, 0), knots - 2)
        low, high = self.log_alphas[left : left + 2]
        return (left + 1 + (log_alpha - low) / (high - low)) / knots


@cache
def stable_diffusion() -> Schedule:
    """The schedule that UniDiffuser was trained with (beta 0.00085 to 0.012, scaled linear)."""
    low, high = math.sqrt(0.00085), math.sqrt(0.012)
    steps = TRAINING_STEPS
    betas = ((low + (high - low) * n / (steps - 1)) ** 2 for n in range(steps))
    return Schedule(tuple(accumulate(0.5 * math.log1p(-beta) for beta in betas)))
