"""The decoder is trained alone, on latents that are off as sampled ones are."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.nets.test_autoencoder import OWN, SIZES

from unidiff_cli.errors import UsageError
from unidiff_cli.nets.autoencoder import autoencoder
from unidiff_cli.train import decoder, draws, parts
from unidiff_cli.train.decoder import Batch, Config, errors, losses
from unidiff_cli.train.report import Silent

NET = {**SIZES, "decoder": OWN}


def test_errors_are_a_picture_s_own_or_lent_and_of_any_strength() -> None:
    means, sampled = torch.zeros(400, 1, 1, 2), torch.tensor([[[[1.0, 3.0]]]]).repeat(200, 1, 1, 1)
    made = errors(means, sampled, draws.generator("errors"), 0.25)
    own, lent = made[:200, 0, 0], made[200:, 0, 0]
    torch.testing.assert_close(own[:, 1], 3 * own[:, 0])
    torch.testing.assert_close(lent[:, 0], 3 * lent[:, 1])  # mirrored
    assert made.min() == 0
    assert made.max() == 3
    for which in (own[:, 0] == 0, own[:, 0] == 1):  # a third of the other three quarters is whole
        assert float(which.float().mean()) == pytest.approx(0.25, abs=0.08)


def test_a_picture_without_errors_of_its_own_keeps_its_latent_but_for_the_lent_ones() -> None:
    means = torch.arange(4.0).view(4, 1, 1, 1)
    made = errors(means, means[:2].clone(), draws.generator("errors"), 0.0)
    assert not made.any()


class Off:
    """An autoencoder whose latents are the pictures and whose copies are off by 0.25."""

    def encode(self, pictures: torch.Tensor) -> Any:
        return SimpleNamespace(latent_dist=SimpleNamespace(mode=lambda: pictures))

    def decode(self, latents: torch.Tensor) -> Any:
        return SimpleNamespace(sample=latents + 0.25)


def test_brighter_than_white_is_no_error() -> None:
    config = Config(
        pairs=Path(), heldout=Path(), sampled=Path(), start=Path(), net={}, squared=2.0, edges=0.5
    )

    def parts_of(level: float) -> dict[str, float]:
        pictures = torch.full((2, 3, 4, 4), level)
        batch = Batch(pictures, pictures[:1])
        found = losses(Off(), batch, draws.generator("x"), config)  # type: ignore[arg-type]
        return {name: float(value) for name, value in found.items()}

    assert parts_of(1.0)["total"] == 0
    assert parts_of(-1.0)["absolute"] == 0.25  # brighter than black is one
    assert parts_of(0.5) == {"absolute": 0.25, "squared": 0.0625, "edges": 0.0, "total": 0.375}


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    """The table of a tiny decoder's training."""
    for name, count in (("pairs", 6), ("sampled", 3)):
        (tmp_path / name).mkdir()
        pictures = np.random.default_rng(count).integers(0, 256, (count, 8, 8, 3), np.uint8)
        np.save(tmp_path / name / "pictures.npy", pictures)
        rows = "\n".join([json.dumps({"captions": ["a fox"]})] * count)
        (tmp_path / name / "captions.jsonl").write_text(rows)
    np.save(tmp_path / "sampled" / "latents.npy", np.ones((3, 3, 4, 4), np.float32))
    torch.manual_seed(0)
    save_file(autoencoder(NET).state_dict(), tmp_path / "start.safetensors")
    folders = {"pairs": "pairs", "heldout": "pairs", "sampled": "sampled"}
    paths = {name: str(tmp_path / folder) for name, folder in folders.items()}
    return {
        "kind": "decoder",
        **paths,
        "start": str(tmp_path / "start.safetensors"),
        "net": NET,
        "batch": 3,
    }


def test_all_but_the_decoder_stays_bit_for_bit(tmp_path: Path, config: dict[str, Any]) -> None:
    plan = parts.plan(config, {"steps": 3, "sample_every": 3, "ema_decay": 0.0})
    parts.train(plan, tmp_path / "run", torch.device("cpu"), Silent())
    before, after = (
        load_file(path)
        for path in (tmp_path / "start.safetensors", tmp_path / "run/vae.safetensors")
    )
    moved = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"decoder", "post_quant_conv"}
    assert json.loads((tmp_path / "run" / "vae.json").read_text()) == NET
    assert "heldout_psnr" in (tmp_path / "run" / "log.jsonl").read_text()


def test_sampled_latents_belong_to_their_pictures(tmp_path: Path, config: dict[str, Any]) -> None:
    sampled = tmp_path / "sampled"
    assert decoder.sampled_latents(sampled, 3).shape == (3, 3, 4, 4)
    with pytest.raises(UsageError, match="4 pictures and 3 latents"):
        decoder.sampled_latents(sampled, 4)
    with pytest.raises(UsageError, match="no sampled latents"):
        decoder.sampled_latents(tmp_path / "pairs", 6)
