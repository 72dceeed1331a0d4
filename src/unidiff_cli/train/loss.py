"""The paper's objective (arXiv 2303.06555, section 3): the noise of a pair at a random point.

A point of the square of noise levels is a level for the image and one for the text. As published,
both are uniform on 1..1000 and independent; because sampling only ever walks the five legs of
`core.modes`, a share of the points may be drawn from these.

Axes: B batch, C latent channels, H W latent size, L text tokens, T text width, E CLIP width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import torch
from torch import Tensor

from unidiff_cli.core.schedule import TRAINING_STEPS as N
from unidiff_cli.core.schedule import stable_diffusion
from unidiff_cli.errors import UsageError
from unidiff_cli.nets.uvit import UViT

LEGS = ("t2i", "i2t", "joint", "i", "t")
ABSENT = N + 1
"""The level of an absent modality: the network is told 1000, but sees none of the 7% of signal
that level 1000 keeps. There is none in sampling either, and in a long text latent 7% would be
enough to give the sentence away."""
START = N + 2
"""Where sampling begins: the time and the target are those of level 1000, but the input is noise
alone, as for ABSENT. A network that always saw the 7% in training reads the background off the
input's mean, which says nothing when sampling begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveConfig:
    """What counts for how much, and which points are drawn."""

    image: float = 1.0
    clip: float = 1.0
    text: float = 1.0
    legs: float = 0.0  # the share of samples whose point lies on a leg; 0: as published
    often: dict[str, float] = field(default_factory=dict)
    """How often each of LEGS is drawn, beside the others; 1 where nothing is said."""
    start: float = 0.0  # the share of samples that stand at START; 0: as published

    def __post_init__(self) -> None:
        if min(self.image, self.clip, self.text) < 0:
            raise UsageError(
                "usage.config-value", "image, clip and text are weights and must not be negative."
            )
        for name in ("legs", "start"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(
                    "usage.config-value", f"{name} is a share and must lie between 0 and 1."
                )
        if unknown := self.often.keys() - set(LEGS):
            raise UsageError(
                "usage.config-value", f"often has {min(unknown)!r}; the legs are {', '.join(LEGS)}."
            )
        if min(self.weights) < 0 or not any(self.weights):
            raise UsageError(
                "usage.config-value", "often must not be negative, and not 0 for every leg."
            )

    @property
    def weights(self) -> tuple[float, ...]:
        """How often each of LEGS is drawn, beside the others."""
        return tuple(self.often.get(leg, 1.0) for leg in LEGS)


@dataclass(frozen=True, slots=True)
class LatentPairs:
    """A batch of clean latents."""

    image: Tensor  # (B, C, H, W)
    clip: Tensor  # (B, V, E)
    text: Tensor  # (B, L, T)
    kind: Tensor | None = None  # (B,), the data type that v1 is told
    read_only: Tensor | None = None  # (B,), true for rows that train i2t alone

    def to(self, device: torch.device) -> LatentPairs:
        """The same pairs on a device."""
        kind, read_only = (
            None if tensor is None else tensor.to(device) for tensor in (self.kind, self.read_only)
        )
        image, clip, text = (part.to(device) for part in (self.image, self.clip, self.text))
        return LatentPairs(image, clip, text, kind, read_only)

    @classmethod
    def joined(cls, pairs: LatentPairs, read: LatentPairs) -> LatentPairs:
        """Both batches, of one store each, as one in which the pictures of `read` are only read."""
        image, clip, text = (
            torch.cat([getattr(pairs, part), getattr(read, part)])
            for part in ("image", "clip", "text")
        )
        kinds = [each.kind for each in (pairs, read) if each.kind is not None]
        rows = torch.arange(len(image), device=image.device)
        kind = torch.cat(kinds) if len(kinds) == 2 else None
        return cls(image, clip, text, kind, rows >= len(pairs.image))


@dataclass(frozen=True, slots=True)
class Noised:
    """One modality at its level, and what the network should say of each of its parts."""

    parts: tuple[Tensor, ...]  # alpha clean + sigma noise, row by row
    targets: tuple[Tensor, ...]  # the noise, or the velocity: alpha noise - sigma clean


def draw_levels(
    batch: int,
    legs: float,
    generator: torch.Generator,
    often: Sequence[float] = (1.0,) * len(LEGS),
    start: float = 0.0,
) -> Tensor:
    """Levels (B, 2) of image and text, whole numbers.

    Uniform on 1..1000 each, or with probability `legs` on one of t2i (t, 0), i2t (0, t),
    joint (t, t), i (t, ABSENT), t (ABSENT, t), of which each is as likely as `often` says;
    0 is clean. What is sampled is at START instead with probability `start`.
    """
    device = generator.device
    levels = torch.randint(1, N + 1, (batch, 2), generator=generator, device=device)
    weights = torch.tensor(often, dtype=torch.float32, device=device)
    leg = torch.multinomial(weights, batch, replacement=True, generator=generator)
    on_leg = torch.rand(batch, generator=generator, device=device) < legs
    t, clean, absent = levels[:, 0], torch.zeros_like(leg), torch.full_like(leg, ABSENT)
    image = torch.stack([t, clean, t, t, absent])  # (5, B)
    text = torch.stack([clean, t, t, absent, t])
    rows = torch.arange(batch, device=device)
    chosen = torch.stack([image[leg, rows], text[leg, rows]], dim=1)
    levels = torch.where(on_leg[:, None], chosen, levels)
    if not start:
        return levels
    begins = torch.rand(batch, generator=generator, device=device) < start
    return torch.where(begins[:, None] & sampled(levels), START, levels)


def read(levels: Tensor, only: Tensor, generator: torch.Generator) -> Tensor:
    """The levels (B, 2) with those of the rows `only` (B,) on the leg i2t: (0, t).

    t is the greater of two uniform draws: at low levels the caption itself tells what is shown.
    """
    two = torch.randint(1, N + 1, (2, *only.shape), generator=generator, device=levels.device)
    t = two.amax(0)
    leg = torch.stack([torch.zeros_like(t), t], dim=1)
    return torch.where(only[:, None], leg, levels)


def sampled(level: Tensor) -> Tensor:
    """Whether each level is that of a modality to be sampled: neither clean nor ABSENT."""
    return (level > 0) & (level != ABSENT)


@cache
def _coefficients(device: torch.device) -> Tensor:
    """(1003, 4): alpha and sigma of what is shown at each level, then of the velocity there.

    0 is exactly clean; ABSENT and START are shown as exactly noise.
    """
    schedule = stable_diffusion()
    between = [(schedule.alpha(n / N), schedule.sigma(n / N)) for n in range(1, N + 1)]
    asked = [(1.0, 0.0), *between, (0.0, 1.0), between[-1]]
    shown = [(1.0, 0.0), *between, (0.0, 1.0), (0.0, 1.0)]
    return torch.cat([torch.tensor(shown), torch.tensor(asked)], dim=1).to(device)


def noised(
    clean: tuple[Tensor, ...],
    level: Tensor,
    generator: torch.Generator,
    prediction: Literal["noise", "velocity"] = "noise",
) -> Noised:
    """The parts of one modality, which share the level (B,), with fresh standard normal noise."""
    noises = tuple(torch.randn(z.shape, generator=generator, device=z.device) for z in clean)
    alpha, sigma, alpha_v, sigma_v = _coefficients(level.device)[level].unbind(1)
    pairs = list(zip(clean, noises, strict=True))
    parts = tuple(_rows(alpha, z) * z + _rows(sigma, z) * noise for z, noise in pairs)
    if prediction == "noise":
        return Noised(parts, noises)
    return Noised(parts, tuple(_rows(alpha_v, z) * e - _rows(sigma_v, z) * z for z, e in pairs))


def _rows(values: Tensor, like: Tensor) -> Tensor:
    """(B,) -> (B, 1, ...), to be multiplied with `like`."""
    return values.view(-1, *[1] * (like.dim() - 1))


def squared_error(predicted: Tensor, target: Tensor, level: Tensor) -> Tensor:
    """The mean squared error over samples in which this modality is to be sampled; 0 if in none."""
    each = (predicted.float() - target).square().flatten(1).mean(1)  # (B,)
    counts = sampled(level).float()
    return (each * counts).sum() / counts.sum().clamp(min=1)


class Objective:
    """The loss of a U-ViT on a batch of pairs; its parts are unweighted, "total" is weighted."""

    def __init__(self, model: UViT, config: ObjectiveConfig) -> None:
        self.model, self.config = model, config

    def __call__(self, pairs: LatentPairs, generator: torch.Generator) -> Mapping[str, Tensor]:
        return self.at(pairs, self.levels(pairs, generator), generator)

    def levels(self, pairs: LatentPairs, generator: torch.Generator) -> Tensor:
        """The levels (B, 2) that a step looks at."""
        config = self.config
        levels = draw_levels(len(pairs.image), config.legs, generator, config.weights, config.start)
        if pairs.read_only is not None:
            levels = read(levels, pairs.read_only, generator)
        return levels

    def at(
        self, pairs: LatentPairs, levels: Tensor, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The losses at given levels (B, 2); only the noise is drawn."""
        config, (t_image, t_text) = self.config, levels.unbind(1)
        prediction = self.model.config.prediction
        image = noised((pairs.image, pairs.clip), t_image, generator, prediction)
        text = noised((pairs.text,), t_text, generator, prediction)
        told = levels.clamp(max=N).unbind(1)
        predicted = self.model(*image.parts, *text.parts, *told, pairs.kind)
        losses = {
            "image": squared_error(predicted.image, image.targets[0], t_image),
            "clip": squared_error(predicted.clip, image.targets[1], t_image),
            "text": squared_error(predicted.text, text.targets[0], t_text),
        }
        total = torch.stack([getattr(config, name) * loss for name, loss in losses.items()]).sum()
        return {**losses, "total": total}
