"""From text latents to captions: the published beam search, and sampling from the nucleus.

Axes: B samples, W captions in the making for each, T tokens of a caption, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, Self

import torch
from tokenizers import Tokenizer
from torch import Tensor

from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.nets.captioner import Captioner, Trees

EOS = "<|EOS|>"
BEAMS, MAX_TOKENS, TOP_P = 5, 67, 0.8


@torch.inference_mode()
def decode_captions(
    captioner: Captioner,
    latent: Tensor,
    tokenizer: Tokenizer,
    *,
    how: Literal["beam", "nucleus"] = "beam",
    generators: Sequence[torch.Generator] = (),
) -> list[str | None]:
    """The caption of each text latent (B, L, D), independent of the others in the batch.

    It is None where the captioner's numbers overflowed: random words must not pass for a caption.
    "beam" draws nothing; "nucleus" draws from each sample's own CPU generator. A tokenizer without
    EOS is a ModelUnavailable.
    """
    end = tokenizer.token_to_id(EOS)
    if end is None:
        raise ModelUnavailable("model.tokenizer", f"The model's caption tokenizer has no {EOS}.")
    trees = Trees(captioner)
    logits = trees.root(latent)[:, 0]  # (B, V)
    growth: Growth = (
        Beams.begin(logits, end) if how == "beam" else Nucleus.begin(logits, end, generators)
    )
    room = min(MAX_TOKENS, captioner.gpt.config.n_positions - latent.shape[1] + 1)
    tokens = grow_all(trees, growth, room)
    captions = [str(tokenizer.decode(each, skip_special_tokens=True)) for each in tokens]
    fine = logits.isfinite().all(1).tolist()
    return [caption if good else None for caption, good in zip(captions, fine, strict=True)]


class Growth(Protocol):
    """A way to choose the next tokens: captions in the making, W for each sample."""

    @property
    def text(self) -> Tensor:
        """(B, W, T): the tokens so far."""

    @property
    def source(self) -> Tensor:
        """(B, W): the path that each of these continues, as numbered one token ago."""

    @property
    def done(self) -> Tensor:
        """(B,): whether a sample's captions are all complete."""

    def step(self, logits: Tensor) -> Self:
        """One token more, chosen by logits (B, W, V)."""

    def keep(self, samples: Tensor) -> Self:
        """These samples alone."""

    def best(self, sample: int) -> list[int]:
        """The tokens of a sample's best caption, the end included."""


def grow_all(trees: Trees, growth: Growth, room: int) -> list[list[int]]:
    """The tokens of each sample, `room` of them at most; a complete sample leaves the batch."""
    alive = list(range(len(growth.text)))
    tokens: list[list[int]] = [[] for _ in alive]
    while True:
        full = growth.text.shape[2] >= room
        done = growth.done.tolist()
        for row, sample in enumerate(alive):
            if done[row] or full:
                tokens[sample] = growth.best(row)
        if full or all(done):
            return tokens
        if any(done):
            rows = [row for row, complete in enumerate(done) if not complete]
            alive = [alive[row] for row in rows]
            samples = torch.tensor(rows, device=growth.text.device)
            growth = growth.keep(samples)
            trees.keep(samples)
        growth = growth.step(trees.grow(growth.source, growth.text[..., -1]))


@dataclass(frozen=True)
class Beams:
    """The published search: five beams, ranked at every step by their mean log-probability.

    An ended beam is continued with token 0, which changes neither its score nor its length: others
    can still overtake it.
    """

    end: int
    text: Tensor  # (B, W, T)
    source: Tensor  # (B, W), as all below
    score: Tensor
    """Sum of the log-probabilities."""
    length: Tensor
    ended: Tensor

    @classmethod
    def begin(cls, logits: Tensor, end: int) -> Self:
        """The five likeliest tokens by logits (B, V)."""
        score, tokens = logits.log_softmax(-1).topk(BEAMS)
        length = torch.ones_like(tokens)
        return cls(end, tokens[..., None], torch.zeros_like(tokens), score, length, tokens == end)

    @property
    def done(self) -> Tensor:
        return self.ended.all(1)

    def step(self, logits: Tensor) -> Self:
        logp = logits.log_softmax(-1)  # (B, W, V)
        logp[self.ended] = -torch.inf
        logp[..., 0][self.ended] = 0.0
        length = self.length + ~self.ended
        mean = (self.score[..., None] + logp) / length[..., None]
        mean, best = mean.flatten(1).topk(BEAMS)
        source, tokens = best // logp.shape[2], best % logp.shape[2]
        length, ended = length.gather(1, source), self.ended.gather(1, source)
        text = self.text.gather(1, source[..., None].expand_as(self.text))
        return replace(
            self,
            text=torch.cat([text, tokens[..., None]], dim=2),
            source=source,
            score=mean * length,
            length=length,
            ended=ended | (tokens == self.end),
        )

    def keep(self, samples: Tensor) -> Self:
        names = ("text", "source", "score", "length", "ended")
        return replace(self, **{name: getattr(self, name)[samples] for name in names})

    def best(self, sample: int) -> list[int]:
        mean = self.score[sample] / self.length[sample]
        beam = mean.argsort(descending=True)[0]
        tokens: list[int] = self.text[sample, beam, : self.length[sample, beam]].tolist()
        return tokens


@dataclass(frozen=True)
class Nucleus:
    """Nucleus sampling (arXiv 1904.09751): from the likeliest tokens that hold 0.8 of the mass."""

    end: int
    text: Tensor  # (B, 1, T)
    generators: Sequence[torch.Generator]

    @classmethod
    def begin(cls, logits: Tensor, end: int, generators: Sequence[torch.Generator]) -> Self:
        """One token for each sample, by logits (B, V)."""
        empty = torch.empty(len(logits), 1, 0, dtype=torch.long, device=logits.device)
        return cls(end, empty, generators).step(logits[:, None])

    @property
    def source(self) -> Tensor:
        return torch.zeros_like(self.text[..., -1])

    @property
    def done(self) -> Tensor:
        return self.text[:, 0, -1] == self.end

    def step(self, logits: Tensor) -> Self:
        p, order = logits[:, 0].softmax(-1).sort(descending=True, stable=True)  # (B, V)
        before = p.cumsum(-1) - p
        mass = torch.where(before < TOP_P, p, 0).cumsum(-1)
        drawn = torch.cat([torch.rand(1, generator=each) for each in self.generators])
        rank = (mass <= drawn.to(mass.device)[:, None] * mass[:, -1:]).sum(-1, keepdim=True)
        # The product may round up to the whole mass: then the whole vocabulary would count.
        most = (before < TOP_P).sum(-1, keepdim=True) - 1
        rank = rank.minimum(most).clamp_min(0)  # NaN: any token; `decode_captions` reports it
        tokens = order.gather(1, rank)  # (B, 1)
        return replace(self, text=torch.cat([self.text, tokens[..., None]], dim=2))

    def keep(self, samples: Tensor) -> Self:
        generators = [self.generators[k] for k in samples.tolist()]
        return replace(self, text=self.text[samples], generators=generators)

    def best(self, sample: int) -> list[int]:
        tokens: list[int] = self.text[sample, 0].tolist()
        return tokens
