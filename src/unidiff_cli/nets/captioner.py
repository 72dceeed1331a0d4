"""The captioner: a text latent in, the words of its caption out.

Two linear maps hold the text latent's space. `encode_prefix` leads into it from CLIP's text
features, `decode_prefix` out of it to a prefix that GPT-2 continues, with no token in between
(UniDiffuser, arXiv 2303.06555, section 4). Names of modules are those of the published checkpoint.

Axes: B batch, L prefix tokens, T caption tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Cache, GPT2Config, GPT2LMHeadModel


class Captioner(nn.Module):
    """The maps into and out of the text latent, and the GPT-2 that reads it."""

    def __init__(self, gpt2: Mapping[str, Any], clip_dim: int, text_dim: int) -> None:
        """`gpt2` is the arguments of GPT2Config; its activation is always gelu_new.

        Published conversions name another activation than the one that the weights were trained
        with, so what they say of it is not read.
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

    def read(self, embeds: Tensor, cache: Cache) -> Tensor:
        """Logits (B, V), in float32, of the token behind `embeds`; the cache then holds these too."""
        out = self.gpt(inputs_embeds=embeds, past_key_values=cache, logits_to_keep=1)
        logits: Tensor = out.logits[:, -1].float()
        return logits
