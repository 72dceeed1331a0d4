"""Linear maps and attention, by the library that does them best on this CPU.

On a GPU, and wherever gradients are taken, they are PyTorch's own. What is chosen depends on the
processor and on shapes, never on a measurement, so a machine gives the same bits every time.

Axes: L tokens, D width, d width of a head.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unidiff_cli.nets.int8 import Int8Linear

LONG = 512
"""From this many tokens on, bfloat16 attention without AMX is faster one head at a time."""


@cache
def features() -> dict[str, Any]:
    """What PyTorch says of this CPU; nothing where it is too old to tell."""
    ask = getattr(torch.cpu, "get_capabilities", None)
    return dict(ask()) if ask is not None else {}


def multiplies_bf16() -> bool:
    """Whether the CPU multiplies bfloat16 matrices itself."""
    return bool(features().get("amx_bf16") or features().get("avx512_bf16"))


def multiplies_int8() -> bool:
    """Whether the CPU multiplies integers of 8 bits, and PyTorch has the product for it."""
    return bool(features().get("avx512_vnni")) and hasattr(torch.ops.onednn, "qlinear_prepack")


@cache
def onednn(dtype: torch.dtype) -> bool:
    """Whether oneDNN, called directly, is the better library for linear maps of this dtype.

    In bfloat16 PyTorch calls it too, but adds the bias and takes the GELU in passes of their own.
    In float32 PyTorch calls MKL, which reaches the peak of Intel's CPUs and stays far below AMD's.
    """
    if not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return False
    if dtype is torch.bfloat16:
        return multiplies_bf16()
    return dtype is torch.float32 and "AMD" in str(features().get("cpu_name"))


def linear(x: Tensor, layer: nn.Module, *, gelu: bool = False) -> Tensor:
    """The layer's linear map of x (..., D), and the exact GELU of that if asked for.

    Only a plain nn.Linear is taken apart: an adapter around one does more than its weight says.
    """
    if isinstance(layer, Int8Linear):
        return layer.forward(x, gelu=gelu)
    cpu = x.device.type == "cpu" and not torch.is_grad_enabled()
    if type(layer) is nn.Linear and cpu and layer.weight.dtype is x.dtype and onednn(x.dtype):
        then, how = ("gelu", "none") if gelu else ("none", "")
        fused: Tensor = torch.ops.mkldnn._linear_pointwise(
            x, layer.weight, layer.bias, then, [], how
        )
        return fused
    y: Tensor = layer(x)
    return F.gelu(y) if gelu else y


def few(x: Tensor, weight: Tensor) -> Tensor:
    """x (B, n, D) times the weight (V, D), for few rows x and a large V, in float32.

    There oneDNN takes 0.6 of MKL's time, and the bits of a sample do not depend on the batch, as
    with MKL they do.
    """
    if x.device.type == "cpu" and hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        made: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")
        return made
    return F.linear(x, weight)


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """softmax(q k^T / sqrt(d)) v, all (B, heads, L, d).

    Training on a CPU uses plain matrix products instead of the fused function: at 83 tokens the
    backward pass of the latter takes 40% of a step, and a step without it 0.6 of the time.
    """
    if q.device.type == "cpu" and q.requires_grad:
        return _attend_plainly(q, k, v)
    if by_head(q):
        return _attend_by_head(q, k, v)
    return F.scaled_dot_product_attention(q, k, v)


def by_head(q: Tensor) -> bool:
    """Whether one head at a time is faster: without AMX the fused function is slow in bfloat16."""
    long = q.device.type == "cpu" and q.dtype is torch.bfloat16 and q.shape[-2] >= LONG
    return long and not features().get("amx_bf16") and bool(features().get("avx512_bf16"))


def _attend_plainly(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    q, k, v = (each.contiguous() for each in (q, k, v))  # once, instead of at every product
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
    mixed: Tensor = scores.softmax(dim=-1, dtype=v.dtype) @ v
    return mixed


def _attend_by_head(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """One head after the other, so that its scores (L, L) stay in the cache between products."""
    B, heads, L, d = q.shape
    out = torch.empty(B, L, heads, d, dtype=q.dtype)  # as the next linear map reads it
    q, k = q * d**-0.5, k.transpose(-2, -1)
    for b in range(B):
        for h in range(heads):
            out[b, :, h] = (q[b, h] @ k[b, h]).softmax(dim=-1) @ v[b, h]
    return out.transpose(1, 2)
