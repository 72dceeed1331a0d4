"""A U-ViT as the sampler wants it: points of the square in, noise out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from unidiff_cli.core.latents import Latent, Latents, concatenate
from unidiff_cli.core.pair import MODALITIES
from unidiff_cli.core.sampler import Levels, Point
from unidiff_cli.core.schedule import TRAINING_STEPS, stable_diffusion
from unidiff_cli.nets.uvit import UViT
from unidiff_cli.speed.cache import SkipCache


@dataclass(frozen=True)
class UViTPredictor:
    """All points of all samples go through the network in one batch, or a sample at a time."""

    net: UViT
    data_type: int | None = None
    sample_by_sample: bool = False
    """On a CPU a bigger batch gains little, and a matrix library may choose another order of
    summation for it: one sample at a time makes a sample the same bits in every batch."""
    point_by_point: bool = False
    """Whether the points of an evaluation, which guidance makes two or three, go one at a time."""
    cache: SkipCache | None = None
    """What remembers the middle of the network from one evaluation to the next, if anything."""
    evaluated: Callable[[int], None] = lambda samples: None
    """Called with the number of samples behind each evaluation."""

    def __call__(self, points: Sequence[Point]) -> list[Latents]:
        samples = len(points[0][0])
        if self.cache is not None:
            self.cache.begin(points[0][1])
        if self.sample_by_sample:
            rows = [slice(k, k + 1) for k in range(samples)]
        else:
            rows = [slice(0, samples)]
        places = range(len(points))
        groups = [[n] for n in places] if self.point_by_point else [list(places)]
        noises = [
            [noise for group in groups for noise in self._evaluate(points, group, some)]
            for some in rows
        ]
        self.evaluated(samples)
        return [
            Latents(concatenate([z.image for z in point]), concatenate([z.text for z in point]))
            for point in zip(*noises, strict=True)
        ]

    @torch.inference_mode()
    def _evaluate(self, every: Sequence[Point], group: Sequence[int], rows: slice) -> list[Latents]:
        """The noise at a group of points for some samples, in float32 as the solver wants it."""
        points = [every[n] for n in group]
        latents = [z.rows(rows) for z, _ in points]
        image, clip = concatenate([z.image for z in latents]).parts
        (text,) = concatenate([z.text for z in latents]).parts
        samples = len(latents[0])
        t_image, t_text = (
            torch.cat(  # filled where they are: a copy from the CPU would wait for the GPU
                [
                    torch.full((samples,), TRAINING_STEPS * levels[m], device=image.device)
                    for _, levels in points
                ]
            )
            for m in ("image", "text")
        )
        kind = None
        if self.data_type is not None:
            kind = torch.full_like(t_image, self.data_type, dtype=torch.long)
        if self.cache is None:
            noise = self.net(image, clip, text, t_image, t_text, kind)
        else:
            numbers = range(rows.start, rows.stop)
            noise = self.cache(
                [(n, k) for n in group for k in numbers],
                [levels for _, levels in points for _ in numbers],
                *(image, clip, text, t_image, t_text, kind),
            )
        parts = [part.float().split(samples) for part in noise]
        found = [
            Latents(Latent((image, clip)), Latent((text,)))
            for image, clip, text in zip(*parts, strict=True)
        ]
        if self.net.config.prediction == "velocity":
            seen = zip(found, latents, points, strict=True)
            return [as_noise(velocity, z, levels) for velocity, z, (_, levels) in seen]
        return found


def as_noise(velocity: Latents, z: Latents, levels: Levels) -> Latents:
    """The noise in z when the network puts out alpha noise - sigma signal."""
    schedule = stable_diffusion()
    # At level 0, before the schedule's first knot, a modality is given: nobody asks for its noise.
    image, text = (
        schedule.alpha(t) * velocity[m] + schedule.sigma(t) * z[m]
        for m in MODALITIES
        for t in [max(levels[m], 1 / TRAINING_STEPS)]
    )
    return Latents(image, text)
