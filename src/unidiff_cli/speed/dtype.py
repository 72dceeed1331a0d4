"""Which device and which number format a run uses when the user leaves the choice."""

from __future__ import annotations

import torch
from torch import nn

from unidiff_cli.errors import UsageError
from unidiff_cli.nets.int8 import to_int8
from unidiff_cli.nets.products import multiplies_bf16, multiplies_int8
from unidiff_cli.nets.uvit import UViT

DTYPES = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
    "int8": torch.int8,
}
"""int8 is for the linear maps of the U-ViT's blocks; all else is in `beside(int8)` then."""
NAMES = {dtype: name for name, dtype in DTYPES.items()}
WIDE = 256
"""U-ViTs at least this wide gain from bfloat16 on a CPU that multiplies it: with AMX it is 1.0
times as fast as float32 at a width of 128, 1.8 times at 256, 4.0 times at 1536."""


def choose_device(name: str = "auto") -> torch.device:
    """The named device, or the best that is here; UsageError when it is not here."""
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next((kind for kind, found in here.items() if found), "cpu"))
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(
            "usage.choice", f"There is no device {name!r}.", "Choose auto, cuda, mps or cpu."
        ) from None
    known = device.type == "cpu" or here.get(device.type, False)
    if device.type == "cuda" and known:
        known = (device.index or 0) < torch.cuda.device_count()
    if not known:
        raise UsageError(
            "usage.device", f"This machine offers no {name} to PyTorch.", "Try --device auto."
        )
    return device


def choose_dtype(name: str, device: torch.device, width: int = WIDE) -> torch.dtype:
    """The named number format, or the fastest that keeps the pictures right on the device.

    `width` is that of the U-ViT: in a narrow one a CPU gains nothing from half the bits.
    """
    if name != "auto":
        if name not in DTYPES:
            raise UsageError(
                "usage.choice", f"There is no dtype {name!r}.", f"Choose auto, {', '.join(DTYPES)}."
            )
        if name == "int8" and not (device.type == "cpu" and multiplies_int8()):
            raise UsageError(
                "usage.device",
                "int8 is for CPUs that multiply 8-bit integers (AVX-512 VNNI).",
                "Leave out --dtype: the best number format for this machine is chosen.",
            )
        return DTYPES[name]
    if device.type == "cuda":
        # torch counts cards that only emulate bfloat16 among those that support it.
        ampere = torch.cuda.get_device_capability(device) >= (8, 0)
        return torch.bfloat16 if ampere else torch.float16
    # Half precision on MPS has a record of black pictures, and on a CPU that only emulates
    # bfloat16 it is slower than float32.
    if device.type == "cpu" and width >= WIDE and multiplies_bf16():
        return torch.bfloat16
    return torch.float32


def beside(dtype: torch.dtype) -> torch.dtype:
    """The format of what is not computed in 8 bits: `dtype` itself, unless that is int8."""
    if dtype is not torch.int8:
        return dtype
    return torch.bfloat16 if multiplies_bf16() else torch.float32


def arranged(part: str, module: nn.Module, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """The part with its weights in the order, or the 8 bits, that the device computes with fastest.

    A CPU convolves bfloat16 with the channels last in 0.55 of the time, float32 in the same time.
    """
    if isinstance(module, UViT) and dtype is torch.int8:
        return to_int8(module)
    if part == "vae" and device.type == "cpu" and beside(dtype) is torch.bfloat16:
        # PyTorch's annotations do not know that a module takes a memory format.
        return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
    return module


def safer_dtype(dtype: torch.dtype) -> torch.dtype | None:
    """What to try when numbers overflowed, or None when there is nothing safer."""
    return None if dtype is torch.float32 else torch.float32
