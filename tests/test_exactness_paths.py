"""Paths that begin anywhere against their formulas, written out as one plain loop.

As in test_exactness: the loop knows nothing of legs, masks or latents. It takes first-order steps
from the first level on, through one network and one stream of noise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from tests.nets.test_uvit import filled
from tests.test_exactness import NOISE, Parts, Published, difference
from unidiff_cli.core.latents import Latent, Latents
from unidiff_cli.core.modes import MODES
from unidiff_cli.core.pair import Pair
from unidiff_cli.core.sampler import Sampler, as_solver
from unidiff_cli.core.schedule import stable_diffusion
from unidiff_cli.core.solver import SOLVERS, uniform_times
from unidiff_cli.engine.predictor import UViTPredictor
from unidiff_cli.nets.uvit import UViT

STEPS = 20
OTHER, NEGATIVE = (NOISE.latents(number, "encode").text for number in (7, 8))
HALF = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
HALF[..., :4] = True


@dataclass(frozen=True)
class Path:
    """An edit of a picture under a prompt."""

    first: float = 0.6
    scale: float = 2.0
    level: float = 0.0
    weight: float = 0.0
    negative: bool = False
    masked: bool = False


def plain(net: UViT, known: Latents, path: Path) -> Parts:
    """The picture of an edit, by the formulas."""
    loop, s, N = Published(net, known, path.scale), path.scale, 1000.0
    original, y = known.image.parts, known.text.parts[0]
    noise = NOISE.latents(0, "start").image.parts
    ts = [path.first, *(t for t in np.linspace(1, 0.001, STEPS + 1).tolist() if t < path.first)]
    alpha, sigma, _ = loop.schedule(ts[0])
    x = [alpha * o + sigma * n for o, n in zip(original, noise, strict=True)]
    if path.first == 1:
        x = list(noise)
        if path.masked:
            x[0] = torch.where(HALF, x[0], alpha * original[0] + sigma * noise[0])
    for now, then in pairwise(ts):
        alpha, sigma, here = loop.schedule(now)
        (absent,) = loop.noise("text")
        loop.evaluations += 1

        def veiled(words: torch.Tensor, absent: torch.Tensor = absent) -> torch.Tensor:
            a, b, _ = loop.schedule(path.level or 0.001)
            return a * words + b * absent if path.level else words

        def epsilon(words: torch.Tensor, level: float, x: Parts = x, now: float = now) -> Parts:
            return loop.predict(*x, words, now * N, level * N)[:2]

        asked = epsilon(veiled(y), path.level)
        if path.negative:
            against = epsilon(veiled(NEGATIVE.parts[0]), path.level)
        else:
            against = epsilon(absent, 1.0)
        total = [(1 + s) * a - s * b for a, b in zip(asked, against, strict=True)]
        if path.weight:
            more = epsilon(veiled(OTHER.parts[0]), path.level)
            gain = path.weight * (1 + s)
            total = [e + gain * (m - b) for e, m, b in zip(total, more, against, strict=True)]
        clean = [(z - sigma * e) / alpha for z, e in zip(x, total, strict=True)]
        if path.masked:
            clean[0] = torch.where(HALF, clean[0], original[0])
        after, deviation, there = loop.schedule(then)
        shrunk = float(np.expm1(here - there))
        x = [deviation / sigma * z - after * shrunk * c for z, c in zip(x, clean, strict=True)]
    return x


def ours(net: UViT, known: Latents, path: Path) -> Parts:
    sampler = Sampler(
        predict=UViTPredictor(net, data_type=1),
        noise=NOISE,
        schedule=stable_diffusion(),
        solver=as_solver(SOLVERS["ddim"]),
        times=uniform_times(STEPS),
        guidance=path.scale,
        negative=NEGATIVE if path.negative else None,
        others=[(path.weight, OTHER)] if path.weight else (),
        mask=Latent((HALF, torch.ones(1, 1, 1, dtype=torch.bool))) if path.masked else None,
    )
    walk = MODES["edit"].along({"image", "text"}, path.first, Pair(0.0, path.level))
    return list(sampler.walk(walk, known).image.parts)


EVERYTHING = Path(level=0.3, weight=0.5, negative=True, masked=True)
PATHS = {
    "edit": Path(),
    "edit without guidance": Path(scale=0.0),
    "edit from the corner": Path(first=1.0),
    "held at a level": Path(first=1.0, level=0.3),
    "negative": Path(first=1.0, negative=True),
    "two prompts": Path(first=1.0, weight=0.5),
    "two prompts without guidance": Path(first=1.0, weight=0.5, scale=0.0),
    "masked": Path(first=1.0, masked=True),
    "masked edit": Path(masked=True),
    "everything": EVERYTHING,
}


@pytest.fixture(scope="module")
def net() -> UViT:
    return filled(2)


@pytest.fixture(scope="module")
def known() -> Latents:
    return NOISE.latents(9, "encode")


@pytest.mark.parametrize("name", PATHS)
def test_a_path_is_its_formulas(net: UViT, known: Latents, name: str) -> None:
    expected = plain(net, known, PATHS[name])
    assert all(part.isfinite().all() for part in expected)
    assert difference(ours(net, known, PATHS[name]), expected) < 1e-5


@pytest.mark.parametrize(
    "fault",
    [
        {"first": 0.65},
        {"scale": 2.5},
        {"level": 0.35},
        {"level": 0.0},
        {"weight": 0.7},
        {"negative": False},
        {"masked": False},
    ],
    ids=str,
)
def test_a_fault_would_show(net: UViT, known: Latents, fault: dict[str, Any]) -> None:
    faulty = plain(net, known, replace(EVERYTHING, **fault))
    assert difference(ours(net, known, EVERYTHING), faulty) > 1e-3
