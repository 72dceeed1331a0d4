"""A U-ViT of which only one block is held: the others wait in the file.

A block's weights are read, used, and let go of at every evaluation. On a CPU that costs little
beside the arithmetic, since the file stays in the system's cache as long as there is room.
"""

from __future__ import annotations

from collections.abc import Callable
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
    first = tensors()
    check("uvit", expected("uvit", net), first)
    blocks = {name: block for name, block in net.named_modules() if _is_block(name)}
    outside = [
        key for key in net.state_dict() if not any(key.startswith(f"{name}.") for name in blocks)
    ]
    _assign(net, {key: _loaded(key, first, device, dtype) for key in outside})
    for name, block in blocks.items():
        empty = block.state_dict()

        def fetch(
            block: nn.Module, _: Any, name: str = name, keys: tuple[str, ...] = tuple(empty)
        ) -> None:
            found = tensors()
            state = {key: _loaded(f"{name}.{key}", found, device, dtype) for key in keys}
            _assign(block, state)

        def drop(block: nn.Module, *_: Any, empty: dict[str, Tensor] = empty) -> None:
            _assign(block, empty)

        block.register_forward_pre_hook(fetch)
        block.register_forward_hook(drop, always_call=True)
    return net


def _assign(module: nn.Module, state: dict[str, Tensor]) -> None:
    module.load_state_dict(state, strict=False, assign=True)


def _is_block(name: str) -> bool:
    head, _, rest = name.partition(".")
    return name == "mid_block" or (head in ("in_blocks", "out_blocks") and rest.isdigit())


def _loaded(key: str, tensors: Tensors, device: torch.device, dtype: torch.dtype) -> Tensor:
    name = MODULES["uvit"].ours(key)
    assert name is not None
    return tensors[name].load().to(device=device, dtype=dtype)
