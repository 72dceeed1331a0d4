"""InceptionV3 as the Frechet distance was published with it (arXiv 1512.00567, 1706.08500).

It differs from the network of the first paper in three things: average pooling does not count the
padding, the last block pools by the maximum, and it knows 1008 classes, which nothing here uses.
Names of tensors are those that every published copy of the weights in PyTorch has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIDE, WIDTH = 299, 2048
"""Pixels of a side that go in, numbers that come out."""

Step = tuple[str, int, tuple[int, int]]
"""A convolution: its name, channels out, height and width of the kernel."""
Pool = Literal["", "average", "maximum"]


class Conv(nn.Module):
    """Convolution, batch normalisation, ReLU."""

    def __init__(
        self, before: int, after: int, kernel: tuple[int, int], stride: int = 1, pad: bool = True
    ) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2) if pad else 0
        self.conv = nn.Conv2d(before, after, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(after, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H', W')"""
        return F.relu(self.bn(self.conv(x)))


class Mixed(nn.Module):
    """Chains of convolutions side by side, then joined; `halving` blocks have stride 2 at the end.

    A name with a star forks: its two convolutions, (1, 3) and (3, 1), read the same and are joined.
    """

    def __init__(
        self, before: int, chains: Sequence[Sequence[Step]], pool: Pool, halving: bool = False
    ) -> None:
        super().__init__()
        self.chains = [[name for name, _, _ in chain] for chain in chains]
        self.pool, self.halving = pool, halving
        for chain in chains:
            width = before
            for number, (name, after, kernel) in enumerate(chain):
                last = halving and number == len(chain) - 1
                if name.endswith("*"):
                    for letter, side in (("a", (1, 3)), ("b", (3, 1))):
                        self.add_module(f"{name[:-1]}{letter}", Conv(width, after, side))
                else:
                    self.add_module(name, Conv(width, after, kernel, 1 + last, pad=not last))
                width = after

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H', W')"""
        joined = [self._chain(names, x) for names in self.chains]
        if self.halving:
            joined.append(F.max_pool2d(x, 3, 2))
        return torch.cat(joined, 1)

    def _chain(self, names: Sequence[str], x: Tensor) -> Tensor:
        if names[0] == "branch_pool":
            if self.pool == "maximum":
                x = F.max_pool2d(x, 3, 1, 1)
            else:
                x = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        for name in names:
            if name.endswith("*"):
                x = torch.cat([self.get_submodule(name[:-1] + letter)(x) for letter in "ab"], 1)
            else:
                x = self.get_submodule(name)(x)
        return x


ONE, THREE, FIVE, ACROSS, DOWN = (1, 1), (3, 3), (5, 5), (1, 7), (7, 1)


def _a(before: int, pooled: int) -> Mixed:
    return Mixed(
        before,
        [
            [("branch1x1", 64, ONE)],
            [("branch5x5_1", 48, ONE), ("branch5x5_2", 64, FIVE)],
            [
                ("branch3x3dbl_1", 64, ONE),
                ("branch3x3dbl_2", 96, THREE),
                ("branch3x3dbl_3", 96, THREE),
            ],
            [("branch_pool", pooled, ONE)],
        ],
        "average",
    )


def _b(before: int) -> Mixed:
    double = [
        ("branch3x3dbl_1", 64, ONE),
        ("branch3x3dbl_2", 96, THREE),
        ("branch3x3dbl_3", 96, THREE),
    ]
    return Mixed(before, [[("branch3x3", 384, THREE)], double], "", halving=True)


def _c(narrow: int) -> Mixed:
    kernels = (ONE, DOWN, ACROSS, DOWN, ACROSS)
    widths = (narrow,) * 4 + (192,)
    double = [
        (f"branch7x7dbl_{number}", width, kernel)
        for number, (width, kernel) in enumerate(zip(widths, kernels, strict=True), 1)
    ]
    single = [
        ("branch7x7_1", narrow, ONE),
        ("branch7x7_2", narrow, ACROSS),
        ("branch7x7_3", 192, DOWN),
    ]
    chains = [[("branch1x1", 192, ONE)], single, double, [("branch_pool", 192, ONE)]]
    return Mixed(768, chains, "average")


def _d(before: int) -> Mixed:
    kernels = (ONE, ACROSS, DOWN, THREE)
    long = [(f"branch7x7x3_{number}", 192, kernel) for number, kernel in enumerate(kernels, 1)]
    short = [("branch3x3_1", 192, ONE), ("branch3x3_2", 320, THREE)]
    return Mixed(before, [short, long], "", halving=True)


def _e(before: int, pool: Pool) -> Mixed:
    double: list[Step] = [
        ("branch3x3dbl_1", 448, ONE),
        ("branch3x3dbl_2", 384, THREE),
        ("branch3x3dbl_3*", 384, THREE),
    ]
    single: list[Step] = [("branch3x3_1", 384, ONE), ("branch3x3_2*", 384, THREE)]
    chains = [[("branch1x1", 320, ONE)], single, double, [("branch_pool", 192, ONE)]]
    return Mixed(before, chains, pool)


class InceptionV3(nn.Module):
    """Pictures -> the 2048 numbers of the last pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Conv(3, 32, THREE, 2, pad=False)
        self.Conv2d_2a_3x3 = Conv(32, 32, THREE, pad=False)
        self.Conv2d_2b_3x3 = Conv(32, 64, THREE)
        self.Conv2d_3b_1x1 = Conv(64, 80, ONE)
        self.Conv2d_4a_3x3 = Conv(80, 192, THREE, pad=False)
        self.Mixed_5b = _a(192, 32)
        self.Mixed_5c, self.Mixed_5d = _a(256, 64), _a(288, 64)
        self.Mixed_6a = _b(288)
        self.Mixed_6b, self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = map(_c, (128, 160, 160, 192))
        self.Mixed_7a = _d(768)
        self.Mixed_7b, self.Mixed_7c = _e(1280, "average"), _e(2048, "maximum")

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, 299, 299) in -1..1 -> (B, 2048)"""
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, 2)))
        x = F.max_pool2d(x, 3, 2)
        blocks: Any = [child for name, child in self.named_children() if name.startswith("Mixed")]
        for block in blocks:
            x = block(x)
        return x.mean((2, 3))
