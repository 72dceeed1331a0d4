"""What a trainer is given: a source of batches, a loss, and a function that draws samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

Batch = Any  # what a source makes and a loss reads; its tensors are on the model's device
Source = Callable[[int], Batch]  # index -> batch: infinite, and always the same for an index
Loss = Callable[[Batch, torch.Generator], Mapping[str, Tensor]]
"""Named scalars; "total" is minimised if there is one, otherwise the sum of all of them."""
Sample = Callable[[Path], Mapping[str, float]]
"""Draws a sheet to a path, with the averaged weights in the model; returns numbers to log."""


class WithLoss(nn.Module):
    """A loss as a module that owns the model, for DistributedDataParallel to wrap."""

    def __init__(self, model: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.model = model
        self.loss = loss

    def forward(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        losses = dict(self.loss(batch, generator))
        total = losses.pop("total") if "total" in losses else torch.stack([*losses.values()]).sum()
        return {"loss": total, **losses}
