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

    made = rows(Encoders(), pairs, 2.0, 8, seed, 70, lambda line: None, augment)
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


def test_new_latent_channels_are_not_known_yet() -> None:
    from export import learn_channels

    from unidiff_cli.nets.uvit import UViT, UViTConfig

    sizes = {"size": 4, "patch": 2, "dim": 8, "depth": 2, "heads": 2, "text_tokens": 3}
    torch.manual_seed(0)
    narrow, wide = (UViT(UViTConfig(channels=n, data_types=0, **sizes)) for n in (2, 3))  # type: ignore[arg-type]
    narrow.initialise()
    tensors = dict(narrow.state_dict())
    learn_channels(wide, tensors)
    wide.load_state_dict(tensors)
    config = wide.config
    image, levels = torch.randn(1, 3, 4, 4), torch.tensor([500])
    clip, text = torch.randn(1, 1, config.clip_dim), torch.randn(1, 3, config.text_dim)
    few = narrow(image[:, :2], clip, text, levels, levels)
    many = wide(image, clip, text, levels, levels)
    torch.testing.assert_close(many.image[:, :2], few.image)
    assert not many.image[:, 2].any()
    torch.testing.assert_close(many.text, few.text)


def test_a_widened_autoencoder_says_what_it_said() -> None:
    from diffusers import AutoencoderKL
    from widen import widened

    sizes = {
        "down_block_types": ["DownEncoderBlock2D"] * 2,
        "up_block_types": ["UpDecoderBlock2D"] * 2,
        "block_out_channels": [8, 8],
        "norm_num_groups": 4,
        "layers_per_block": 1,
    }
    torch.manual_seed(0)
    narrow = AutoencoderKL(**sizes, latent_channels=2)
    wide = AutoencoderKL(**sizes, latent_channels=5)
    fresh = wide.state_dict()
    wide.load_state_dict(widened(narrow.state_dict(), fresh))
    picture = torch.rand(1, 3, 8, 8) * 2 - 1
    with torch.no_grad():
        few, many = (vae.encode(picture).latent_dist for vae in (narrow, wide))
        torch.testing.assert_close(many.mean[:, :2], few.mean)
        torch.testing.assert_close(many.logvar[:, :2], few.logvar)
        assert many.mean[:, 2:].abs().max() > 0
        latent = torch.cat([few.mean, torch.zeros(1, 3, 4, 4)], 1)
        torch.testing.assert_close(wide.decode(latent).sample, narrow.decode(few.mean).sample)


def test_a_grown_network_predicts_what_it_predicted() -> None:
    from grow import grown

    from unidiff_cli.nets.uvit import UViT, UViTConfig

    torch.manual_seed(0)
    config = UViTConfig(channels=2, size=4, dim=16, depth=2, heads=2, text_tokens=3, data_types=0)
    narrow = UViT(config)
    for parameter in narrow.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    wide = grown(narrow, 32)
    assert (wide.config.dim, wide.config.heads) == (32, 4)
    parts = [torch.randn(2, 2, 4, 4), torch.randn(2, 1, 512), torch.randn(2, 3, 64)]
    clean = torch.zeros(2)  # where time embeddings of all widths say the same
    with torch.no_grad():
        before, after = (net(*parts, clean, clean) for net in (narrow, wide))
    for few, many in zip(before, after, strict=True):
        torch.testing.assert_close(many, few, rtol=1e-3, atol=1e-3)
    repetition = wide.mid_block.mlp.fc1.weight[:64, :2]
    assert not torch.allclose(repetition[:, 0], repetition[:, 1])  # else they would stay equal
    assert wide.mid_block.attn.qkv.weight[16:32].abs().min() > 0  # the new heads' queries


def test_channels_are_repeated_where_their_frequency_is() -> None:
    from grow import repeated

    assert repeated(8, 16).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7]
    assert repeated(8, 10).tolist() == [0, 1, 2, 2, 3, 4, 5, 6, 6, 7]


def test_the_words_of_the_model_are_those_of_its_captions() -> None:
    from export import words

    said = ["a red fox, flat style", "a cup of coffee"]
    assert words(said) == ["a", "coffee", "cup", "flat", "fox", "of", "red", "style"]


def test_positions_are_stretched_over_a_larger_grid() -> None:
    import torch.nn.functional as F
    from export import learn_positions

    from unidiff_cli.nets.uvit import UViT, UViTConfig

    sizes = {"patch": 2, "dim": 8, "depth": 2, "heads": 2, "text_tokens": 3, "data_types": 0}
    small, large = (UViT(UViTConfig(size=size, **sizes)) for size in (4, 8))
    tensors = {"pos_embed": torch.randn(small.pos_embed.shape)}
    before = tensors["pos_embed"].clone()
    learn_positions(large, tensors)
    assert tensors["pos_embed"].shape == large.pos_embed.shape
    assert torch.equal(tensors["pos_embed"][:, :6], before[:, :6])
    square = before[:, 6:].view(1, 2, 2, 8).permute(0, 3, 1, 2)
    stretched = F.interpolate(square, (4, 4), mode="bilinear").flatten(2).transpose(1, 2)
    torch.testing.assert_close(tensors["pos_embed"][:, 6:], stretched)


def test_smaller_pictures_are_means_over_areas() -> None:
    from encode import sized

    picture = np.zeros((1, 4, 4, 3), np.uint8)
    picture[0, :2, :2] = 255
    small = sized(picture, 2)
    assert small[0, :, 0, 0].tolist() == [1, 1, 1]
    assert float(small.mean()) == -0.5


def test_a_store_is_thinned_by_what_scenes_show(tmp_path: Path, pairs: Pairs) -> None:
    from thin import chosen, sort, thin

    scenes = [
        {"relation": "", "things": [{}]},
        {"relation": "", "things": [{}, {}, {}]},
        {"relation": "above", "things": [{}, {}]},
    ]
    sorts = [sort(scenes[n % 3]) for n in range(70)]
    assert sorts[:3] == ["alone", "some", "two"]
    whole = stored(pairs, tmp_path / "whole", 0)
    kept = chosen(sorts, {"alone": 5, "some": 0, "two": None}, 11)
    assert [sorts[n] for n in kept].count("alone") == 5
    assert {n for n in range(70) if sorts[n] == "two"} < set(kept.tolist())
    assert thin(tmp_path / "whole", tmp_path / "less", kept, 70) == 2 * len(kept)
    less = store.Store.open(tmp_path / "less").rows(torch.arange(2 * len(kept)))
    both = torch.tensor([[2 * n, 2 * n + 1] for n in kept]).flatten()
    assert torch.equal(less.image, whole.rows(both).image)
    assert torch.equal(less.text, whole.rows(both).text)
    assert [*chosen(sorts, {"alone": 5, "some": 0, "two": None}, 12)] != [*kept]


def test_stores_are_joined_in_their_order(tmp_path: Path, pairs: Pairs) -> None:
    from join import join

    parts = [stored(pairs, tmp_path / str(seed), seed) for seed in (0, 1)]
    assert join([tmp_path / "0", tmp_path / "1"], tmp_path / "both") == 280
    both = store.Store.open(tmp_path / "both").rows(torch.arange(280))
    apart = [part.rows(torch.arange(140)) for part in parts]
    for name in ("image", "clip", "text"):
        assert torch.equal(getattr(both, name), torch.cat([getattr(part, name) for part in apart]))
