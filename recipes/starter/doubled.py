"""Weights of an autoencoder whose decoder has twice the width, and still makes the same pictures.

Every channel of the decoder is there twice, and what reads it reads both in unequal shares
(Net2Net, arXiv 1511.05641): so the two can learn to differ. Groups of channels that are normalised
together stay together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

Tensors = dict[str, Tensor]
UNEVEN = 0.3
"""Deviation of the share that one of two copies has, about a half."""


def doubled(tensors: Mapping[str, Tensor], seed: int = 0) -> Tensors:
    """All tensors of the autoencoder, those of its decoder for twice the width."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: _twice(name, tensor.float(), generator) if name.startswith("decoder.") else tensor
        for name, tensor in tensors.items()
    }


def _twice(name: str, tensor: Tensor, generator: torch.Generator) -> Tensor:
    if not name.startswith("decoder.conv_out."):  # whose outputs are red, green and blue
        tensor = tensor.repeat_interleave(2, 0)
    if tensor.ndim == 1 or name == "decoder.conv_in.weight":  # whose inputs are the latent's
        return tensor
    share = 0.5 + UNEVEN * torch.randn(tensor.shape, generator=generator)
    return torch.stack([share * tensor, (1 - share) * tensor], 2).flatten(1, 2)


def sizes(net: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of nets.autoencoder for that decoder."""
    widths = [2 * width for width in net["block_out_channels"]]
    own = {"block_out_channels": widths, "layers_per_block": net["layers_per_block"]}
    return {**net, "decoder": own}


def blended(first: Mapping[str, Tensor], second: Mapping[str, Tensor], share: float) -> Tensors:
    """The weights between two, of which the second has a share (arXiv 2109.01903)."""
    return {
        name: torch.lerp(first[name].float(), tensor.float(), share)
        for name, tensor in second.items()
    }
