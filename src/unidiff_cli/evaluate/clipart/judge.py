"""The judge: a small convolutional network that says what is where in a picture of clip art.

It shares nothing with the models that it judges: neither weights nor network nor recipe. Its
answer is a place map of 16 x 16 cells: how likely the middle of a thing lies in each, and of which.

Axes: B batch, C channels, H W cells, F features, N nouns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE = 128
"""Pixels of a picture's side, as the judge looks at it."""
CELLS = 16
FEATURES = 96


@dataclass(frozen=True, slots=True)
class PlaceMap:
    """What the judge sees in a batch of pictures."""

    middles: Tensor
    """(B, H, W): log-odds that the middle of a thing lies in a cell."""
    nouns: Tensor
    """(B, N, H, W): log-odds of the nouns, if it does."""
    features: Tensor
    """(B, F, H, W): what the nouns are read from."""


class Norm(nn.BatchNorm2d):
    """Batch normalisation in the number format it is given: autocast would go by float32."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x)


class Block(nn.Module):
    """Two convolutions that correct what they are given."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            convolution(channels, channels), nn.ReLU(inplace=True), convolution(channels, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return F.relu(x + self.body(x))


class Judge(nn.Module):
    """Down to 4 x 4 cells, so that it sees a thing as a whole, and back up to 16 x 16."""

    def __init__(self, nouns: int, width: int = 32) -> None:
        super().__init__()
        self.start = nn.Sequential(
            nn.Conv2d(3, 2 * width, 8, 4, 2, bias=False), Norm(2 * width), nn.ReLU(inplace=True)
        )  # 32 x 32
        self.fine = nn.Sequential(Block(2 * width), down(2 * width, 4 * width), Block(4 * width))
        self.middle = nn.Sequential(down(4 * width, 6 * width), Block(6 * width))
        self.coarse = nn.Sequential(down(6 * width, 6 * width), Block(6 * width))  # 4 x 4
        self.from_middle = convolution(6 * width, 4 * width, 1)
        self.from_coarse = convolution(6 * width, 6 * width, 1)
        self.features = nn.Sequential(
            convolution(4 * width, 4 * width),
            nn.ReLU(inplace=True),
            convolution(4 * width, FEATURES),
        )
        self.middles = nn.Conv2d(4 * width, 1, 1)
        self.nouns = nn.Conv2d(FEATURES, nouns, 1)
        nn.init.constant_(cast(Tensor, self.middles.bias), -4.0)  # nearly all cells are empty

    def forward(self, pictures: Tensor) -> PlaceMap:
        """Pictures (B, 3, 128, 128) in -1..1 -> what is where."""
        middles, features = self.look(pictures)
        return PlaceMap(middles, self.nouns(features), features)

    def look(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """The map's middles and features; the nouns can then be read in some cells only."""
        fine = self.fine(self.start(pictures))
        middle = self.middle(fine)
        middle = F.relu(middle + wider(self.from_coarse(self.coarse(middle))))
        fine = F.relu(fine + wider(self.from_middle(middle)))
        return self.middles(fine)[:, 0], self.features(fine)


def convolution(inside: int, outside: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    """A convolution and the normalisation of what it gives."""
    return nn.Sequential(
        nn.Conv2d(inside, outside, size, stride, size // 2, bias=False), Norm(outside)
    )


def down(inside: int, outside: int) -> nn.Sequential:
    """To half the size."""
    return nn.Sequential(convolution(inside, outside, 3, 2), nn.ReLU(inplace=True))


def wider(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, 2 H, 2 W)."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
