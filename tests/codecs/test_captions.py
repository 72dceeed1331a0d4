"""Captions: the published search written out plainly, diffusers' own, and the nucleus."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordLevel
from torch import Tensor

from tests.nets.test_captioner import CLIP_DIM, LENGTH, TEXT_DIM, VOCABULARY, latents, tiny
from unidiff_cli.codecs.captions import (
    BEAMS,
    EOS,
    MAX_TOKENS,
    Beams,
    Nucleus,
    decode_captions,
    grow_all,
)
from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.nets.captioner import Captioner, Trees

CASES = 60


def tokenizer(end: int = VOCABULARY - 1) -> Tokenizer:
    """Token n is the word "wn"; one of them ends a caption."""
    words = {f"w{n}": n for n in range(VOCABULARY) if n != end}
    made = Tokenizer(WordLevel({**words, EOS: end}, unk_token="w0"))
    made.add_special_tokens([AddedToken(EOS, special=True)])
    return made


def case(number: int) -> tuple[Captioner, int]:
    """A random captioner that ends its captions early, now and then or never."""
    captioner = tiny(number, n_positions=LENGTH + 20)
    end = VOCABULARY - 1
    pull = (0.0, 0.6, 1.2, 2.5)[number % 4]
    with torch.no_grad():
        # Hidden states are normed: their mean direction is the last norm's bias.
        bias = captioner.gpt.transformer.ln_f.bias
        captioner.gpt.transformer.wte.weight[end] += pull * bias / bias.square().sum()
    return captioner, end


def plain_beam_search(captioner: Captioner, latent: Tensor, end: int, room: int) -> list[int]:
    """One sample; everything is read anew for each token."""
    prefix = captioner.decode_prefix(latent)

    def log_probabilities(beams: list[list[int]]) -> list[list[float]]:
        words = captioner.embed(torch.tensor(beams, dtype=torch.long))
        read = torch.cat([prefix.expand(len(beams), -1, -1), words], dim=1)
        return captioner.gpt(inputs_embeds=read).logits[:, -1].softmax(-1).log().tolist()

    (first,) = log_probabilities([[]])
    best = sorted(range(len(first)), key=lambda v: -first[v])[:BEAMS]
    beams = [([v], first[v], 1, v == end) for v in best]
    for _ in range(room - 1):
        if all(stopped for *_, stopped in beams):
            break
        candidates = []
        read = log_probabilities([tokens for tokens, *_ in beams])
        for (tokens, score, length, stopped), logp in zip(beams, read, strict=True):
            if stopped:
                candidates.append((score / length, [*tokens, 0], length, True))
            else:
                candidates += [
                    ((score + logp[v]) / (length + 1), [*tokens, v], length + 1, v == end)
                    for v in range(VOCABULARY)
                ]
        candidates.sort(key=lambda candidate: -candidate[0])
        beams = [(t, mean * n, n, stopped) for mean, t, n, stopped in candidates[:BEAMS]]
    tokens, _, length, _ = max(beams, key=lambda beam: beam[1] / beam[2])
    return tokens[:length]


def search(captioner: Captioner, latent: Tensor, end: int, room: int) -> list[list[int]]:
    trees = Trees(captioner)
    with torch.inference_mode():
        return grow_all(trees, Beams.begin(trees.root(latent)[:, 0], end), room)


def test_the_search_is_the_published_one() -> None:
    lengths = Counter()
    for number in range(CASES):
        captioner, end = case(number)
        room = 13 if number % 2 else 8
        latent = latents(1, seed=number)
        with torch.no_grad():
            expected = plain_beam_search(captioner, latent[0], end, room)
        assert search(captioner, latent, end, room) == [expected], number
        lengths["full" if len(expected) == room and expected[-1] != end else "ended"] += 1
        lengths["at once"] += len(expected) == 1
        lengths["early"] += len(expected) < room
    # The cases are worth something only if captions end early, at once, and not at all.
    assert min(lengths[kind] for kind in ("full", "ended", "early", "at once")) >= 4, lengths


def test_the_search_is_that_of_diffusers() -> None:
    from diffusers.pipelines.deprecated.unidiffuser.modeling_text_decoder import (
        UniDiffuserTextDecoder,
    )

    for number in range(0, CASES, 5):
        captioner, end = case(number)
        config = captioner.gpt.config
        theirs = UniDiffuserTextDecoder(
            prefix_length=LENGTH,
            prefix_inner_dim=CLIP_DIM,
            prefix_hidden_dim=TEXT_DIM,
            vocab_size=VOCABULARY,
            n_positions=config.n_positions,
            n_embd=config.n_embd,
            n_layer=config.n_layer,
            n_head=config.n_head,
            activation_function="gelu_new",
        ).eval()
        theirs.load_state_dict(
            {
                name.replace("gpt.", "transformer.", 1): tensor
                for name, tensor in captioner.state_dict().items()
            }
        )
        latent = latents(1, seed=number)
        tokens, lengths = theirs.generate_beam(
            input_embeds=theirs.decode_prefix(latent), entry_length=12, eos_token_id=end
        )
        assert search(captioner, latent, end, 12) == [tokens[0, : lengths[0]].tolist()], number


def test_a_caption_does_not_depend_on_its_batch() -> None:
    lengths = set()
    for number in (1, 2, 3, 7):
        captioner, end = case(number)
        latent = latents(9, seed=number)
        alone = [search(captioner, latent[k : k + 1], end, 12)[0] for k in range(9)]
        for batch in (2, 3, 5, 9):
            assert search(captioner, latent[:batch], end, 12) == alone[:batch]
        lengths |= {len(tokens) for tokens in alone}
    assert len(lengths) > 4


def test_captions_are_words_without_the_end() -> None:
    captioner, end = case(3)
    latent = latents(4)
    captions = decode_captions(captioner, latent, tokenizer(end))
    for caption, tokens in zip(captions, search(captioner, latent, end, 20), strict=True):
        assert caption.split() == [f"w{n}" for n in tokens if n != end]
    assert EOS not in "".join(captions)


def test_a_caption_that_ends_at_once_is_empty() -> None:
    captioner, end = tiny(), VOCABULARY - 1
    with torch.no_grad():
        # Only the end is possible: every other word points the other way.
        captioner.gpt.transformer.ln_f.weight.zero_()
        bias = captioner.gpt.transformer.ln_f.bias
        captioner.gpt.transformer.wte.weight.copy_(-bias.expand(VOCABULARY, -1))
        captioner.gpt.transformer.wte.weight[end] = 50 * bias
    assert decode_captions(captioner, latents(2), tokenizer(end)) == ["", ""]


def test_the_length_is_bounded_by_the_positions_and_by_the_published_67() -> None:
    short, long = tiny(n_positions=LENGTH + 5), tiny(n_positions=LENGTH + 90)
    absent_end = tokenizer(0)
    for captioner in (short, long):
        with torch.no_grad():
            norm = captioner.gpt.transformer.ln_f
            norm.weight *= 0.01  # hidden states are about the bias, which the end points away from
            captioner.gpt.transformer.wte.weight[0] = -100 * norm.bias
    (caption,) = decode_captions(short, latents(1), absent_end)
    assert len(caption.split()) == 6
    (caption,) = decode_captions(long, latents(1), absent_end)
    assert len(caption.split()) == MAX_TOKENS == 67


def test_a_tokenizer_without_an_end_is_named() -> None:
    words = Tokenizer(WordLevel({"a": 0}, unk_token="a"))
    with pytest.raises(ModelUnavailable, match="EOS"):
        decode_captions(tiny(), latents(1), words)


def test_the_nucleus_is_drawn_in_proportion() -> None:
    p = torch.tensor([0.05, 0.4, 0.15, 0.25, 0.1, 0.05])
    drawn = torch.Generator().manual_seed(4)
    count = 4000
    logits = p.log().expand(count, -1)
    tokens = Nucleus.begin(logits, -1, [drawn] * count).text.flatten().tolist()
    seen = Counter(tokens)
    # 0.4 and 0.25 leave 0.15 short of 0.8: the third word completes the nucleus.
    assert set(seen) == {1, 3, 2}
    for token in (1, 3, 2):
        share = float(p[token]) / 0.8
        deviation = math.sqrt(share * (1 - share) / count)
        assert abs(seen[token] / count - share) < 4 * deviation


def test_the_nucleus_of_a_certain_word_is_that_word() -> None:
    logits = torch.tensor([[0.0, 9.0, 0.0]])
    for seed in range(50):
        drawn = [torch.Generator().manual_seed(seed)]
        assert Nucleus.begin(logits, -1, drawn).text.tolist() == [[[1]]]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_of_numbers_that_are_none_any_word_is_drawn(bad: float) -> None:
    drawn = [torch.Generator().manual_seed(1)]
    tokens = Nucleus.begin(torch.tensor([[0.0, bad, 0.0]]), -1, drawn).text
    assert 0 <= int(tokens) < 3


def test_a_sample_from_the_nucleus_has_its_own_stream() -> None:
    captioner, end = case(1)
    latent, words = latents(1).expand(6, -1, -1), tokenizer(end)

    def captions(seeds: list[int]) -> list[str | None]:
        drawn = [torch.Generator().manual_seed(seed) for seed in seeds]
        return decode_captions(
            captioner, latent[: len(seeds)], words, how="nucleus", generators=drawn
        )

    together = captions([0, 1, 2, 3, 4, 5])
    assert together == [captions([seed])[0] for seed in range(6)]
    assert captions([5, 0, 3]) == [together[5], together[0], together[3]]
    assert len(set(together)) > 3
