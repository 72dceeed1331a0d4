"""Linear maps in whole numbers of 8 bits, for CPUs that multiply them (AVX-512 VNNI, AMX).

A weight has one step for each output, found once. An activation has one for each token, found when
it comes: so a token's result depends on no other, and a sample's bits do not depend on its batch.
Sums are exact in 32 bits. Everything else (norms, softmax, embeddings, heads, the sums between
blocks) stays in the format that the network was loaded in.

A token's step is as coarse as its largest value. So values are first turned, 16 at a time, by a
Hadamard matrix, which spreads each over all 16, and weights are turned alike; products stay the
same (as QuaRot does, arXiv 2404.00456).

oneDNN's product is fast for unsigned activations only; of signed ones PyTorch 2.13 hands it a
reference kernel where there is no AMX, a thousand times slower. So values are shifted by a zero
point, which the product takes away again.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

ROWS = 384
"""Tokens at a time: what is made of them in float32 stays in the cache between passes."""
TURNED = 16
"""Values that are turned together; more would cost more and gain little."""
ZERO = 128
"""The unsigned number that stands for 0."""


class Int8Linear(nn.Module):
    """What takes the place of a linear map (K -> N)."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        turn = hadamard(layer.in_features)
        weight = turned(layer.weight.float(), turn)
        step = weight.abs().amax(dim=1).clamp_min(torch.finfo(torch.float32).tiny) / 127
        rounded = (weight / step[:, None]).round().to(torch.int8)
        self.packed = torch.ops.onednn.qlinear_prepack(rounded, None)
        self.step = step  # (N,)
        self.zeros = torch.zeros(len(step), dtype=torch.int32)
        self.bias = None if layer.bias is None else layer.bias.float()
        self.turn = turn.to(layer.weight.dtype)

    def forward(self, x: Tensor, *, gelu: bool = False) -> Tensor:
        """The map of x (..., K), and the exact GELU of that if asked for, in x's dtype."""
        flat = x.reshape(-1, x.shape[-1])
        out = torch.empty(len(flat), len(self.step), dtype=x.dtype)
        for rows, into in zip(torch.split(flat, ROWS), torch.split(out, ROWS), strict=True):
            into.copy_(self._product(turned(rows, self.turn), gelu))
        return out.view(*x.shape[:-1], -1)

    def _product(self, x: Tensor, gelu: bool) -> Tensor:
        """Turned values (R, K) -> (R, N) in float32."""
        numbers, step = whole(x.float())
        y = torch.ops.onednn.qlinear_pointwise(
            *(numbers, 1.0, ZERO, self.packed, self.step, self.zeros, None),
            *(1.0, 0, torch.float32, "none", [], ""),
        )
        y = y.mul_(step) if self.bias is None else torch.addcmul(self.bias, y, step, out=y)
        return torch.ops.aten.gelu_(y) if gelu else y


def hadamard(width: int) -> Tensor:
    """The symmetric, orthogonal matrix that turns as many values as divide the width, up to 16."""
    made = torch.ones(1, 1)
    while 2 * len(made) <= TURNED and width % (2 * len(made)) == 0:
        made = torch.cat([torch.cat([made, made], 1), torch.cat([made, -made], 1)])
    matrix: Tensor = made / len(made) ** 0.5
    return matrix


def turned(x: Tensor, turn: Tensor) -> Tensor:
    """x (R, K), each few of a row's values turned together."""
    made: Tensor = (x.reshape(-1, len(turn)) @ turn).view(x.shape)
    return made


def whole(x: Tensor) -> tuple[Tensor, Tensor]:
    """x (R, K) in unsigned numbers, of which `ZERO` is 0, and the step (R, 1) of each row."""
    step = x.abs().amax(dim=1, keepdim=True).clamp_min_(1e-12) / 127
    # To signed bytes, and the highest bit turned over: PyTorch is slow to make unsigned ones.
    signed = (x * (1 / step)).round_().to(torch.int8)
    return signed.view(torch.uint8).bitwise_xor_(ZERO), step


def to_int8(net: nn.Module) -> nn.Module:
    """A U-ViT whose blocks' linear maps are such maps from now on; the rest is as it was."""
    for name, module in list(net.named_modules()):
        if "blocks." in name or name.startswith("mid_block"):
            for child, layer in list(module.named_children()):
                if isinstance(layer, nn.Linear):
                    setattr(module, child, Int8Linear(layer))
    return net
