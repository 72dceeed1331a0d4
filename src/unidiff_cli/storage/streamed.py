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
from unidiff_cli.storage.names import MODULES
from unidiff_cli.storage.parts import check, expected, hollow
from unidiff_cli.storage.stored import Tensors


def streamed_uvit(
    config: ModelConfig, tensors: Callable[[], Tensors], device: torch.device, dtype: torch.dtype
) -> nn.Module:
    """The U-ViT on the device in the dtype; `tensors` opens its file anew for every block.

    A mapping of a file is given back only when nothing of it is in use any more.
    """
    net = hollow("uvit", config).requires_grad_(False).eval()
    found = tensors()
    check("uvit", expected("uvit", net), found)
    blocks = {f"{name}.": block for name, block in net.named_modules() if _is_block(name)}
    outside = [key for key in net.state_dict() if not key.startswith(tuple(blocks))]
    _assign(net, {key: _loaded(key, found, device, dtype) for key in outside})
    for prefix, block in blocks.items():
        waiting = _Waiting(prefix, block.state_dict(), tensors, device, dtype)
        block.register_forward_pre_hook(waiting.fetch)
        block.register_forward_hook(waiting.drop, always_call=True)
    return net


@dataclass(frozen=True)
class _Waiting:
    """A block that has its weights only while it computes."""

    prefix: str
    """Of its tensors' names in the network."""
    empty: Mapping[str, Tensor]
    """Its tensors on `meta`."""
    tensors: Callable[[], Tensors]
    device: torch.device
    dtype: torch.dtype

    def fetch(self, block: nn.Module, _: Any) -> None:
        """Read the weights into the block."""
        found = self.tensors()
        keys = {key: self.prefix + key for key in self.empty}
        _assign(
            block,
            {key: _loaded(name, found, self.device, self.dtype) for key, name in keys.items()},
        )

    def drop(self, block: nn.Module, *_: Any) -> None:
        """Let go of them."""
        _assign(block, self.empty)


def _is_block(name: str) -> bool:
    head, _, rest = name.partition(".")
    return name == "mid_block" or (head in ("in_blocks", "out_blocks") and rest.isdigit())


def _assign(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    module.load_state_dict(state, strict=False, assign=True)


def _loaded(key: str, tensors: Tensors, device: torch.device, dtype: torch.dtype) -> Tensor:
    name = MODULES["uvit"].ours(key)
    assert name is not None
    return tensors[name].load().to(device=device, dtype=dtype)
