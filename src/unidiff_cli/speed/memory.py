"""How much memory is used, and running out of it told apart from other failures."""

from __future__ import annotations

from typing import Literal

import torch

Memory = Literal["auto", "low", "min"]
"""What is held at a time: all that was needed so far ("auto"), only the parts at work ("low"), or
those with the U-ViT read block by block ("min")."""

SIGNS = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "cannot allocate memory",
    "cublas_status_alloc_failed",
    "cublas_status_not_initialized",
    "cudnn_status_alloc_failed",
    "unable to find an engine to execute this computation",  # cuDNN, when no plan has the room
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
