"""A CLIP of random weights in a folder, and pictures to look at."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from unidiff_cli.codecs.image import CLIP_MEAN, CLIP_STD
from unidiff_cli.registry import tiny_config
from unidiff_cli.storage.tiny import clip_bytes

WIDTH = 16
Pictures = Callable[..., Path]


@pytest.fixture(scope="session")
def random_clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a CLIP as transformers keeps it; its vectors have 16 numbers."""
    from transformers import CLIPConfig, CLIPModel
    from transformers.utils import logging

    folder = tmp_path_factory.mktemp("networks") / "random-clip"
    config = tiny_config()
    logging.disable_progress_bar()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = CLIPModel(
            CLIPConfig(
                text_config=dict(config.clip_text),
                vision_config=dict(config.clip_image),
                projection_dim=WIDTH,
            )
        )
    net.save_pretrained(folder)
    clip_bytes().save(str(folder / "tokenizer.json"))
    prepared = {"image_mean": CLIP_MEAN, "image_std": CLIP_STD}
    (folder / "preprocessor_config.json").write_text(json.dumps(prepared))
    return str(folder)


@pytest.fixture
def pictures() -> Pictures:
    """Makes a folder of blocks of random colours."""

    def make(folder: str, count: int, seed: int = 0, words: str = "") -> Path:
        drawing = random.Random(seed)
        Path(folder).mkdir()
        for number in range(count):
            small = Image.frombytes("RGB", (4, 4), drawing.randbytes(48))
            name = Path(folder, f"{number:03}.png")
            small.resize((40, 32), Image.Resampling.NEAREST).save(name)
            if words:
                name.with_suffix(".txt").write_text(f"{words} {number}")
        return Path(folder)

    return make
