"""Pictures that the judge learns from: things anywhere, in any colours, as anyone might draw them.

They are wilder than those of `scenes.py`, and made in batches on the device: the judge has to know
a thing however a model paints it, and in drawings that it never saw.

Axes: B batch, K things in it, H W pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from clipart import SIZE
from numpy.typing import NDArray
from scenes import PLAIN
from torch import Tensor

from unidiff_cli.train.pairs import draws

LUMINANCE = (0.299, 0.587, 0.114)
LAYOUTS = (  # the middles of several things, in parts of a side
    ((0.26, 0.5), (0.74, 0.5)),
    ((0.5, 0.26), (0.5, 0.74)),
    ((0.27, 0.27), (0.73, 0.73)),
    ((0.27, 0.73), (0.73, 0.27)),
    ((0.5, 0.25), (0.25, 0.75), (0.75, 0.75)),
    ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)),
)
ALONE, ALIKE = 0.4, 0.2  # shares of the pictures: with one thing; with several of one kind
RECOLOURED = 0.4  # share of the things that `scenes.recoloured` was given, where there are some


@dataclass(frozen=True, slots=True)
class Placed:
    """Things in a batch: whose picture, which art, where and how; a number for each of K."""

    picture: Tensor  # (K,) which of the batch
    art: Tensor  # (K,)
    x: Tensor  # (K,) the middle, in parts of the side
    y: Tensor
    scale: Tensor  # (K,) of the art's side in the picture's
    turn: Tensor  # (K,) radians
    stretch: Tensor  # (K,) width to height
    mirror: Tensor  # (K,) 1 or -1
    paint: Tensor  # (K, 3, 4) what becomes of its colours


@dataclass(frozen=True, slots=True)
class Shown:
    """A batch to be judged, and what is right."""

    pictures: Tensor  # (B, 3, H, W) in -1..1
    things: Placed
    nouns: Tensor  # (K,)


class Composer:
    """Makes batches of the art (N, 128, 128, 4), whose rows show the nouns of those numbers.

    Of the rows the first `drawings` (all, if not told) are as they were drawn, the rest are some of
    them in other colours.
    """

    def __init__(
        self,
        art: NDArray[np.uint8],
        nouns: NDArray[np.int64],
        device: torch.device,
        drawings: int | None = None,
    ):
        whole = torch.from_numpy(art).permute(0, 3, 1, 2).to(device)
        alpha = whole[:, 3:]
        self.art = torch.cat([(whole[:, :3].float() * (alpha / 255)).byte(), alpha], 1)
        self.half = F.avg_pool2d(self.art.float(), 2).byte()  # small things do not alias
        self.nouns = torch.from_numpy(nouns).to(device)
        self.drawings = len(art) if drawings is None else drawings
        self.device = device

    def batch(self, size: int, seed: int, index: int) -> Shown:
        """Batch `index`, of (seed, index) alone."""
        rng = draws(seed, index)
        things = self._place(rng, size)
        canvas = torch.from_numpy(backgrounds(rng, size)).to(self.device)
        inked = torch.from_numpy(rng.random(size) < 0.12).to(self.device)
        pictures = damaged(self._paste(canvas, things, inked), rng)
        return Shown(pictures * 2 - 1, things, self.nouns[things.art])

    def plain(self, rows: Tensor) -> Shown:
        """Each row of the art alone on white, as it is drawn."""
        ones = torch.ones(len(rows), device=self.device)
        paint = torch.eye(3, 4, device=self.device).expand(len(rows), 3, 4)
        number = torch.arange(len(rows), device=self.device)
        half = ones / 2
        things = Placed(number, rows, half, half, ones, 0 * ones, ones, ones, paint)
        canvas = ones.view(-1, 1, 1, 1).expand(-1, 3, SIZE, SIZE).clone()
        pictures = self._paste(canvas, things, torch.zeros_like(ones, dtype=torch.bool))
        return Shown(pictures * 2 - 1, things, self.nouns[rows])

    def _any(self, rng: np.random.Generator) -> int:
        """A row."""
        if self.drawings < len(self.art) and rng.random() < RECOLOURED:
            return int(rng.integers(self.drawings, len(self.art)))
        return int(rng.integers(self.drawings))

    def _place(self, rng: np.random.Generator, size: int) -> Placed:
        rows = []
        for picture in range(size):
            kind = rng.random()
            paint = painting(rng)
            art = self._any(rng)
            if kind < ALONE:
                small = rng.random() < 0.35
                scale = float(rng.uniform(0.35, 0.8) if small else rng.uniform(0.85, 1.08))
                play = max(0.06, (1 - scale) / 2)
                x, y = 0.5 + rng.uniform(-play, play, 2)
                rows.append((picture, art, x, y, scale, paint))
                continue
            layout = LAYOUTS[int(rng.integers(len(LAYOUTS)))]
            scale = float(rng.uniform(0.38, 0.52))
            for x, y in layout:
                if kind > ALONE + ALIKE:
                    art, paint = self._any(rng), painting(rng)
                x, y = np.array((x, y)) + rng.uniform(-0.04, 0.04, 2)
                rows.append((picture, art, x, y, scale, paint))
        picture, art, x, y, scale, paint = zip(*rows, strict=True)
        count = len(rows)
        wild = rng.random(count) < 0.15
        numbers = {
            "x": x,
            "y": y,
            "scale": scale,
            "turn": rng.normal(0, np.where(wild, 0.4, 0.08)),
            "stretch": np.exp(rng.normal(0, 0.07, count)),
            "mirror": np.where(rng.random(count) < 0.3, -1, 1),
            "paint": np.stack(paint),
        }
        tensors = {
            name: torch.tensor(np.asarray(value), dtype=torch.float32, device=self.device)
            for name, value in numbers.items()
        }
        where = torch.tensor(picture, device=self.device)
        return Placed(where, torch.tensor(art, device=self.device), **tensors)

    def _paste(self, canvas: Tensor, things: Placed, inked: Tensor) -> Tensor:
        """The canvas (B, 3, H, W) in 0..1 with the things on it; the `inked` ones outlined."""
        rgba = self._drawn(things)
        alpha = rgba[:, 3:].clone()
        outlined = inked[things.picture]
        if outlined.any():
            alpha[outlined] = F.max_pool2d(alpha[outlined], 5, 1, 2)
        slot = torch.cat([torch.zeros_like(things.picture[:1]), things.picture.diff() == 0])
        first = torch.arange(len(slot), device=self.device) * (slot == 0)
        slot = torch.arange(len(slot), device=self.device) - first.cummax(0).values
        for turn in range(int(slot.max()) + 1):
            now = slot == turn
            where = things.picture[now]
            canvas[where] = canvas[where] * (1 - alpha[now]) + rgba[now, :3]
        return canvas

    def _drawn(self, things: Placed) -> Tensor:
        """Each thing in its colours and place, (K, 4, H, W), premultiplied by alpha."""
        found = torch.empty(len(things.art), 4, SIZE, SIZE, device=self.device)
        cos, sin = things.turn.cos(), things.turn.sin()
        across = things.mirror / (things.scale * things.stretch.sqrt())
        up = things.stretch.sqrt() / things.scale
        dx, dy = 2 * things.x - 1, 2 * things.y - 1
        upper = torch.stack([cos, sin, -cos * dx - sin * dy], -1) * across[:, None]
        lower = torch.stack([-sin, cos, sin * dx - cos * dy], -1) * up[:, None]
        theta = torch.stack([upper, lower], 1)  # (K, 2, 3)
        for small, source in ((False, self.art), (True, self.half)):
            chosen = (things.scale < 0.6) == small
            if chosen.any():
                grid = F.affine_grid(theta[chosen], [int(chosen.sum()), 4, SIZE, SIZE], False)
                art = source[things.art[chosen]].float() / 255
                found[chosen] = F.grid_sample(art, grid, align_corners=False)
        alpha = found[:, 3:]
        mixed = things.paint[:, :, :3] @ found[:, :3].flatten(2)
        rgb = mixed.view_as(found[:, :3]) + things.paint[:, :, 3, None, None] * alpha
        return torch.cat([rgb.clamp(min=0).minimum(alpha), alpha], 1)


def painting(rng: np.random.Generator) -> NDArray[np.float64]:
    """What becomes of a thing's colours, (3, 4): often nothing, else hue, saturation and light."""
    gray = np.tile(LUMINANCE, (3, 1))
    matrix, light = np.eye(3), np.zeros(3)
    if rng.random() < 0.6:
        angle = rng.uniform(-math.pi, math.pi) if rng.random() < 0.6 else rng.normal(0, 0.2)
        matrix = turned(angle) @ (gray + rng.uniform(0.3, 1.4) * (np.eye(3) - gray))
        matrix = matrix * rng.uniform(0.75, 1.2)
        light = np.full(3, rng.uniform(-0.1, 0.12))
    elif rng.random() < 0.1:
        matrix = gray
    return np.concatenate([matrix, light[:, None]], 1)


def turned(angle: float) -> NDArray[np.float64]:
    """A turn of hues by an angle, which leaves grays alone: about the diagonal of the cube."""
    cos, sin = math.cos(angle), math.sin(angle)
    third, root = (1 - cos) / 3, sin / math.sqrt(3)
    a, b, c = cos + third, third - root, third + root
    return np.array([[a, b, c], [c, a, b], [b, c, a]])


def backgrounds(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    """(B, 3, H, W) in 0..1: white, the named ones, any other, or from one colour to another."""
    named = np.array(list(PLAIN.values())) / 255
    kind = rng.random((size, 1))
    one = np.where(kind < 0.35, 1.0, named[rng.integers(len(named), size=size)])
    one = np.where(kind > 0.75, rng.random((size, 3)), one) + rng.normal(0, 0.02, (size, 3))
    other = np.where(kind > 0.93, rng.random((size, 3)), one)
    share = np.linspace(0, 1, SIZE, dtype=np.float32)[:, None] * np.ones(SIZE, np.float32)
    canvas = one[:, :, None, None] * (1 - share) + other[:, :, None, None] * share
    return np.clip(canvas, 0, 1).astype(np.float32)


def damaged(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Pictures (B, 3, H, W) in 0..1 as an autoencoder, a file or a sampler leaves them."""
    count = len(pictures)
    for blur in (soft, small, blocks):
        chosen = torch.from_numpy(rng.random(count) < 0.25).to(pictures.device)
        if chosen.any():
            strength = float(rng.random())
            pictures[chosen] = blur(pictures[chosen], strength)
    level = np.where(rng.random(count) < 0.3, rng.uniform(0, 0.08, count), 0).astype(np.float32)
    coarse = rng.standard_normal((count, 3, SIZE // 4, SIZE // 4), np.float32)
    noise = F.interpolate(torch.from_numpy(coarse * level[:, None, None, None]), scale_factor=4.0)
    return (pictures + noise.to(pictures.device)).clamp(0, 1)


def soft(pictures: Tensor, strength: float) -> Tensor:
    """Blurred by a Gaussian of up to 1.5 pixels."""
    at = torch.arange(-3, 4, device=pictures.device)
    kernel = torch.exp(-(at**2) / (2 * (0.4 + 1.1 * strength) ** 2))
    kernel = (kernel / kernel.sum()).expand(3, 1, 1, 7)
    across = F.conv2d(F.pad(pictures, (3, 3, 0, 0), "replicate"), kernel, groups=3)
    return F.conv2d(F.pad(across, (0, 0, 3, 3), "replicate"), kernel.mT, groups=3)


def small(pictures: Tensor, strength: float) -> Tensor:
    """Made smaller, to 48 pixels at least, and larger again."""
    side = round(SIZE - 80 * strength)
    less = F.interpolate(pictures, (side, side), mode="bilinear", antialias=True)
    return F.interpolate(less, (SIZE, SIZE), mode="bilinear")


def blocks(pictures: Tensor, strength: float) -> Tensor:
    """Rounded in the frequencies of 8 x 8 blocks, the high ones more, as JPEG does."""
    k = torch.arange(8, device=pictures.device)
    cosines = torch.cos(math.pi / 8 * (k + 0.5) * k[:, None]) / 2
    cosines[0] /= math.sqrt(2)
    step = (0.01 + 0.05 * strength) * (1 + k + k[:, None]) / 2
    parts = pictures.unflatten(2, (-1, 8)).unflatten(4, (-1, 8)).transpose(3, 4)
    parts = cosines @ parts @ cosines.T
    parts = (parts / step).round() * step
    return (cosines.T @ parts @ cosines).transpose(3, 4).reshape(pictures.shape)
