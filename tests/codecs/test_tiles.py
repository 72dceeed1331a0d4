"""Tiles: as few as there can be, and no seam where there is nothing to see."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from unidiff_cli.codecs.tiles import starts, tiled


def test_tiles_begin_evenly_and_the_one_that_reaches_the_edge_is_the_last() -> None:
    found = {length: starts(length, 16) for length in (12, 16, 17, 24, 28, 29, 32, 64)}
    assert found[12] == found[16] == [0]
    assert (found[17], found[24], found[28]) == ([0, 1], [0, 8], [0, 12])
    assert (found[29], found[32], found[64]) == ([0, 6, 13], [0, 8, 16], [0, 12, 24, 36, 48])


@pytest.mark.parametrize(("height", "width"), [(16, 24), (17, 16), (40, 29), (8, 64)])
def test_what_does_not_look_beyond_a_place_is_the_same_in_tiles(height: int, width: int) -> None:
    seen: list[tuple[int, ...]] = []

    def larger(x: Tensor) -> Tensor:
        seen.append(tuple(x.shape[-2:]))
        return F.interpolate(2 * x, scale_factor=8)

    x = torch.randn(1, 4, height, width, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(tiled(larger, x, 16, after=8), F.interpolate(2 * x, scale_factor=8))
    assert set(seen) == {(min(height, 16), min(width, 16))}
    down = tiled(lambda y: F.avg_pool2d(y, 8), larger(x), 16, before=8)
    torch.testing.assert_close(down, 2 * x)


def test_half_precision_is_blended_in_float32() -> None:
    x = torch.randn(1, 3, 16, 24).bfloat16()
    assert tiled(lambda y: y, x, 16).dtype is torch.float32
    assert tiled(lambda y: y, x, None) is x
