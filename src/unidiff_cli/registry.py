"""The models that have a name: one row each. Adding a model is adding a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from unidiff_cli.model_config import ModelConfig, Sampling

if TYPE_CHECKING:
    from unidiff_cli.speed.memory import Memory

Kind = Literal["hub", "bundled", "random"]

DEFAULT = "unidiffuser-v1"
FALLBACK = "starter"
"""What is used without --model while the default is not on this machine."""

STARTER_FOLDER = Path(__file__).parent / "starter"

PUBLISHED_LICENSE = "AGPL-3.0"
PUBLISHED_SIZE = 5_490_000_000
"""Bytes of the files that `pull` fetches, to three figures; the Hub's own sum is shown first."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A model by name: where it comes from, what it costs, what may be done with it."""

    name: str
    summary: str
    kind: Kind
    license: str
    """Of the weights; stated before a download."""
    repo: str = ""
    """The Hub's id, for kind "hub"."""
    revision: str = ""
    """What to fetch of it; the commit that it resolves to is recorded."""
    size: int = 0
    """Bytes to fetch, about; 0 where nothing is fetched."""
    config: ModelConfig | None = None
    """Sizes of the parts; None for a bundled model, whose folder says so itself."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Which model is loaded, and where and in what numbers it computes."""

    model: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    memory: Memory = "auto"
    threads: int | None = None
    """None leaves PyTorch's own number."""


def published(name: str, data_types: int) -> ModelConfig:
    """The sizes of unidiffuser-v0 (no data types) and unidiffuser-v1 (two)."""
    return ModelConfig(
        name=name,
        license=PUBLISHED_LICENSE,
        size=512,
        uvit={
            "channels": 4,
            "size": 64,
            "patch": 2,
            "dim": 1536,
            "depth": 30,
            "heads": 24,
            "mlp_ratio": 4,
            "text_tokens": 77,
            "text_dim": 64,
            "clip_dim": 512,
            "data_types": data_types,
        },
        vae=vae(widths=(128, 256, 512, 512), layers=2, sample_size=512),
        clip_text={
            "vocab_size": 49408,
            "hidden_size": 768,
            "intermediate_size": 3072,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "max_position_embeddings": 77,
            "projection_dim": 768,
            "hidden_act": "quick_gelu",
            "bos_token_id": 49406,
            "eos_token_id": 49407,
            "pad_token_id": 1,
        },
        clip_image={
            "hidden_size": 768,
            "intermediate_size": 3072,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "image_size": 224,
            "patch_size": 32,
            "projection_dim": 512,
            "hidden_act": "quick_gelu",
        },
        gpt2={
            "vocab_size": 50258,
            "n_positions": 1024,
            "n_embd": 768,
            "n_layer": 12,
            "n_head": 12,
            "bos_token_id": 50256,
            "eos_token_id": 50257,
        },
        sampling=Sampling(solver="dpm++3s", steps=50, guidance=7.0),
    )


def vae(
    *, widths: tuple[int, ...], layers: int, sample_size: int, groups: int = 32
) -> Mapping[str, Any]:
    """AutoencoderKL's arguments; four widths make a picture eight times smaller."""
    return {
        "in_channels": 3,
        "out_channels": 3,
        "down_block_types": ["DownEncoderBlock2D"] * len(widths),
        "up_block_types": ["UpDecoderBlock2D"] * len(widths),
        "block_out_channels": list(widths),
        "layers_per_block": layers,
        "latent_channels": 4,
        "norm_num_groups": groups,
        "sample_size": sample_size,
    }


def tiny_config() -> ModelConfig:
    """Every part of a model, as small as it can be and still work: 32 x 32 pictures."""
    return ModelConfig(
        name="tiny",
        license="Apache-2.0",
        size=32,
        uvit={
            "channels": 4,
            "size": 4,
            "patch": 2,
            "dim": 32,
            "depth": 4,
            "heads": 2,
            "mlp_ratio": 4,
            "text_tokens": 16,
            "text_dim": 8,
            "clip_dim": 16,
            "data_types": 2,
        },
        vae=vae(widths=(8, 8, 16, 16), layers=1, sample_size=32, groups=4),
        clip_text={
            "vocab_size": 514,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "max_position_embeddings": 16,
            "projection_dim": 16,
            "hidden_act": "quick_gelu",
            "bos_token_id": 512,
            "eos_token_id": 513,
            "pad_token_id": 513,
        },
        clip_image={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 32,
            "patch_size": 8,
            "projection_dim": 16,
            "hidden_act": "quick_gelu",
        },
        gpt2={
            "vocab_size": 258,
            "n_positions": 128,
            "n_embd": 32,
            "n_layer": 2,
            "n_head": 2,
            "bos_token_id": 256,
            "eos_token_id": 257,
        },
        sampling=Sampling(solver="dpm++2m", steps=4, guidance=7.0),
    )


def _hub(name: str, data_types: int, summary: str) -> Row:
    return Row(
        name=name,
        summary=summary,
        kind="hub",
        license=PUBLISHED_LICENSE,
        repo=f"thu-ml/{name}",
        revision="main",
        size=PUBLISHED_SIZE,
        config=published(name, data_types),
    )


MODELS: Mapping[str, Row] = {
    row.name: row
    for row in (
        _hub("unidiffuser-v1", 2, "The published model, 512 x 512, fine-tuned on cleaner data."),
        _hub("unidiffuser-v0", 0, "The published model before that, 512 x 512."),
        Row(
            name="starter",
            summary="A small model that comes with the package.",
            kind="bundled",
            license="Apache-2.0",
        ),
        Row(
            name="tiny",
            summary="Random weights, 32 x 32: for tests; its results mean nothing.",
            kind="random",
            license="Apache-2.0",
            config=tiny_config(),
        ),
    )
}
