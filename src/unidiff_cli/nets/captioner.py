"""The captioner: a text latent in, the words of its caption out.

Two linear maps hold the text latent's space. `encode_prefix` leads into it from CLIP's text
features, `decode_prefix` out of it to a prefix that GPT-2 continues, with no token in between
(UniDiffuser, arXiv 2303.06555, section 4). Names of modules are those of the published checkpoint.

Axes: B batch, L prefix tokens, T caption tokens, V vocabulary, W paths of a tree, K cached tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import DynamicCache, GPT2Config, GPT2LMHeadModel

from unidiff_cli.nets.products import few

ROWS = 8
"""Each sample's rows in a matrix product are padded to a multiple of this. Matrix libraries change
code paths with small numbers of rows; padded, a sample has the same bits in any batch."""


class Captioner(nn.Module):
    """The maps into and out of the text latent, and the GPT-2 that reads it."""

    def __init__(self, gpt2: Mapping[str, Any], clip_dim: int, text_dim: int) -> None:
        """`gpt2` holds the arguments of GPT2Config; the activation is always gelu_new.

        Published conversions name an activation other than the one that the weights were trained
        with, so theirs is ignored.
        """
        super().__init__()
        config = GPT2Config(**{**gpt2, "activation_function": "gelu_new"})
        self.encode_prefix = nn.Linear(clip_dim, text_dim)
        self.decode_prefix = nn.Linear(text_dim, config.n_embd)
        self.gpt = GPT2LMHeadModel(config)

    @property
    def dtype(self) -> torch.dtype:
        """That of the weights."""
        return self.decode_prefix.weight.dtype

    def embed(self, tokens: Tensor) -> Tensor:
        """(B, T) tokens -> (B, T, n_embd), positions not yet added."""
        out: Tensor = self.gpt.transformer.wte(tokens)
        return out

    def forward(self, latent: Tensor, tokens: Tensor) -> Tensor:
        """Logits (B, T, V): row t predicts tokens[:, t] from latent (B, L, D) and tokens[:, :t]."""
        prefix = self.decode_prefix(latent.to(self.dtype))
        read = torch.cat([prefix, self.embed(tokens[:, :-1])], dim=1)  # (B, L + T - 1, n_embd)
        logits: Tensor = self.gpt(inputs_embeds=read, use_cache=False).logits
        return logits[:, latent.shape[1] - 1 :]


@dataclass
class Trees:
    """A tree of tokens for each sample, rooted in its latent; GPT-2 reads each token once.

    A token sees its own path and nothing else of its tree: a path is a row of a mask. When beams
    are reordered, only the mask changes; the keys and values stay where they are.
    """

    captioner: Captioner
    cache: DynamicCache = field(default_factory=DynamicCache)
    seen: Tensor = field(default_factory=lambda: torch.empty(0))
    """(B, W, K): which of the K tokens in the cache lie on each of the W paths."""
    depth: int = 0
    """Tokens on every path."""
    head: Tensor = field(init=False)
    """(V, n_embd) in float32: GPT-2's logits are often near -100, where half precision has steps of
    0.5, and a beam search ranks sums that differ by less."""

    def __post_init__(self) -> None:
        self.head = self.captioner.gpt.lm_head.weight.float()

    def root(self, latent: Tensor) -> Tensor:
        """Logits (B, 1, V) of the first token after the latent (B, L, D)."""
        B, L, _ = latent.shape
        embeds = self.captioner.decode_prefix(pad(latent.to(self.captioner.dtype)))
        self.seen = torch.ones(L, L, dtype=torch.bool, device=latent.device).tril().expand(B, L, L)
        hidden = self._read(embeds, torch.arange(L, device=latent.device))[:, L - 1 : L]
        self.seen, self.depth = self.seen[:, -1:], L
        return self._logits(hidden)

    def grow(self, source: Tensor, tokens: Tensor) -> Tensor:
        """Logits (B, W, V) after `tokens` (B, W), each appended to the path `source` (B, W)."""
        B, W = tokens.shape
        self.seen = self.seen.gather(1, source[..., None].expand(-1, -1, self.seen.shape[2]))
        own = torch.eye(W, dtype=torch.bool, device=tokens.device).expand(B, W, W)
        self.seen = torch.cat([self.seen, own], dim=2)
        positions = torch.full((W,), self.depth, device=tokens.device)
        hidden = self._read(self.captioner.embed(pad(tokens)), positions)
        self.depth += 1
        return self._logits(hidden[:, :W])

    def keep(self, samples: Tensor) -> None:
        """Forget all but these samples."""
        self.seen = self.seen[samples]
        self.cache.batch_select_indices(samples)

    def _read(self, embeds: Tensor, positions: Tensor) -> Tensor:
        """GPT-2's last hidden states; the rows that fill up embeds lie on no path."""
        blind = embeds.shape[1] - self.seen.shape[1]
        self.seen = F.pad(self.seen, (0, blind))
        mask = torch.zeros_like(pad(self.seen), dtype=embeds.dtype)
        mask = mask.masked_fill(~pad(self.seen), -torch.inf)[:, None]  # (B, 1, rows, K)
        out: Tensor = self.captioner.gpt.transformer(
            inputs_embeds=embeds,
            position_ids=pad(positions[None]),
            attention_mask=mask,
            past_key_values=self.cache,
            use_cache=True,
        ).last_hidden_state
        return out

    def _logits(self, hidden: Tensor) -> Tensor:
        return few(pad(hidden).float(), self.head)[:, : hidden.shape[1]]


def pad(rows: Tensor) -> Tensor:
    """(B, n, ...) filled up to a multiple of ROWS with copies of the last row."""
    n = rows.shape[1]
    index = torch.arange(-(-n // ROWS) * ROWS, device=rows.device).clamp(max=n - 1)
    return rows[:, index]
