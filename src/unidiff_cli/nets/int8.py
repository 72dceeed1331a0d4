"""Linear maps in whole numbers of 8 bits, for CPUs that multiply them (AVX-512 VNNI, AMX).

A weight has one step for each output, found once. An activation has one for each token, found when
it comes: so a token's result depends on no other, and a sample's bits do not depend on its batch.
Sums are exact in 32 bits. Everything else (norms, softmax, embeddings, heads, the sums between
blocks) stays in the format that the network was loaded in.

oneDNN's product is fast for unsigned activations only; of signed ones PyTorch 2.13 hands it a
reference kernel where there is no AMX, a thousand times slower. So values are shifted by a zero
point, which the product takes away again.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

ROWS = 384
"""Tokens at a time: what is made of them in float32 stays in the cache between passes."""
MIDDLE = 128
"""The zero point of values that go both ways."""
GELU_ZERO, GELU_LOW = 16, 0.17
"""Behind a GELU no value is below -0.17: with this zero point the other 239 steps are for what is
above, which makes them half as wide."""


class Int8Linear(nn.Module):
    """What takes the place of a linear map (K -> N); `gelu` says that its input comes of one."""

    def __init__(self, layer: nn.Linear, *, gelu: bool = False) -> None:
        super().__init__()
        weight = layer.weight.float()
        step = weight.abs().amax(dim=1).clamp_min(torch.finfo(torch.float32).tiny) / 127
        rounded = (weight / step[:, None]).round().to(torch.int8)
        self.packed = torch.ops.onednn.qlinear_prepack(rounded, None)
        self.step = step  # (N,)
        self.zeros = torch.zeros(len(step), dtype=torch.int32)
        self.bias = None if layer.bias is None else layer.bias.float()
        self.gelu = gelu

    def forward(self, x: Tensor, *, gelu: bool = False) -> Tensor:
        """The map of x (..., K), and the exact GELU of that if asked for, in x's dtype."""
        flat = x.reshape(-1, x.shape[-1])
        out = torch.empty(len(flat), len(self.step), dtype=x.dtype)
        for rows, into in zip(torch.split(flat, ROWS), torch.split(out, ROWS), strict=True):
            into.copy_(self._product(rows, gelu))
        return out.view(*x.shape[:-1], -1)

    def _product(self, x: Tensor, gelu: bool) -> Tensor:
        """(R, K) -> (R, N) in float32."""
        numbers, step, zero = self._whole(x.float())
        y = torch.ops.onednn.qlinear_pointwise(
            *(numbers, 1.0, zero, self.packed, self.step, self.zeros, None),
            *(1.0, 0, torch.float32, "none", [], ""),
        )
        y = y.mul_(step) if self.bias is None else torch.addcmul(self.bias, y, step, out=y)
        return torch.ops.aten.gelu_(y) if gelu else y

    def _whole(self, x: Tensor) -> tuple[Tensor, Tensor, int]:
        """x (R, K) in unsigned numbers, the step (R, 1) of each token, and what stands for 0."""
        if self.gelu:
            zero = GELU_ZERO
            step = (x.amax(dim=1, keepdim=True) / (255 - zero)).clamp_min_(GELU_LOW / zero)
        else:
            zero = MIDDLE
            step = x.abs().amax(dim=1, keepdim=True).clamp_min_(1e-12) / 127
        # To signed bytes, and the highest bit turned: PyTorch's way to unsigned ones is slow.
        signed = (x * (1 / step)).round_().add_(zero - MIDDLE).to(torch.int8)
        return signed.view(torch.uint8).bitwise_xor_(MIDDLE), step, zero


def to_int8(net: nn.Module) -> nn.Module:
    """A U-ViT whose blocks' linear maps are such maps from now on; the rest is as it was."""
    for name, module in list(net.named_modules()):
        if "blocks." in name or name.startswith("mid_block"):
            for child, layer in list(module.named_children()):
                if isinstance(layer, nn.Linear):
                    setattr(module, child, Int8Linear(layer, gelu=child == "fc2"))
    return net
