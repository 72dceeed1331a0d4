"""Latents: what the solver moves. They add and scale, so no solver packs or splits anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unidiff_cli.core.pair import Pair


@dataclass(frozen=True)
class Latent:
    """The tensors that share one noise level, a batch B of samples in each.

    The image's parts are (vae (B, C, h, w), clip (B, V, D)), the text's are ((B, L, D),).
    """

    parts: tuple[Tensor, ...]

    def map(self, function: Callable[[Tensor], Tensor]) -> Latent:
        """The latent of what `function` makes of each part."""
        return Latent(tuple(map(function, self.parts)))

    def __add__(self, other: Latent) -> Latent:
        return Latent(tuple(a + b for a, b in zip(self.parts, other.parts, strict=True)))

    def __sub__(self, other: Latent) -> Latent:
        return Latent(tuple(a - b for a, b in zip(self.parts, other.parts, strict=True)))

    def __rmul__(self, factor: float) -> Latent:
        return self.map(lambda part: factor * part)

    def __len__(self) -> int:
        return len(self.parts[0])

    def __getitem__(self, rows: slice) -> Latent:
        return self.map(lambda part: part[rows])

    @property
    def finite(self) -> Tensor:
        """Whether all numbers of a sample are finite, as (B,) booleans."""
        return torch.stack([part.flatten(1).isfinite().all(1) for part in self.parts]).all(0)


def concatenate(latents: Sequence[Latent]) -> Latent:
    """One batch of the samples of several latents."""
    return Latent(
        tuple(torch.cat(parts) for parts in zip(*(z.parts for z in latents), strict=True))
    )


def inside(mask: Latent, new: Latent, old: Latent) -> Latent:
    """`new` where the mask's booleans, which broadcast, are true; `old` elsewhere."""
    triples = zip(mask.parts, new.parts, old.parts, strict=True)
    return Latent(tuple(torch.where(*triple) for triple in triples))


def slerp(first: Latent, second: Latent, at: float) -> Latent:
    """Spherical interpolation, `first` at 0 and `second` at 1, for each part of each sample.

    Directions follow the great circle and lengths change linearly; directions that are parallel
    or opposite, or nearly so, are mixed linearly.
    """
    return Latent(tuple(_slerp(a, b, at) for a, b in zip(first.parts, second.parts, strict=True)))


def _slerp(a: Tensor, b: Tensor, at: float) -> Tensor:
    flat_a, flat_b = a.flatten(1), b.flatten(1)
    tiny = torch.finfo(a.dtype).tiny
    length_a, length_b = (flat.norm(dim=1).clamp_min(tiny) for flat in (flat_a, flat_b))
    cosine = (flat_a * flat_b).sum(1) / (length_a * length_b)
    angle = torch.arccos(cosine.clamp(-1, 1))
    length = (1 - at) * length_a + at * length_b
    near = angle.sin() < 1e-4
    safe = torch.where(near, torch.ones_like(angle), angle)
    weight_a = torch.where(near, (1 - at) + 0 * angle, ((1 - at) * safe).sin() / safe.sin())
    weight_b = torch.where(near, at + 0 * angle, (at * safe).sin() / safe.sin())
    mixed = (weight_a / length_a)[:, None] * flat_a + (weight_b / length_b)[:, None] * flat_b
    between: Tensor = length[:, None] * mixed
    return between.view_as(a)


@dataclass(frozen=True)
class Latents(Pair[Latent]):
    """A latent for each modality: one point of the joint space, for a batch of samples."""

    def __add__(self, other: Latents) -> Latents:
        return Latents(self.image + other.image, self.text + other.text)

    def __sub__(self, other: Latents) -> Latents:
        return Latents(self.image - other.image, self.text - other.text)

    def __rmul__(self, factor: float) -> Latents:
        return Latents(factor * self.image, factor * self.text)

    def __len__(self) -> int:
        return len(self.image)

    def rows(self, rows: slice) -> Latents:
        """Some samples of the batch."""
        return Latents(self.image[rows], self.text[rows])
