"""The losses and sources of the VAE, of CLIP's encoders and of the captioner."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tests.storage import make

from unidiff_cli.errors import UsageError
from unidiff_cli.train import captioner, clip, draws, vae
from unidiff_cli.train.pairs import Pairs, to_tensor


@pytest.fixture
def pairs(tmp_path: Path) -> Pairs:
    """Twelve pictures of 16 px, each of one colour, with two captions each."""
    pictures = np.repeat(np.arange(12, dtype=np.uint8) * 20, 16 * 16 * 3).reshape(12, 16, 16, 3)
    np.save(tmp_path / "pictures.npy", pictures)
    rows = [{"captions": [f"thing {n}", "a thing"]} for n in range(12)]
    (tmp_path / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return Pairs.open(tmp_path)


def test_a_folder_of_pairs_is_checked(tmp_path: Path, pairs: Pairs) -> None:
    assert len(pairs) == 12
    assert pairs.captions(3) == ["thing 3", "a thing"]
    with pytest.raises(UsageError, match="not a folder of pairs"):
        Pairs.open(tmp_path / "none")
    (tmp_path / "captions.jsonl").write_text('{"captions": []}')
    with pytest.raises(UsageError, match="12 pictures and 1 captions"):
        Pairs.open(tmp_path)


def test_a_caption_may_hold_marks_that_only_some_take_for_the_end_of_a_line(
    tmp_path: Path, pairs: Pairs
) -> None:
    rows = ['{"captions": ["a\u2028fox\x85"]}'] * len(pairs)
    (tmp_path / "captions.jsonl").write_text("\n".join(rows), encoding="utf-8")
    assert Pairs.open(tmp_path).captions(3) == ["a\u2028fox\x85"]


def test_pictures_become_tensors_of_both_signs() -> None:
    picture = np.array([[[[0, 127.5, 255]]]]).astype(np.uint8)
    assert to_tensor(picture).flatten().tolist() == pytest.approx([-1, -1 / 255, 1])


def test_vae_batches_are_crops_that_depend_on_the_index(tmp_path: Path, pairs: Pairs) -> None:
    config = vae.Config(pairs=tmp_path, heldout=tmp_path, batch=4, crop=8, whole=0.5)
    source = vae.source(pairs, config, 0, torch.device("cpu"))
    shapes = {tuple(source(index).shape) for index in range(20)}
    assert shapes == {(4, 3, 8, 8), (1, 3, 16, 16)}
    assert torch.equal(source(3), source(3))


def test_psnr_of_a_known_error() -> None:
    pictures = torch.zeros(2, 3, 4, 4)
    assert vae.psnr(pictures, pictures + 0.02).tolist() == pytest.approx([40.0, 40.0])


class Perfect:
    """An autoencoder whose posterior is exact and whose decoder adds `error`."""

    def __init__(self, error: float) -> None:
        self.error = error

    def encode(self, pictures: torch.Tensor) -> SimpleNamespace:
        posterior = SimpleNamespace(
            mean=torch.zeros(1), var=torch.ones(1), logvar=torch.zeros(1), sample=lambda _: pictures
        )
        return SimpleNamespace(latent_dist=posterior)

    def decode(self, z: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(sample=z + self.error)


def test_vae_loss_is_the_weighted_sum_of_its_parts() -> None:
    config = vae.Config(pairs=Path(), heldout=Path(), squared=2.0, edges=0.3, kl=1e-4)
    generator = draws.generator("test")
    parts = vae.losses(Perfect(0.5), torch.rand(1, 3, 4, 4), generator, config)  # type: ignore[arg-type]
    assert {name: float(value) for name, value in parts.items()} == pytest.approx(
        {"absolute": 0.5, "squared": 0.25, "edges": 0.0, "kl": 0.0, "total": 1.0}, abs=1e-6
    )


def test_contrast_is_least_where_each_finds_its_own() -> None:
    ways = torch.eye(4)
    own = torch.eye(4, dtype=torch.bool)
    scale = torch.tensor(50.0)
    assert float(clip.contrast(ways, ways, scale, own)) < 1e-6
    assert float(clip.contrast(ways, ways.roll(1, 0), scale, own)) > 10


def test_equal_captions_are_no_rivals() -> None:
    """Two pictures with the same caption: half each is the best there is, and costs log 2."""
    ways = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    loss = clip.contrast(ways, ways, torch.tensor(50.0), torch.ones(2, 2, dtype=torch.bool))
    assert float(loss) == pytest.approx(np.log(2), abs=1e-6)


def test_clip_pixels_are_what_the_codec_makes() -> None:
    from PIL import Image

    from unidiff_cli.codecs import image

    rng = np.random.default_rng(0)
    smooth = np.kron(rng.integers(0, 256, (4, 4, 3)), np.ones((32, 32, 1))).astype(np.uint8)
    ours = clip.clip_pixels(to_tensor(smooth[None]), 64)
    theirs = image.clip_pixels(Image.fromarray(smooth), 64)
    assert float((ours - theirs).abs().mean()) < 0.01


WIDTHS = {"hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 2}
TEXT = {**WIDTHS, "vocab_size": 9, "num_hidden_layers": 1, "projection_dim": 4}
TRANSFORMER = {
    **WIDTHS,
    "num_hidden_layers": 1,
    "image_size": 8,
    "patch_size": 4,
    "projection_dim": 4,
}


@pytest.mark.parametrize("image", [TRANSFORMER, make.RESNET], ids=["transformer", "resnet"])
def test_encoders_go_on_from_those_of_another_run(tmp_path: Path, image: dict[str, Any]) -> None:
    first, other = (clip.TwoTowers(TEXT, image) for _ in range(2))
    config = clip.Config(
        pairs=tmp_path, heldout=tmp_path, tokenizer=tmp_path, text=TEXT, image=image
    )
    pixels = torch.randn(2, 3, image["image_size"], image["image_size"])
    first.embed_pictures(pixels)  # a ResNet's running means are learned by looking
    clip.write(first.eval(), config, tmp_path)
    clip.read("clip_text", other.text, tmp_path)
    clip.read("clip_image", other.image, tmp_path)
    assert torch.equal(other.eval().embed_pictures(pixels), first.embed_pictures(pixels))
    tokens = torch.tensor([[1, 2, 3]])
    states = [each.text(tokens).last_hidden_state for each in (first, other)]
    assert torch.equal(*states)


def test_a_share_of_the_pictures_is_shown_with_the_bare_name(pairs: Pairs, tmp_path: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = ("a", "fox", "red")
    tokenizer = Tokenizer(WordLevel({word: n for n, word in enumerate(words)}))
    tokenizer.pre_tokenizer = Whitespace()
    row = {"captions": ["red fox"], "name": "a fox"}
    many = Pairs(pairs.pictures, (row,) * len(pairs))

    def named(share: float) -> float:
        config = clip.Config(
            pairs=tmp_path,
            heldout=tmp_path,
            tokenizer=tmp_path,
            image={"image_size": 8},
            batch=400,
            cut=0,
            names=share,
        )
        tokens = clip.source(many, tokenizer, config, 0, torch.device("cpu"))(0).tokens
        return float((tokens[:, 0] == words.index("a")).float().mean())

    assert (named(0), named(1)) == (0, 1)
    assert named(0.5) == pytest.approx(0.5, abs=0.1)


def test_noise_keeps_the_variance_of_a_latent() -> None:
    latents = torch.randn(64, 16, 8, generator=draws.generator("latents"))
    for share in (0.0, 0.5, 1.0):
        shares = torch.full((64, 1, 1), share)
        noisy = captioner.mixed(latents, shares, draws.generator("noise"))
        assert float(noisy.var()) == pytest.approx(1, abs=0.05)
    assert torch.equal(captioner.mixed(latents, torch.zeros(64, 1, 1), draws.generator(1)), latents)


def test_held_out_captions_occur_once_and_are_never_drawn(pairs: Pairs) -> None:
    many = Pairs(pairs.pictures, tuple({"captions": [f"word {n}", "a thing"]} for n in range(500)))
    kept = captioner.held_out(many)
    assert 2 <= len(kept) <= 30
    assert "a thing" not in kept
    drawn: list[str] = []
    source = captioner.source(many, kept, 50, 0, lambda texts: drawn.extend(texts))  # type: ignore[arg-type,func-returns-value]
    for index in range(20):
        source(index)
    assert not kept & set(drawn)
    assert len(set(drawn)) > 100
