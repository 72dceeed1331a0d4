"""Low-rank adapters in a U-ViT (LoRA, arXiv 2106.09685), through peft."""

from __future__ import annotations

from typing import Any

from unidiff_cli.errors import UsageError
from unidiff_cli.nets.uvit import UViT

LINEAR_MAPS = r".*\.(attn\.qkv|attn\.proj|mlp\.fc1|mlp\.fc2|skip_linear)"


def adapt(net: UViT, rank: int) -> Any:
    """`net` with adapters of this rank at every linear map of its blocks; only these learn.

    They begin as zero, so the result is at first that of `net`.
    """
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise UsageError(
            "usage.needs-package",
            "LoRA needs the package peft.",
            "Install it with: pip install 'unidiff-cli[lora]'",
        ) from error
    config = LoraConfig(r=rank, lora_alpha=rank, target_modules=LINEAR_MAPS)
    return get_peft_model(net, config)


def merge(adapted: Any) -> UViT:
    """The network itself, with what the adapters learned added to its weights."""
    merged: UViT = adapted.merge_and_unload()
    return merged
