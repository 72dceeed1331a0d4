"""A U-ViT of which only one block is held: the others wait in the file.

A block's weights are read, used, and let go of at every evaluation. On a CPU that costs little
beside the arithmetic, since the file stays in the system's cache as long as there is room.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from unidiff_cli.model_config import ModelConfig
from unidiff_cli.storage.parts import Wanted, check, expected, hollow, state
from unidiff_cli.storage.stored import Tensors


def streamed_uvit(
    config: ModelConfig, tensors: Callable[[], Tensors], device: torch.device, dtype: torch.dtype
) -> nn.Module:
    """The U-ViT on the device in the dtype; `tensors` opens its file anew for every block.

    A mapping of a file is given back only when nothing of it is in use any more.
    """
    net = hollow("uvit", config).requires_grad_(False).eval()
    found, outside = tensors(), expected("uvit", net)
    check("uvit", outside, found)
    for name, block in net.named_modules():
        if _is_block(name):
            inside = {
                ours: each for ours, each in outside.items() if each[0].startswith(f"{name}.")
            }
            outside = {ours: each for ours, each in outside.items() if ours not in inside}
            wanted = {
                ours: (key.removeprefix(f"{name}."), shape) for ours, (key, shape) in inside.items()
            }
            waiting = _Waiting(wanted, block.state_dict(), tensors, device, dtype)
            block.register_forward_pre_hook(waiting.fetch)
            block.register_forward_hook(waiting.drop, always_call=True)
    _assign(net, state(outside, found, device, dtype))
    return net


@dataclass(frozen=True)
class _Waiting:
    """A block that has its weights only while it computes."""

    wanted: Wanted
    empty: Mapping[str, Tensor]
    """Its tensors on `meta`."""
    tensors: Callable[[], Tensors]
    device: torch.device
    dtype: torch.dtype

    def fetch(self, block: nn.Module, _: Any) -> None:
        """Read the weights into the block."""
        _assign(block, state(self.wanted, self.tensors(), self.device, self.dtype))

    def drop(self, block: nn.Module, *_: Any) -> None:
        """Let go of them."""
        _assign(block, self.empty)


def _is_block(name: str) -> bool:
    head, _, rest = name.partition(".")
    return name == "mid_block" or (head in ("in_blocks", "out_blocks") and rest.isdigit())


def _assign(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    module.load_state_dict(tensors, strict=False, assign=True)
