"""A picture in tiles, for the VAE: whole tiles that overlap, blended where they do.

The VAE's GroupNorms take their statistics from each tile alone, so a picture of tiles differs from
one that is made as a whole. It differs less the more of the picture a tile holds: a side is cut
only if it is longer than a tile, into as few as there can be, all of full size and evenly spaced.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from types import EllipsisType

import torch
from torch import Tensor


def starts(length: int, tile: int) -> list[int]:
    """Where tiles begin along a side; neighbours share a quarter of a tile or more."""
    if length <= tile:
        return [0]
    last = ceil((length - tile) / (tile - tile // 4))
    return [number * (length - tile) // last for number in range(last + 1)]


def tiled(
    work: Callable[[Tensor], Tensor], x: Tensor, tile: int | None, before: int = 1, after: int = 1
) -> Tensor:
    """What `work` makes of x (..., before h, before w): (..., after h, after w).

    A tile has `tile` of the h x w places a side; None is no tiles. Made of several, the result is
    in float32.
    """
    h, w = (side // before for side in x.shape[-2:])
    if tile is None or max(h, w) <= tile:
        return work(x)
    corners = [(top, left) for top in starts(h, tile) for left in starts(w, tile)]
    whole, weights = x.new_zeros(()), x.new_zeros((after * h, after * w), dtype=torch.float32)
    for top, left in corners:
        there = _place(top, left, tile, before)
        part, place = work(x[there]).float(), _place(top, left, tile, after)
        weight = _slope(part.shape[-2], part)[:, None] * _slope(part.shape[-1], part)
        if not whole.ndim:
            whole = part.new_zeros((*part.shape[:-2], *weights.shape))
        whole[place] += weight * part
        weights[place] += weight
    return whole / weights


def _place(top: int, left: int, tile: int, grain: int) -> tuple[EllipsisType, slice, slice]:
    rows, columns = (slice(grain * at, grain * (at + tile)) for at in (top, left))
    return ..., rows, columns


def _slope(length: int, like: Tensor) -> Tensor:
    """(length,): what counts along a tile's side, less towards its ends, where it sees less."""
    places = torch.arange(length, device=like.device) + 0.5
    return torch.minimum(places, length - places).clamp(max=length / 4)
