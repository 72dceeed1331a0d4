"""U-ViT: the transformer that predicts the noise of image and text together.

UniDiffuser (arXiv 2303.06555), on the long-skip backbone of U-ViT (arXiv 2209.12152), with
LayerNorm after each residual sum. Names of modules are those of the published checkpoints.

Axes: B batch, L tokens, D width, C latent channels, H W latent size, p patch, V views.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unidiff_cli.nets.products import attend, linear


@dataclass(frozen=True)
class UViTConfig:
    """Sizes of a U-ViT; the defaults are those of unidiffuser-v1."""

    channels: int = 4
    size: int = 64
    """Side of the latent square that the position embedding was learned for."""
    patch: int = 2
    dim: int = 1536
    depth: int = 30
    """In-blocks and out-blocks together; the block in the middle comes on top."""
    heads: int = 24
    mlp_ratio: int = 4
    text_tokens: int = 77
    text_dim: int = 64
    clip_dim: int = 512
    clip_tokens: int = 1
    """Embeddings of a picture: of all of it, or (5) of four squares beside; see codecs.views."""
    data_types: int = 2
    """How many kinds of training data the network tells apart: 2 in v1, 0 (no such token) in v0."""
    prediction: Literal["noise", "velocity"] = "noise"
    """What the heads predict: the noise, as published, or the velocity alpha noise - sigma signal
    (arXiv 2202.00512), which the predictor turns into noise. A small network learns it sooner."""

    def __post_init__(self) -> None:
        if self.depth % 2 or self.dim % self.heads or self.size % self.patch or self.dim % 2:
            raise ValueError(f"a U-ViT has an even depth, width and fitting heads, got {self}")

    @property
    def grid(self) -> int:
        """Patches along a side."""
        return self.size // self.patch


class Noises(NamedTuple):
    """What each head predicts: noise, or velocity, as `UViTConfig.prediction` says."""

    image: Tensor  # (B, C, H, W)
    clip: Tensor  # (B, clip_tokens, clip_dim)
    text: Tensor  # (B, text_tokens, text_dim)


def time_embedding(t: Tensor, dim: int) -> Tensor:
    """(B,) times of 0..1000, whole or not -> (B, dim): cosines first, then sines, in float32."""
    half = dim // 2
    steps = torch.arange(half, dtype=torch.float32, device=t.device)
    frequencies = torch.exp(-math.log(10_000) / half * steps)
    angles = t.float()[:, None] * frequencies[None]  # (B, half)
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class Attention(nn.Module):
    """Multi-head self-attention over all tokens; there is no mask anywhere."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        B, L, D = x.shape
        qkv = linear(x, self.qkv)
        q, k, v = qkv.view(B, L, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        y = attend(q, k, v)  # (B, heads, L, D / heads)
        return linear(y.transpose(1, 2).reshape(B, L, D), self.proj)


class MLP(nn.Module):
    """Two linear maps around the exact GELU."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        return linear(linear(x, self.fc1, gelu=True), self.fc2)


class Block(nn.Module):
    """A transformer block with a LayerNorm after each sum; out-blocks first merge a long skip."""

    def __init__(self, config: UViTConfig, *, skip: bool = False) -> None:
        super().__init__()
        dim = config.dim
        if skip:
            self.skip_linear = nn.Linear(2 * dim, dim)
            self.norm1 = nn.LayerNorm(dim)
        self.attn = Attention(dim, config.heads)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = MLP(dim, config.mlp_ratio * dim)
        self.norm3 = nn.LayerNorm(dim)

    def forward(self, x: Tensor, skip: Tensor | None = None) -> Tensor:
        if skip is not None:
            x = self.norm1(linear(torch.cat([x, skip], dim=-1), self.skip_linear))
        x = self.norm2(x + self.attn(x))
        out: Tensor = self.norm3(x + self.mlp(x))
        return out


class PatchEmbed(nn.Module):
    """(B, C, H, W) -> (B, H/p * W/p, D), row by row."""

    def __init__(self, config: UViTConfig) -> None:
        super().__init__()
        self.proj = nn.Conv2d(config.channels, config.dim, config.patch, stride=config.patch)

    def forward(self, image: Tensor) -> Tensor:
        out: Tensor = self.proj(image).flatten(2).transpose(1, 2)
        return out


class UViT(nn.Module):
    """(image, clip, text, their two times) -> the noise in each of them.

    embed, enter, mid_block, leave, head: the parts of forward can be called apart.
    """

    def __init__(self, config: UViTConfig) -> None:
        super().__init__()
        self.config = config
        dim, half = config.dim, config.depth // 2
        self.patch_embed = PatchEmbed(config)
        self.text_embed = nn.Linear(config.text_dim, dim)
        self.clip_img_embed = nn.Linear(config.clip_dim, dim)
        tokens = 2 + config.text_tokens + config.clip_tokens + config.grid**2
        self.pos_embed = nn.Parameter(torch.zeros(1, tokens, dim))
        if config.data_types:
            self.token_embedding = nn.Embedding(config.data_types, dim)
            self.pos_embed_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.in_blocks = nn.ModuleList(Block(config) for _ in range(half))
        self.mid_block = Block(config)
        self.out_blocks = nn.ModuleList(Block(config, skip=True) for _ in range(half))
        self.norm = nn.LayerNorm(dim)
        self.decoder_pred = nn.Linear(dim, config.patch**2 * config.channels)
        self.clip_img_out = nn.Linear(dim, config.clip_dim)
        self.text_out = nn.Linear(dim, config.text_dim)

    def initialise(self) -> None:
        """Weights as before training: linear maps and positions from N(0, 0.02^2), biases 0."""
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(
        self,
        image: Tensor,
        clip: Tensor,
        text: Tensor,
        t_image: Tensor,
        t_text: Tensor,
        data_type: Tensor | None = None,
    ) -> Noises:
        """The noise (or velocity) in image (B, C, H, W), clip (B, V, E) and text (B, L, T).

        Times are (B,) in 0..1000, fractions allowed: 0 is clean, 1000 is pure noise. `data_type`
        (B,) is v1's flag: 0 for pictures from the web, 1 (the default) for the cleaner set.
        """
        x = self.embed(image, clip, text, t_image, t_text, data_type)
        half = len(self.in_blocks)
        x, skips = self.enter(x, 0, half)
        x = self.mid_block(x)
        x = self.leave(x, skips, 0, half)
        return self.head(x, image.shape[-2], image.shape[-1])

    def embed(
        self,
        image: Tensor,
        clip: Tensor,
        text: Tensor,
        t_image: Tensor,
        t_text: Tensor,
        data_type: Tensor | None = None,
    ) -> Tensor:
        """The tokens [t_image, t_text, (data type), text, clip, patches], positions added."""
        dim, dtype = self.config.dim, self.pos_embed.dtype
        times = torch.stack([time_embedding(t_image, dim), time_embedding(t_text, dim)], dim=1)
        tokens = [times.to(dtype)]  # (B, 2, D)
        if self.config.data_types:
            kind = torch.ones_like(t_image, dtype=torch.long) if data_type is None else data_type
            tokens.append(self.token_embedding(kind)[:, None])  # (B, 1, D)
        tokens += [
            self.text_embed(text.to(dtype)),
            self.clip_img_embed(clip.to(dtype)),
            self.patch_embed(image.to(dtype)),
        ]
        height, width = (side // self.config.patch for side in image.shape[-2:])
        return torch.cat(tokens, dim=1) + self.positions(height, width)

    def positions(self, height: int, width: int) -> Tensor:
        """The position embedding (1, L, D), resized if the grid of patches is not the learned one.

        The published pos_embed has no slot for the data type: its position is a parameter of its
        own, inserted after those of the two times.
        """
        grid = self.config.grid
        positions: Tensor = self.pos_embed
        if (height, width) != (grid, grid):
            first = positions.shape[1] - grid**2
            square = positions[:, first:].reshape(1, grid, grid, -1).permute(0, 3, 1, 2)
            resized = F.interpolate(square.float(), (height, width), mode="bilinear")
            patches = resized.to(positions.dtype).flatten(2).transpose(1, 2)
            positions = torch.cat([positions[:, :first], patches], dim=1)
        if self.config.data_types:
            times, rest = positions[:, :2], positions[:, 2:]
            positions = torch.cat([times, self.pos_embed_token, rest], dim=1)
        return positions

    def enter(self, x: Tensor, first: int, last: int) -> tuple[Tensor, list[Tensor]]:
        """x (B, L, D) after the in-blocks first..last-1, and the output of each of them."""
        skips = []
        for block in self.in_blocks[first:last]:
            x = block(x)
            skips.append(x)
        return x, skips

    def leave(self, x: Tensor, skips: list[Tensor], first: int, last: int) -> Tensor:
        """x (B, L, D) after the out-blocks first..last-1, which take the skips last to first."""
        for block, skip in zip(self.out_blocks[first:last], reversed(skips), strict=True):
            x = block(x, skip)
        return x

    def head(self, x: Tensor, height: int, width: int) -> Noises:
        """Tokens (B, L, D) -> the noise of each head, for a latent of height x width."""
        config, p = self.config, self.config.patch
        before = x.shape[1] - (height // p) * (width // p)
        sizes = [config.text_tokens, config.clip_tokens, x.shape[1] - before]
        text, clip, patches = self.norm(x)[:, before - sum(sizes[:2]) :].split(sizes, dim=1)
        values = self.decoder_pred(patches)  # (B, H/p * W/p, p * p * C), channels fastest
        square = values.reshape(-1, height // p, width // p, p, p, config.channels)
        image = square.permute(0, 5, 1, 3, 2, 4).reshape(-1, config.channels, height, width)
        return Noises(image, self.clip_img_out(clip), self.text_out(text))
