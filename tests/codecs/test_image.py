"""From numbers to pictures."""

from __future__ import annotations

import pytest
import torch

from unidiff_cli.codecs.image import picture


def test_numbers_become_colours() -> None:
    x = torch.tensor([-1.0, 0.0, 1.0, 5.0]).expand(3, 2, 4)
    assert [picture(x).getpixel((k, 0)) for k in range(4)] == [(n,) * 3 for n in (0, 128, 255, 255)]


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_one_broken_tile_leaves_no_picture(broken: float) -> None:
    x = torch.rand(3, 8, 8)
    x[:, :4, :4] = broken
    assert picture(x).getextrema() == ((0, 0),) * 3
