"""A folder of pictures with captions, as the encoders and decoders are trained on.

`pictures.npy` is (N, H, W, 3) uint8, `captions.jsonl` has a line a picture: {"captions": [...],
"name": "a red fox"}. The name tells what is there and no more; only CLIP's training asks for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unidiff_cli.errors import UsageError


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pictures, not read until asked for, and what is said of each."""

    pictures: NDArray[np.uint8]
    rows: tuple[Mapping[str, Any], ...]

    @classmethod
    def open(cls, folder: Path) -> Pairs:
        """The pairs of a folder; UsageError where it is not one."""
        try:
            pictures = np.load(folder / "pictures.npy", mmap_mode="r")
            with (folder / "captions.jsonl").open(encoding="utf-8") as lines:
                rows = tuple(map(json.loads, lines))
        except (OSError, ValueError) as error:
            raise UsageError(
                "usage.training-data", f"{folder} is not a folder of pairs: {error}."
            ) from error
        if len(rows) != len(pictures):
            raise UsageError(
                "usage.training-data",
                f"{folder} has {len(pictures)} pictures and {len(rows)} captions.",
            )
        return cls(pictures, rows)

    def __len__(self) -> int:
        return len(self.rows)

    def captions(self, number: int) -> list[str]:
        """What is said of a picture."""
        return list(self.rows[number]["captions"])


def to_tensor(pictures: NDArray[np.uint8]) -> Tensor:
    """(N, H, W, 3) of 0..255 -> (N, 3, H, W) of -1..1."""
    return torch.from_numpy(np.array(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


def draws(seed: int, index: int) -> np.random.Generator:
    """The random numbers of one batch."""
    return np.random.default_rng((seed, index))
