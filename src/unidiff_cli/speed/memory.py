"""How much memory is used, and running out of it told apart from other failures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

if TYPE_CHECKING:
    from diffusers import AutoencoderKL

Memory = Literal["auto", "low", "min"]
"""What is held at a time: all that is needed, the parts at work, or of the U-ViT one block."""

SIGNS = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "cannot allocate memory",
    "cublas_status_alloc_failed",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the device, or the machine, had no memory left."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in SIGNS)


def release(device: torch.device) -> None:
    """Give cached memory back to the device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def tile(vae: AutoencoderKL, side: int, factor: int) -> None:
    """Let a VAE see and paint pictures above `side` pixels in tiles of that side.

    A place of its latent stands for `factor` pixels of a side. Tiles overlap by a quarter and are
    blended. Each has the statistics of its own in the VAE's GroupNorms, so such pictures differ
    from those that are made as a whole; others are the same.
    """
    vae.enable_tiling()
    vae.tile_sample_min_size = side
    vae.tile_latent_min_size = side // factor
