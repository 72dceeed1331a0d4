"""The sampler against the published equations, written out as one plain loop.

The loop knows nothing of roles, legs or latents: it has a line for each mode, the update formulas
of singlestep DPM-Solver++ in r1, r2 and h, and a schedule of its own. Both are given the same
network and the same noise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.nets.test_uvit import filled
from unidiff_cli.core.latents import Latents
from unidiff_cli.core.modes import MODES
from unidiff_cli.core.noise import Noise
from unidiff_cli.core.pair import Pair
from unidiff_cli.core.sampler import Sampler, as_solver
from unidiff_cli.core.schedule import stable_diffusion
from unidiff_cli.core.solver import SOLVERS, uniform_times
from unidiff_cli.engine.predictor import UViTPredictor
from unidiff_cli.nets.uvit import UViT

NOISE = Noise((1, 2), Pair(((4, 8, 8), (1, 7)), ((5, 6),)))
LEGS = ("t2i", "i2t", "joint", "i", "t")
Fault = Literal[
    "", "levels swapped", "scale s + 1", "multistep", "absent is clean", "time off by one",
    "old noise", "second order", "image scale only", "other data type",
]  # fmt: skip
Parts = list[Tensor]


class Published:
    """One mode, sampled by the equations as they are printed."""

    def __init__(self, net: UViT, known: Latents, scale: float, fault: Fault = "") -> None:
        self.net, self.scale, self.fault = net, scale, fault
        self.z0, self.c0 = known.image.parts
        (self.y0,) = known.text.parts
        beta = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
        self.log_alphas = 0.5 * np.cumsum(np.log(1 - beta))
        self.evaluations = 0

    def schedule(self, t: float) -> tuple[float, float, float]:
        """alpha, sigma, lambda at t."""
        log_alpha = float(np.interp(t, np.arange(1, 1001) / 1000, self.log_alphas))
        sigma = (1 - np.exp(2 * log_alpha)) ** 0.5
        return float(np.exp(log_alpha)), float(sigma), float(log_alpha - np.log(sigma))

    def noise(self, modality: Any) -> Parts:
        number = 0 if self.fault == "old noise" else self.evaluations
        return list(NOISE.latent(modality, 0, "absent", number).parts)

    def predict(self, z: Tensor, c: Tensor, y: Tensor, t_image: float, t_text: float) -> Parts:
        if self.fault == "levels swapped":
            t_image, t_text = t_text, t_image
        if self.fault == "absent is clean":
            t_image, t_text = (0.0 if t == 1000 else t for t in (t_image, t_text))
        if self.fault == "time off by one":
            t_image, t_text = t_image - 1, t_text - 1
        kind = torch.full((2,), int(self.fault != "other data type"))
        times = (torch.full((2,), t) for t in (t_image, t_text))
        with torch.inference_mode():
            return list(self.net(z, c, y, *times, kind))

    def epsilon(self, mode: str, x: Parts, t: float) -> Parts:
        s, N = self.scale + (self.fault == "scale s + 1"), 1000.0
        t *= N
        text, image = self.noise("text"), self.noise("image")
        self.evaluations += 1
        if mode == "i":
            return self.predict(*x, *text, t, N)[:2]
        if mode == "t":
            return self.predict(*image, *x, N, t)[2:]
        if mode == "t2i":
            cond = self.predict(*x, self.y0, t, 0)[:2]
            uncond = self.predict(*x, *text, t, N)[:2] if s else cond
        elif mode == "i2t":
            cond = self.predict(self.z0, self.c0, *x, 0, t)[2:]
            uncond = self.predict(*image, *x, N, t)[2:] if s else cond
        else:
            z, c, y = x
            cond, uncond = self.predict(z, c, y, t, t), []
            if s:
                uncond += self.predict(z, c, *text, t, N)[:2]
                uncond += self.predict(*image, y, N, t)[2:]
                if self.fault == "image scale only":
                    uncond[2] = cond[2]
            else:
                uncond = cond
        return [(1 + s) * a - s * b for a, b in zip(cond, uncond, strict=True)]

    def sample(self, mode: str, steps: int) -> Parts:
        start = NOISE.latents(0, "start")
        x = {
            "t2i": [*start.image.parts],
            "i": [*start.image.parts],
            "i2t": [*start.text.parts],
            "t": [*start.text.parts],
            "joint": [*start.image.parts, *start.text.parts],
        }[mode]

        def D(x: Parts, t: float) -> Parts:
            alpha, sigma, _ = self.schedule(t)
            epsilon = self.epsilon(mode, x, t)
            return [(a - sigma * e) / alpha for a, e in zip(x, epsilon, strict=True)]

        ts = np.linspace(1, 0.001, steps + 1).tolist()
        if self.fault == "multistep":
            return self.multistep(D, x, ts)
        K = steps // 3 + 1
        orders = {0: [3] * (K - 2) + [2, 1], 1: [3] * (K - 1) + [1], 2: [3] * (K - 1) + [2]}
        i = 0
        for p in orders[steps % 3]:
            x = self.update(D, x, ts[i : i + p + 1])
            i += p
        assert i == steps == self.evaluations
        return x

    def update(self, D: Callable[[Parts, float], Parts], x: Parts, ts: list[float]) -> Parts:
        """The singlestep update from ts[0] to ts[-1], of order len(ts) - 1."""
        a, s, t = np.expm1, ts[0], ts[-1]
        (_, sigma_s, lambda_s), (alpha_t, sigma_t, lambda_t) = self.schedule(s), self.schedule(t)
        h = lambda_t - lambda_s
        order = len(ts) - 1
        Ds = D(x, s)
        first = [sigma_t / sigma_s * u - alpha_t * a(-h) * d for u, d in zip(x, Ds, strict=True)]
        if order == 1:
            return first
        alpha_1, sigma_1, lambda_1 = self.schedule(ts[1])
        r1 = (lambda_1 - lambda_s) / h
        x1 = [sigma_1 / sigma_s * u - alpha_1 * a(-r1 * h) * d for u, d in zip(x, Ds, strict=True)]
        D1 = D(x1, ts[1])
        if order == 2:
            more = [(d1 - d) / (2 * r1) for d1, d in zip(D1, Ds, strict=True)]
            return [u - alpha_t * a(-h) * m for u, m in zip(first, more, strict=True)]
        alpha_2, sigma_2, lambda_2 = self.schedule(ts[2])
        r2 = (lambda_2 - lambda_s) / h
        bend = (r2 / r1) * alpha_2 * (a(-r2 * h) / (r2 * h) + 1)
        x2 = [
            sigma_2 / sigma_s * u - alpha_2 * a(-r2 * h) * d + bend * (d1 - d)
            for u, d, d1 in zip(x, Ds, D1, strict=True)
        ]
        D2 = D(x2, ts[2])
        bend = (1 / r2) * alpha_t * (a(-h) / h + 1)
        if self.fault == "second order":
            bend = 0.0
        return [u + bend * (d2 - d) for u, d2, d in zip(first, D2, Ds, strict=True)]

    def multistep(self, D: Callable[[Parts, float], Parts], x: Parts, ts: list[float]) -> Parts:
        """The faulty choice of DPM-Solver++(2M)."""
        before: Parts | None = None
        lambdas = [self.schedule(t)[2] for t in ts]
        for n in range(len(ts) - 1):
            Ds = D(x, ts[n])
            h = lambdas[n + 1] - lambdas[n]
            read = Ds
            if before is not None:
                r = (lambdas[n] - lambdas[n - 1]) / h
                read = [d + (d - b) / (2 * r) for d, b in zip(Ds, before, strict=True)]
            (_, sigma_s, _), (alpha_t, sigma_t, _) = self.schedule(ts[n]), self.schedule(ts[n + 1])
            x = [
                sigma_t / sigma_s * u - alpha_t * np.expm1(-h) * d
                for u, d in zip(x, read, strict=True)
            ]
            before = Ds
        return x


def ours(net: UViT, mode: str, known: Latents, steps: int, scale: float) -> Parts:
    sampler = Sampler(
        predict=UViTPredictor(net, data_type=1),
        noise=NOISE,
        schedule=stable_diffusion(),
        solver=as_solver(SOLVERS["dpm++3s"]),
        times=uniform_times(steps),
        guidance=scale,
    )
    result = sampler.walk(MODES[mode], known)
    return [part for modality in MODES[mode].yields for part in result[modality].parts]


def difference(found: Parts, expected: Parts) -> float:
    """The largest over the parts, relative to the part's largest number."""
    pairs = zip(found, expected, strict=True)
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)


@pytest.fixture(scope="module")
def net() -> UViT:
    return filled(2)


@pytest.fixture(scope="module")
def known() -> Latents:
    return NOISE.latents(9, "encode")


@pytest.mark.parametrize("steps", [20, 25, 48, 50])
@pytest.mark.parametrize("scale", [0.0, 7.0])
@pytest.mark.parametrize("mode", LEGS)
def test_a_leg_is_the_published_one(
    net: UViT, known: Latents, mode: str, scale: float, steps: int
) -> None:
    expected = Published(net, known, scale).sample(mode, steps)
    assert all(part.isfinite().all() for part in expected)
    assert difference(ours(net, mode, known, steps, scale), expected) < 1e-5


@pytest.mark.parametrize(
    ("mode", "fault"),
    [
        ("t2i", "levels swapped"),
        ("t2i", "scale s + 1"),
        ("t2i", "multistep"),
        ("t2i", "absent is clean"),
        ("t2i", "time off by one"),
        ("t2i", "old noise"),
        ("t2i", "second order"),
        ("t2i", "other data type"),
        ("i2t", "levels swapped"),
        ("i2t", "absent is clean"),
        ("joint", "image scale only"),
        ("joint", "old noise"),
        ("i", "absent is clean"),
        ("t", "old noise"),
    ],
)
def test_a_fault_would_show(net: UViT, known: Latents, mode: str, fault: Fault) -> None:
    faulty = Published(net, known, 7.0, fault).sample(mode, 20)
    assert difference(ours(net, mode, known, 20, 7.0), faulty) > 1e-3
