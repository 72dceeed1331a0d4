"""The captioner's teacher forcing, its trees, and that a sample has the same bits in any batch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from unidiff_cli.nets.captioner import Captioner, Trees, pad

LENGTH, CLIP_DIM, TEXT_DIM, VOCABULARY = 11, 8, 6, 53


def tiny(seed: int = 0, **sizes: int) -> Captioner:
    """A random captioner whose choices are not all alike."""
    torch.manual_seed(seed)
    gpt2 = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 90, "vocab_size": VOCABULARY}
    captioner = Captioner({**gpt2, **sizes}, CLIP_DIM, TEXT_DIM).eval()
    with torch.no_grad():
        for parameter in captioner.parameters():
            parameter.add_(0.25 * torch.randn_like(parameter))
    return captioner.requires_grad_(False)


def latents(count: int, seed: int = 1) -> Tensor:
    return torch.randn(count, LENGTH, TEXT_DIM, generator=torch.Generator().manual_seed(seed))


def test_the_activation_is_gelu_new_whatever_the_config_says() -> None:
    captioner = Captioner(
        {"n_embd": 8, "n_layer": 1, "n_head": 1, "activation_function": "gelu"}, 4, 4
    )
    assert captioner.gpt.config.activation_function == "gelu_new"


def test_keys_are_the_published_ones() -> None:
    names = set(tiny().state_dict())
    assert {name.split(".")[0] for name in names} == {"encode_prefix", "decode_prefix", "gpt"}
    assert "gpt.transformer.h.1.attn.c_attn.weight" in names
    assert "gpt.lm_head.weight" in names
    assert len(names) == 4 + 2 * 12 + 2 + 2 + 1


def test_a_logit_sees_the_latent_and_the_tokens_before_it_only() -> None:
    captioner, latent = tiny(), latents(2)
    tokens = torch.randint(VOCABULARY, (2, 7))
    changed = tokens.clone()
    changed[:, 4] = (changed[:, 4] + 1) % VOCABULARY
    before, after = captioner(latent, tokens), captioner(latent, changed)
    assert before.shape == (2, 7, VOCABULARY)
    assert torch.equal(before[:, :5], after[:, :5])
    assert (before[:, 5:] - after[:, 5:]).abs().min(1).values.max() > 0
    assert (before - captioner(latent + 0.1, tokens)).abs().max() > 1e-3


def test_trees_read_what_teacher_forcing_reads() -> None:
    captioner, latent = tiny(), latents(3)
    tokens = torch.randint(VOCABULARY, (3, 12))
    trees = Trees(captioner)
    step = [trees.root(latent)]
    step += [trees.grow(torch.zeros(3, 1, dtype=torch.long), tokens[:, t, None]) for t in range(11)]
    torch.testing.assert_close(torch.cat(step, 1), captioner(latent, tokens), atol=2e-5, rtol=1e-5)


def test_scores_are_float32_where_all_else_is_bfloat16() -> None:
    captioner, latent = tiny().bfloat16(), latents(2)
    logits = Trees(captioner).root(latent)
    assert logits.dtype is torch.float32
    assert (logits != logits.bfloat16()).float().mean() > 0.9  # none went through half precision


def test_paths_of_a_tree_do_not_see_each_other() -> None:
    captioner, latent = tiny(), latents(2)
    trees = Trees(captioner)
    trees.root(latent)
    grown = torch.empty(2, 3, 0, dtype=torch.long)
    for _ in range(6):
        source = torch.randint(3 if grown.shape[2] else 1, (2, 3))
        tokens = torch.randint(VOCABULARY, (2, 3))
        if grown.shape[2]:
            grown = grown.gather(1, source[..., None].expand_as(grown))
        grown = torch.cat([grown, tokens[..., None]], dim=2)
        logits = trees.grow(source, tokens)
    for path in range(3):
        more = torch.cat([grown[:, path], torch.zeros(2, 1, dtype=torch.long)], dim=1)
        expected = captioner(latent, more)[:, -1]
        torch.testing.assert_close(logits[:, path], expected, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("width", [1, 5])
@pytest.mark.parametrize(("n_embd", "n_head", "vocab_size"), [(16, 2, 53), (64, 4, 97)])
def test_a_sample_has_the_same_bits_in_any_batch(
    dtype: torch.dtype, width: int, n_embd: int, n_head: int, vocab_size: int
) -> None:
    captioner = tiny(n_embd=n_embd, n_head=n_head, vocab_size=vocab_size).to(dtype)
    latent = latents(9)
    tokens = torch.randint(vocab_size, (3, 9, width))
    source = torch.randint(width, (3, 9, width))
    source[0] = 0

    def logits(rows: slice) -> Tensor:
        trees = Trees(captioner)
        seen = [trees.root(latent[rows]).expand(-1, width, -1)]
        seen += [trees.grow(s[rows], t[rows]) for s, t in zip(source, tokens, strict=True)]
        return torch.stack(seen)

    alone = torch.cat([logits(slice(k, k + 1)) for k in range(9)], dim=1)
    for batch in range(1, 10):
        assert torch.equal(logits(slice(0, batch)), alone[:, :batch]), batch


def test_a_sample_does_not_notice_that_others_left() -> None:
    captioner, latent = tiny(), latents(4)
    tokens, stay = torch.randint(VOCABULARY, (5, 4, 5)), torch.tensor([1, 3])
    source = torch.zeros(4, 5, dtype=torch.long)
    all_of_them, some = Trees(captioner), Trees(captioner)
    all_of_them.root(latent)
    some.root(latent)
    some.keep(stay)
    for token in tokens:
        expected = all_of_them.grow(source, token)[stay]
        assert torch.equal(some.grow(source[stay], token[stay]), expected)


def test_padding_fills_up_with_the_last_row() -> None:
    rows = torch.arange(5)[None, :, None]
    assert pad(rows)[0, :, 0].tolist() == [0, 1, 2, 3, 4, 4, 4, 4]
    assert torch.equal(pad(rows.repeat(1, 8, 1)), rows.repeat(1, 8, 1))
