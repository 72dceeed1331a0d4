"""Pictures made small enough to come with the package."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unidiff_cli.evaluate.clipart.examination import THUMB

QUALITY = 88


def webp(picture: NDArray[np.uint8], quality: int = QUALITY) -> bytes:
    """(H, W, 3) as a file."""
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, "WEBP", quality=quality, method=6)
    return buffer.getvalue()


def tiled(shots: Sequence[Image.Image]) -> NDArray[np.uint8]:
    """Small copies in a sheet, row by row."""
    across = int(np.ceil(np.sqrt(len(shots))))
    sheet = np.full((THUMB * -(-len(shots) // across), THUMB * across, 3), 255, np.uint8)
    for number, shot in enumerate(shots):
        y, x = THUMB * (number // across), THUMB * (number % across)
        sheet[y : y + THUMB, x : x + THUMB] = shot.resize((THUMB, THUMB), Image.Resampling.LANCZOS)
    return sheet
