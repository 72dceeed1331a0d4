"""The picture as it forms, at almost no cost: a linear map from latents to colours, no decoder.

A latent of this kind of VAE is, seen from afar, a small picture in colours of its own. The map to
ours is fitted once to a model, by least squares on a few pictures that its decoder makes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from unidiff_cli.codecs.image import picture
from unidiff_cli.core.latents import Latent, Latents
from unidiff_cli.core.noise import generator
from unidiff_cli.core.sampler import Point, Sampler

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

    from unidiff_cli.core.schedule import Schedule
    from unidiff_cli.core.solver import Clean
    from unidiff_cli.engine.pipeline import UniDiffuser

SAMPLES, SIDE = 4, 16
"""Latents to fit the map to, and their side: the first is flat, the others ever finer."""


@dataclass(frozen=True)
class Colours:
    """The map: weight (C, 3) and bias (3,) from a latent's place to red, green, blue in -1..1."""

    weight: Tensor
    bias: Tensor

    @classmethod
    @torch.inference_mode()
    def fit(cls, vae: Any, scale: float, channels: int) -> Colours:
        """The best linear map for what the decoder makes of latents times 1 / scale."""
        place = next(vae.parameters())
        latents = _examples(channels)
        decoded = [
            vae.decode((z[None] / scale).to(place.device, place.dtype)).sample for z in latents
        ]
        seen = functional.adaptive_avg_pool2d(torch.cat(decoded).float().cpu(), SIDE)
        inputs = torch.cat([latents, torch.ones(len(latents), 1, SIDE, SIDE)], 1)
        rows = inputs.movedim(1, -1).flatten(0, 2)  # (N h w, C + 1)
        colours = seen.movedim(1, -1).flatten(0, 2)  # (N h w, 3)
        solution = torch.linalg.lstsq(rows, colours).solution
        return cls(solution[:-1], solution[-1])

    def picture(self, latent: Latent) -> Image.Image:
        """The first sample of an image latent, a pixel for each of its places."""
        z = latent.parts[0][0].float().cpu()  # (C, h, w)
        seen = torch.einsum("chw,cd->dhw", z, self.weight) + self.bias[:, None, None]
        return picture(seen)


def _examples(channels: int) -> Tensor:
    """(N, C, side, side) of unit variance: noise at different scales, the same every time."""
    draw = generator(0, "preview")
    examples = []
    for n in range(SAMPLES):
        size = max(1, SIDE >> (SAMPLES - n))
        noise = torch.randn(1, channels, size, size, generator=draw)
        examples.append(functional.interpolate(noise, size=(SIDE, SIDE), mode="nearest")[0])
    return torch.stack(examples)


def with_preview(model: UniDiffuser, show: Callable[[Image.Image, int], None]) -> UniDiffuser:
    """The model, showing every prediction of a clean picture, and how much larger that will be."""
    found: list[Colours] = []

    def tell(latent: Latent) -> None:
        if not found:
            vae = model.parts.module("vae", model.dtype)
            config = model.parts.config
            found.append(Colours.fit(vae, config.vae_scale, int(config.uvit["channels"])))
        show(found[0].picture(latent), model.parts.factor)

    return replace(model, watch=lambda sampler: watched(sampler, tell))


def watched(sampler: Sampler, tell: Callable[[Latent], None]) -> Sampler:
    """The same sampler, telling of every prediction of a clean picture while it draws one."""
    level = 1.0

    def predict(points: Sequence[Point]) -> Sequence[Latents]:
        nonlocal level
        level = points[0][1].image
        return sampler.predict(points)

    def solve(
        clean: Clean[Latents], x: Latents, times: Sequence[float], schedule: Schedule
    ) -> Latents:
        def seen(z: Latents, t: float) -> Latents:
            guess = clean(z, t)
            # A picture that is given or absent has a level of its own, which is not the clock's.
            if level == t < 1:
                tell(guess.image)
            return guess

        return sampler.solver(seen, x, times, schedule)

    return replace(sampler, predict=predict, solver=solve)
