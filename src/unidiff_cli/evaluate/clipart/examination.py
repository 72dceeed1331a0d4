"""The examination and its judge, as they come with unidiff.

examination.json  palette, words, colours; prompts and pictures, each with its group and its claims
examination.npz   the pictures (WebP), and of all drawings that the starter learned from the judge's
                  features and a small copy
judge.*           the judge's weights, in half precision, and what it is

`recipes/starter/examination.py` makes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.evaluate.clipart import claims
from unidiff_cli.evaluate.clipart.claims import Claims
from unidiff_cli.evaluate.clipart.judge import Judge

FOLDER = Path(__file__).parent
GROUPS = ("trained", "combination", "drawing", "style")
"""Learned from; a combination never shown; a drawing never shown; a style never shown."""
THUMB = 32
"""Pixels of a side of the small copies."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is asked, in words and as claims."""

    text: str
    group: str
    asked: Claims


@dataclass(frozen=True, slots=True)
class Shot:
    """A real picture (the bytes of a file), what people may say of it, and what it shows."""

    file: bytes
    captions: tuple[str, ...]
    group: str
    shows: Claims

    @property
    def picture(self) -> Image.Image:
        """It, in RGB."""
        return Image.open(BytesIO(self.file)).convert("RGB")


@dataclass(frozen=True)
class Examination:
    """All that is asked, and what answers are held against."""

    about: Mapping[str, Any]
    prompts: tuple[Prompt, ...]
    shots: tuple[Shot, ...]
    features: NDArray[np.float32]
    """(D, F): the judge's features of the drawings that the starter learned from, of length 1."""
    thumbs: NDArray[np.uint8]
    """(D, 32, 32, 3)."""

    @classmethod
    def open(cls, folder: Path | None = None) -> Self:
        """The examination in a folder, or unidiff's own; ModelUnavailable where there is none."""
        folder = folder or FOLDER
        try:
            about = json.loads((folder / "examination.json").read_text(encoding="utf-8"))
            with np.load(folder / "examination.npz") as stored:
                arrays = {name: stored[name] for name in stored.files}
        except (OSError, ValueError) as error:
            raise _absent(folder, error) from error
        cuts = arrays["offsets"].tolist()
        files = [arrays["data"][a:b].tobytes() for a, b in pairwise(cuts)]
        shots = [
            Shot(file, tuple(one["captions"]), one["group"], Claims.from_json(one))
            for file, one in zip(files, about.pop("pictures"), strict=True)
        ]
        prompts = [
            Prompt(one["text"], one["group"], Claims.from_json(one)) for one in about.pop("prompts")
        ]
        sheet = np.asarray(Image.open(BytesIO(arrays["thumbs"].tobytes())).convert("RGB"))
        features = arrays["features"].astype(np.float32)
        return cls(about, tuple(prompts), tuple(shots), features, cut(sheet, len(features)))

    @cached_property
    def palette(self) -> dict[str, tuple[int, int, int]]:
        """The backgrounds' names, with their colours."""
        return {name: tuple(rgb) for name, rgb in self.about["palette"].items()}

    def read(self, caption: str) -> Claims:
        """What a caption tells of this world."""
        return claims.read(caption, self.about["words"], frozenset(self.about["colours"]))


def cut(sheet: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """The first tiles of a sheet, row by row: (count, 32, 32, 3)."""
    down, across = sheet.shape[0] // THUMB, sheet.shape[1] // THUMB
    tiles = sheet.reshape(down, THUMB, across, THUMB, 3).swapaxes(1, 2)
    return tiles.reshape(-1, THUMB, THUMB, 3)[:count]


def open_judge(
    folder: Path | None = None, device: torch.device | None = None
) -> tuple[Judge, dict[str, Any]]:
    """The judge in a folder, or unidiff's own, and what it is: nouns, width, accuracy.

    ModelUnavailable where there is none.
    """
    folder = folder or FOLDER
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        about = json.loads((folder / "judge.json").read_text(encoding="utf-8"))
        tensors = load_file(folder / "judge.safetensors")
        judge = Judge(len(about["nouns"]), about["width"])
        judge.load_state_dict({name: t.float() for name, t in tensors.items()}, strict=False)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise _absent(folder, error) from error
    return judge.to(device).eval().requires_grad_(False), about


def _absent(folder: Path, error: Exception) -> ModelUnavailable:
    return ModelUnavailable(
        "model.examination",
        f"The examination in {folder} is not whole ({error}).",
        "Its own comes with unidiff: install it anew, pip install --force-reinstall unidiff-cli; "
        "recipes/starter/examination.py makes others.",
    )
