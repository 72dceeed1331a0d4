"""How a picture becomes InceptionV3's 299 x 299: distances of two resizings cannot be compared.

    clean           Pillow's bicubic with antialiasing, nothing rounded: clean-fid (2104.11222)
    legacy          TensorFlow 1's bilinear inside the published network: TTUR, torch-fidelity,
                    guided-diffusion, StyleGAN; clean-fid's legacy_tensorflow
    legacy-pytorch  PyTorch's bilinear: pytorch-fid; clean-fid's legacy_pytorch

Neither of the legacy ones is antialiased: of a picture that shrinks to a third, two rows in three
are lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from unidiff_cli.codecs.image import pixels
from unidiff_cli.evaluate.inception import SIDE

Resize = Literal["clean", "legacy", "legacy-pytorch"]


def clean(picture: Image.Image) -> Tensor:
    """(1, 3, 299, 299) as the network wants it; each colour resized by itself, nothing rounded."""
    colours = [
        colour.convert("F").resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        for colour in picture.convert("RGB").split()
    ]
    raw = [torch.frombuffer(bytearray(each.tobytes()), dtype=torch.float32) for each in colours]
    return (torch.stack(raw).view(1, 3, SIDE, SIDE).clamp(0, 255) - 128) / 128


def legacy(picture: Image.Image) -> Tensor:
    """(1, 3, 299, 299) as the network wants it; the corners of first pixels lie on each other."""
    return (_stretched(_stretched(pixels(picture), 3), 2) - 128) / 128


def legacy_pytorch(picture: Image.Image) -> Tensor:
    """(1, 3, 299, 299) as the network wants it; the scale of -1..1 is pytorch-fid's too."""
    resized = F.interpolate(pixels(picture), (SIDE, SIDE), mode="bilinear", align_corners=False)
    return 2 * (resized / 255) - 1


RESIZERS: Mapping[Resize, Callable[[Image.Image], Tensor]] = {
    "clean": clean,
    "legacy": legacy,
    "legacy-pytorch": legacy_pytorch,
}


def _stretched(x: Tensor, axis: int) -> Tensor:
    """Linear along an axis: place k is read at k times the ratio of the sides."""
    length = x.shape[axis]
    places = torch.arange(SIDE) * torch.tensor(length / SIDE)
    low = places.long()
    before, after = x.index_select(axis, low), x.index_select(axis, (low + 1).clamp(max=length - 1))
    share = (places - low).view(-1, *[1] * (x.ndim - axis - 1))
    return before + (after - before) * share
