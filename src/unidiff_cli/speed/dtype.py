"""Which device and which number format a run uses when the user leaves the choice."""

from __future__ import annotations

import torch

from unidiff_cli.errors import UsageError

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


def choose_device(name: str = "auto") -> torch.device:
    """The named device, or the best that is here; UsageError when it is not here."""
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next((kind for kind, found in here.items() if found), "cpu"))
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(
            f"There is no device {name!r}.", "Choose auto, cuda, mps or cpu."
        ) from None
    if device.type != "cpu" and not here.get(device.type, False):
        raise UsageError(f"This machine offers no {name} to PyTorch.", "Try --device auto.")
    return device


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """The named number format, or the fastest that keeps the pictures right on the device."""
    if name != "auto":
        if name not in DTYPES:
            raise UsageError(f"There is no dtype {name!r}.", f"Choose auto, {', '.join(DTYPES)}.")
        return DTYPES[name]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    # Half precision on MPS has a record of black pictures, and on a CPU that only emulates
    # bfloat16 it is slower than float32.
    if device.type == "cpu" and cpu_has_bf16():
        return torch.bfloat16
    return torch.float32


def cpu_has_bf16() -> bool:
    """Whether the CPU multiplies bfloat16 matrices itself."""
    features = torch.backends.cpu.get_cpu_capability()
    if not features.startswith("AVX512"):
        return False
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def safer_dtype(dtype: torch.dtype) -> torch.dtype | None:
    """What to try when numbers overflowed, or None when there is nothing safer."""
    return None if dtype is torch.float32 else torch.float32
