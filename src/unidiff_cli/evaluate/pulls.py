"""How each picture that was made pulls the distance from the references (see `intervals`)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

NOTHING = 1e-10
"""The share of the largest variance under which a direction has none."""
ROWS = 1024


def frechet_pulls(real: Tensor, made: Tensor) -> NDArray[np.float64]:
    """(N,) for the Frechet distance of (M, D) and (N, D), float64.

    |m - m'|^2 + tr(S + S' - 2 (S S')^(1/2)) changes with m by 2 (m - m'), and with S by 1 - T,
    where T is the linear map that takes a Gaussian of covariance S to one of S' at the least cost.
    """
    apart = made.mean(0) - real.mean(0)
    root, back = _roots(made.T.cov())
    middle, _ = _roots(root @ real.T.cov() @ root)
    change = torch.eye(len(apart), dtype=made.dtype) - back @ middle @ back
    away = made - made.mean(0)
    pulls = 2 * away @ apart + ((away @ change) * away).sum(1)
    return (pulls - pulls.mean()).numpy()


def _roots(covariance: Tensor) -> tuple[Tensor, Tensor]:
    """Its square root, and the inverse of that where there is any variance."""
    variances, axes = torch.linalg.eigh(covariance)
    some = variances > NOTHING * variances[-1]
    root = variances.clamp(min=0).sqrt()
    inverse = torch.where(some, 1 / root, 0)
    return (axes * root) @ axes.T, (axes * inverse) @ axes.T


def kernel_pulls(real: Tensor, made: Tensor) -> NDArray[np.float64]:
    """(N,) for the kernel distance of (M, D) and (N, D): each one's likeness to what was made, its
    own left out, less its likeness to the references, twice."""
    found = []
    for start in range(0, len(made), ROWS):
        some = made[start : start + ROWS]
        own = ((some * some).mean(1) + 1) ** 3
        among = (_kernels(some, made).sum(1) - own) / (len(made) - 1)
        found.append(2 * (among - _kernels(some, real).mean(1)))
    pulls = torch.cat(found).double()
    return (pulls - pulls.mean()).numpy()


def _kernels(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.T / x.shape[1] + 1) ** 3
