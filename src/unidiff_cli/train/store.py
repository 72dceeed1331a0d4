"""Latents that were encoded once: a folder of safetensors shards, read through memory maps.

about.json              what they were made from, and how many rows there are; written last
rows-00000.safetensors  image (n, C, H, W), clip (n, V, E), text (n, L, T), [kind (n,)]
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from unidiff_cli.errors import InputError
from unidiff_cli.train import draws
from unidiff_cli.train.loss import LatentPairs

SHARD = 4096  # rows
PARTS = ("image", "clip", "text", "kind")


def write(folder: Path, batches: Iterable[LatentPairs], about: Mapping[str, Any]) -> int:
    """Store all rows in half precision and return their number; `folder` has no store before.

    A store without about.json is an unfinished one, and is written anew.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("rows-*.safetensors"):
        old.unlink()
    waiting: list[dict[str, Tensor]] = []
    rows = shards = held = 0
    for batch in batches:
        waiting.append(_half(batch))
        rows, held = rows + len(batch.image), held + len(batch.image)
        if held >= SHARD:
            _write_shard(folder, shards, waiting)
            waiting, shards, held = [], shards + 1, 0
    if waiting:
        _write_shard(folder, shards, waiting)
    partial = folder / "about.json.partial"
    partial.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    partial.replace(folder / "about.json")
    return rows


def _half(batch: LatentPairs) -> dict[str, Tensor]:
    named = {part: getattr(batch, part) for part in PARTS}
    return {
        part: tensor.to("cpu", torch.float16 if tensor.is_floating_point() else tensor.dtype)
        for part, tensor in named.items()
        if tensor is not None
    }


def _write_shard(folder: Path, number: int, batches: list[dict[str, Tensor]]) -> None:
    whole = {
        part: torch.cat([batch[part] for batch in batches]).contiguous() for part in batches[0]
    }
    save_file(whole, folder / f"rows-{number:05d}.safetensors")


def about(folder: Path) -> dict[str, Any] | None:
    """What a finished store says of itself; None where there is none."""
    path = folder / "about.json"
    if not path.exists():
        return None
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values


@dataclass(frozen=True, slots=True)
class Store:
    """The rows of a store."""

    shards: tuple[Mapping[str, Tensor], ...]
    starts: Tensor  # the number of each shard's first row

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The store in `folder`; an `InputError` where there is none, or a damaged one."""
        if about(folder) is None:
            raise InputError("input.latents", f"There is no finished store of latents in {folder}.")
        try:
            shards = [load_file(path) for path in sorted(folder.glob("rows-*.safetensors"))]
        except (OSError, SafetensorError) as error:
            raise InputError(
                "input.latents",
                f"The latents in {folder} cannot be read: {error}.",
                "Delete this folder: they are then encoded again.",
            ) from error
        if not shards:
            raise InputError("input.latents", f"The store of latents in {folder} is empty.")
        sizes = torch.tensor([0, *(len(shard["image"]) for shard in shards)])
        return cls(tuple(shards), sizes.cumsum(0))

    def __len__(self) -> int:
        return int(self.starts[-1])

    def rows(self, numbers: Tensor) -> LatentPairs:
        """The rows of these numbers (B,), in float32 on the CPU."""
        shards = torch.searchsorted(self.starts, numbers, right=True) - 1
        places = numbers - self.starts[shards]
        where = list(zip(shards.tolist(), places.tolist(), strict=True))
        stacked = {
            part: torch.stack([self.shards[shard][part][place] for shard, place in where])
            for part in self.shards[0]
        }
        return LatentPairs(
            stacked["image"].float(),
            stacked["clip"].float(),
            stacked["text"].float(),
            stacked.get("kind"),
        )


class StoreSource:
    """Batches of a store, shuffled anew each time that all rows have been seen."""

    def __init__(self, store: Store, batch: int, seed: int, device: torch.device) -> None:
        self.store, self.batch, self.seed, self.device = store, batch, seed, device
        self._round, self._order = -1, torch.empty(0)

    def __call__(self, index: int) -> LatentPairs:
        first = index * self.batch
        numbers = [self._at(place) for place in range(first, first + self.batch)]
        rows = self.store.rows(torch.tensor(numbers))
        return rows.to(self.device)

    def _at(self, place: int) -> int:
        """The row at a place of the endless sequence of shuffled rounds."""
        turn, rest = divmod(place, len(self.store))
        if turn != self._round:
            generator = draws.generator(self.seed, "order", turn)
            self._round = turn
            self._order = torch.randperm(len(self.store), generator=generator)
        return int(self._order[rest])
