"""Resizings are those of clean-fid 0.1.35 and torch-fidelity 0.4.0, to the bit.

The values here are theirs; the tools themselves are asked where they can be imported (both need a
torchvision that fits the torch that is installed, which no package index promises).
"""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch
from PIL import Image

from unidiff_cli.cli.options.measures import Resizing
from unidiff_cli.evaluate.resizing import RESIZERS, Resize

SIZES = [(128, 128), (512, 512), (640, 427), (33, 500), (299, 299)]
WANTED: dict[tuple[Resize, tuple[int, int]], tuple[float, float, float]] = {
    ("clean", (128, 128)): (-0.4829703, 0.1700488, -0.0974559),
    ("legacy", (128, 128)): (-0.2578125, 0.0061754, 0.0703125),
    ("legacy-pytorch", (128, 128)): (-0.2549019, 0.1379559, 0.0745100),
    ("clean", (640, 427)): (0.1643940, 0.0164633, 0.0589314),
    ("legacy", (640, 427)): (-0.2578125, -0.4048281, 0.2452745),
    ("legacy-pytorch", (640, 427)): (0.3050991, -0.0200459, 0.0384299),
}


def shot(width: int, height: int) -> Image.Image:
    """Noise of one seed."""
    levels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(levels)


def test_all_can_be_chosen() -> None:
    assert set(get_args(Resizing)) == set(RESIZERS)


@pytest.mark.parametrize(("resize", "size"), WANTED)
def test_the_values_are_the_tools(resize: Resize, size: tuple[int, int]) -> None:
    found = RESIZERS[resize](shot(*size))
    assert found.shape == (1, 3, 299, 299)
    some = [found[0, c, y, x].item() for c, y, x in ((0, 0, 0), (1, 7, 290), (2, 298, 298))]
    assert some == pytest.approx(WANTED[resize, size], abs=1e-6)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", ["clean", "legacy_pytorch"])
def test_clean_fid_itself(mode: str, size: tuple[int, int]) -> None:
    tool = pytest.importorskip("cleanfid.resize")
    levels = torch.tensor(tool.build_resizer(mode)(np.asarray(shot(*size)))).permute(2, 0, 1)
    wanted = (levels - 128) / 128 if mode == "clean" else 2 * (levels / 255) - 1
    found = RESIZERS["clean" if mode == "clean" else "legacy-pytorch"](shot(*size))
    assert torch.equal(found[0], wanted)


@pytest.mark.parametrize("size", SIZES)
def test_torch_fidelity_itself(size: tuple[int, int]) -> None:
    tool = pytest.importorskip("torch_fidelity.interpolate_compat_tensorflow", exc_type=ImportError)
    levels = torch.tensor(np.asarray(shot(*size))).permute(2, 0, 1)[None].float()
    wanted = tool.interpolate_bilinear_2d_like_tensorflow1x(
        levels, size=(299, 299), align_corners=False
    )
    assert torch.equal(RESIZERS["legacy"](shot(*size)), (wanted - 128) / 128)
