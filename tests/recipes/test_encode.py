"""Latents are stored once, and are the same for the same seed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from unidiff_cli.train import draws, store
from unidiff_cli.train.pairs import Pairs


class Encoders:
    """The mean of a picture with noise on it, and the length of a caption."""

    def picture(self, shots: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        means = shots.mean((1, 2, 3))[:, None, None, None].expand(-1, 2, 4, 4)
        noise = torch.randn(means.shape, generator=generator)
        return means + 0.1 * noise, means[:, 0, :1, :3]

    def text(self, captions: list[str]) -> Tensor:
        return torch.tensor([[[float(len(text))]] for text in captions])


@pytest.fixture
def pairs(tmp_path: Path) -> Pairs:
    np.save(tmp_path / "pictures.npy", np.zeros((70, 8, 8, 3), np.uint8))
    rows = [{"captions": ["a", "b" * (n + 1)]} for n in range(70)]
    (tmp_path / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return Pairs.open(tmp_path)


def stored(pairs: Pairs, folder: Path, seed: int, augment: float = 0.0) -> store.Store:
    from encode import rows

    made = rows(Encoders(), pairs, 2.0, seed, lambda line: None, augment)
    store.write(folder, made, {})
    return store.Store.open(folder)


def test_every_caption_of_a_picture_gets_a_row(tmp_path: Path, pairs: Pairs) -> None:
    every = stored(pairs, tmp_path / "store", 0).rows(torch.arange(140))
    assert every.text.flatten()[:6].tolist() == [1, 1, 1, 2, 1, 3]
    assert torch.equal(every.image[0], every.image[1])
    assert not torch.equal(every.image[1], every.image[2])
    assert float(every.image.mean()) == pytest.approx(-2, abs=0.02)


def test_the_seed_alone_decides(tmp_path: Path, pairs: Pairs) -> None:
    numbers = torch.arange(140)
    first, again, other = (
        stored(pairs, tmp_path / name, seed).rows(numbers).image
        for name, seed in (("first", 1), ("again", 1), ("other", 2))
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert draws.key(1, "encode", 0) != draws.key(2, "encode", 0)


def test_some_pictures_are_seen_as_others_might_send_them(tmp_path: Path, pairs: Pairs) -> None:
    numbers = torch.arange(0, 140, 2)  # each picture once
    plain, some, again = (
        stored(pairs, tmp_path / name, 1, share).rows(numbers).clip[:, 0, 0]
        for name, share in (("plain", 0.0), ("some", 0.5), ("again", 0.5))
    )
    assert torch.equal(some, again)
    assert torch.equal(plain, -torch.ones(70))  # all are black
    assert 20 < int((some > -0.999).sum()) < 50


def test_the_words_of_the_model_are_those_of_its_captions() -> None:
    from export import words

    said = ["a red fox, flat style", "a cup of coffee"]
    assert words(said) == ["a", "coffee", "cup", "flat", "fox", "of", "red", "style"]
