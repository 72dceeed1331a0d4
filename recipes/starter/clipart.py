"""The pictures: the built set as arrays, and the small world that the starter is taught.

A data folder holds `clipart128-webp.npz` (one lossless RGBA picture of 128 px a row) and
`clipart.jsonl.xz` (a line a row); `build.py` makes both.
"""

from __future__ import annotations

import io
import json
import lzma
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from captions import COLOURS, STYLES
from numpy.typing import NDArray
from PIL import Image

HERE = Path(__file__).parent
SIZE = 128
TRAIN = "train"


@dataclass(frozen=True, slots=True)
class Picture:
    """A row of the set: where it is, what it shows, and which split holds it."""

    row: int
    name: str
    noun: str
    vendor: str
    split: str
    colour: str  # the one colour word that was measured on it, or ""


def nouns(path: Path = HERE / "world.txt") -> dict[str, str]:
    """The small world: a thing's name in the set -> the plain noun that captions use."""
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    pairs = (line.partition(" = ") for line in lines if line and not line.startswith("#"))
    return {name: noun or name for name, _, noun in pairs}


def records(folder: Path) -> list[dict[str, object]]:
    """Every line of the set's description, in the order of its pictures."""
    with lzma.open(folder / "clipart.jsonl.xz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def small_world(
    rows: Iterable[dict[str, object]], world: dict[str, str], vendors: Iterable[str] = STYLES
) -> list[Picture]:
    """The pictures of the small world's things in the given styles, held-out ones included."""
    chosen, wanted = [], frozenset(vendors)
    for number, row in enumerate(rows):
        name, vendor = str(row["name"]), str(row["vendor"])
        if name in world and vendor in wanted and not row["tone"]:
            measured = row["colours"]
            assert isinstance(measured, list)
            colour = str(measured[0]) if len(measured) == 1 and measured[0] in COLOURS else ""
            chosen.append(Picture(number, name, world[name], vendor, str(row["split"]), colour))
    return chosen


def trained(pictures: Iterable[Picture]) -> list[Picture]:
    """Those that may be learned from: no val, no test_*."""
    return [picture for picture in pictures if picture.split == TRAIN]


def pixels(folder: Path, rows: Iterable[int]) -> NDArray[np.uint8]:
    """The pictures of some rows: (N, 128, 128, 4), colour not multiplied by alpha."""
    with np.load(folder / "clipart128-webp.npz") as archive:
        data, offsets = archive["data"], archive["offsets"]
    files = (data[offsets[row] : offsets[row + 1]].tobytes() for row in rows)
    return np.stack([np.asarray(Image.open(io.BytesIO(f)).convert("RGBA")) for f in files])
