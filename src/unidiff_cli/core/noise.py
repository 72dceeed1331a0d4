"""Noise in named streams, made on the CPU.

A number is fixed by the sample's seed and by what it is for, never by what was drawn before it:
so a sample does not depend on its batch, on the device, or on evaluations that were skipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from unidiff_cli.core.latents import Latent, Latents
from unidiff_cli.core.pair import Modality, Pair

Purpose = Literal["start", "absent", "encode", "again", "score"]
Shapes = Pair[tuple[tuple[int, ...], ...]]
"""The shapes of each modality's parts, without the batch."""


def stream(seed: int, *key: object) -> np.random.Generator:
    """The numbers of one stream: equal for equal seed and key, else unrelated.

    Philox takes a key of 128 bits. torch's generator on a CPU takes 32, and with as many streams
    as a few thousand samples draw from, some pairs of them would be the same.
    """
    name = "/".join(map(str, (seed, *key))).encode()
    number = int.from_bytes(blake2b(name, digest_size=16).digest(), "little")
    return np.random.Generator(np.random.Philox(key=number))


def generator(seed: int, *key: object) -> torch.Generator:
    """A CPU torch.Generator seeded with 32 bits of the stream, for what draws from torch's own."""
    return torch.Generator().manual_seed(int(stream(seed, *key).integers(2**32)))


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
            self._row(stream(seed, leg, purpose, evaluation, modality), modality)
            for seed in self.seeds
        ]
        return Latent(tuple(torch.stack(part).to(self.device) for part in zip(*rows, strict=True)))

    def latents(self, leg: int, purpose: Purpose, evaluation: int = 0) -> Latents:
        """Standard normal noise for both modalities."""
        return Latents(
            self.latent("image", leg, purpose, evaluation),
            self.latent("text", leg, purpose, evaluation),
        )

    def _row(self, numbers: np.random.Generator, modality: Modality) -> list[Tensor]:
        return [
            torch.from_numpy(numbers.standard_normal(shape, dtype=np.float32))
            for shape in self.shapes[modality]
        ]
