"""Noise in named streams, made on the CPU.

A number is fixed by the sample's seed and by what it is for, never by what was drawn before it:
so a sample does not depend on its batch, on the device, or on evaluations that were skipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

import torch
from torch import Tensor

from unidiff_cli.core.latents import Latent, Latents
from unidiff_cli.core.pair import Modality, Pair

Purpose = Literal["start", "absent", "encode"]
Shapes = Pair[tuple[tuple[int, ...], ...]]
"""The shapes of each modality's parts, without the batch."""


def generator(seed: int, *key: object) -> torch.Generator:
    """The CPU generator of one stream: equal for equal seed and key, else unrelated."""
    name = "/".join(map(str, (seed, *key))).encode()
    number = int.from_bytes(blake2b(name, digest_size=8).digest(), "little")
    return torch.Generator().manual_seed(number - 2**63)


@dataclass(frozen=True)
class Noise:
    """The noise of a batch of samples, one seed each."""

    seeds: Sequence[int]
    shapes: Shapes
    device: torch.device | None = None
    """Where the noise goes once it is made; None leaves it on the CPU."""

    def latent(self, modality: Modality, leg: int, purpose: Purpose, evaluation: int = 0) -> Latent:
        """Standard normal noise for one modality, a row of the batch for each seed."""
        rows = [
            self._row(generator(seed, leg, purpose, evaluation, modality), modality)
            for seed in self.seeds
        ]
        return Latent(tuple(torch.stack(part).to(self.device) for part in zip(*rows, strict=True)))

    def latents(self, leg: int, purpose: Purpose, evaluation: int = 0) -> Latents:
        """Standard normal noise for both modalities."""
        return Latents(
            self.latent("image", leg, purpose, evaluation),
            self.latent("text", leg, purpose, evaluation),
        )

    def _row(self, stream: torch.Generator, modality: Modality) -> list[Tensor]:
        return [torch.randn(shape, generator=stream) for shape in self.shapes[modality]]
