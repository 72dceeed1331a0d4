"""The random model: always the same, and alive from end to end."""

from __future__ import annotations

import torch

from unidiff_cli.registry import tiny_config
from unidiff_cli.storage.layout import PARTS
from unidiff_cli.storage.open import open_checkpoint
from unidiff_cli.storage.tiny import RandomSource

FROZEN = [0.0915488, -0.0166822, -0.1701971, 0.0926309]
CPU = torch.device("cpu")


def numbers(seed: int = 0) -> torch.Tensor:
    source = RandomSource(tiny_config(), seed)
    return torch.stack(
        [stored.load().double().sum() for part in PARTS for stored in source.tensors(part).values()]
    )


def test_the_same_whatever_the_global_state() -> None:
    torch.manual_seed(1)
    first = numbers()
    torch.manual_seed(2)
    before = torch.get_rng_state()
    assert torch.equal(numbers(), first)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(numbers(seed=1), first)


def test_the_same_on_every_machine() -> None:
    """Frozen: a prompt and a seed name the same picture tomorrow."""
    weight = RandomSource(tiny_config()).tensors("uvit")["text_embed.bias"].load()
    assert weight.shape == (32,)
    torch.testing.assert_close(weight[:4], torch.tensor(FROZEN))


@torch.no_grad()
def test_pictures_are_no_flat_colour() -> None:
    checkpoint = open_checkpoint("tiny")
    uvit = checkpoint.module("uvit", CPU, torch.float32)
    vae = checkpoint.module("vae", CPU, torch.float32)
    noise = torch.Generator().manual_seed(0)
    image = torch.randn(4, 4, 4, 4, generator=noise)
    clip, text = torch.randn(4, 1, 16, generator=noise), torch.randn(4, 16, 8, generator=noise)
    out = uvit(image, clip, text, torch.full((4,), 500.0), torch.zeros(4))
    for latent in (image, out.image, 1.5 * (image - out.image)):
        picture = vae.decode(latent / 0.18215).sample  # type: ignore[operator]
        assert picture.shape == (4, 3, 32, 32)
        assert picture.isfinite().all()
        assert (picture.clamp(-1, 1).flatten(1).std(1) > 0.2).all()


@torch.no_grad()
def test_prompts_matter() -> None:
    checkpoint = open_checkpoint("tiny")
    clip = checkpoint.module("clip_text", CPU, torch.float32)
    prefix = checkpoint.module("encode_prefix", CPU, torch.float32)
    tokenizer = checkpoint.tokenizer("clip")
    ids = [tokenizer.encode(words).ids for words in ("a red fox", "a red hat")]
    assert ids[0][0] == ids[1][0] == tokenizer.token_to_id("<|startoftext|>") == 512
    assert ids[0][-1] == ids[1][-1] == tokenizer.token_to_id("<|endoftext|>") == 513
    one, other = prefix(clip(torch.tensor(ids)).last_hidden_state)
    assert (one - other).abs().max() > 0.1


def test_vocabularies() -> None:
    checkpoint = open_checkpoint("tiny")
    config = checkpoint.config
    clip, caption = checkpoint.tokenizer("clip"), checkpoint.tokenizer("caption")
    assert clip.get_vocab_size() == config.clip_text["vocab_size"]
    assert caption.get_vocab_size() == config.gpt2["vocab_size"]
    assert caption.token_to_id("<|EOS|>") == config.gpt2["vocab_size"] - 1
    for text in ("a red fox", "Zürich, 東京 🦊!", "tab\tand\nline"):
        assert caption.decode(caption.encode(text).ids) == text
