"""Models in our layout and in that of diffusers, read under our names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.model_config import ModelConfig
from unidiff_cli.registry import published
from unidiff_cli.storage.checkpoint import Part, TokenizerName
from unidiff_cli.storage.layout import (
    CONFIG,
    FOLDERS,
    TOKENIZER_FOLDERS,
    WEIGHTS,
    part_file,
    tokenizer_file,
)
from unidiff_cli.storage.names import DIFFUSERS
from unidiff_cli.storage.stored import Stored, Tell, read_tensors, silent
from unidiff_cli.storage.vocabulary import read_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass(frozen=True)
class Ours:
    """A folder in our layout."""

    folder: Path

    @cached_property
    def config(self) -> ModelConfig:
        """What config.json says."""
        return ModelConfig.read(self.folder / CONFIG)

    def tensors(self, part: Part) -> dict[str, Stored]:
        """The tensors of a part."""
        return read_tensors(self.folder / part_file(part))

    def tokenizer(self, name: TokenizerName) -> Tokenizer:
        """The tokenizer in its file."""
        return read_tokenizer(self.folder / tokenizer_file(name), name)


@dataclass(frozen=True)
class Diffusers:
    """A folder as diffusers saves and publishes it."""

    folder: Path
    name: str
    license: str = "unknown"
    tell: Tell = silent

    @cached_property
    def config(self) -> ModelConfig:
        """The sizes that the folders' config.json files state."""
        return diffusers_config(self.folder, self.name, self.license)

    def tensors(self, part: Part) -> dict[str, Stored]:
        """The tensors of a part."""
        folder = self.folder / FOLDERS[part]
        found = next((name for name in WEIGHTS if (folder / name).is_file()), None)
        if found is None:
            raise ModelUnavailable(
                f"{folder} holds no weights ({', '.join(WEIGHTS)}).",
                "Fetch what is missing with: unidiff models pull",
            )
        return DIFFUSERS[part].translate(read_tensors(folder / found, self.tell))

    def tokenizer(self, name: TokenizerName) -> Tokenizer:
        """The tokenizer in its folder."""
        return read_tokenizer(self.folder / TOKENIZER_FOLDERS[name], name)


# What our classes take, among all that a config.json of theirs may say.
_SIZES = published("unidiffuser-v0", data_types=0)
_VAE = [*_SIZES.vae, "act_fn"]
_CLIP_TEXT = [*_SIZES.clip_text, "layer_norm_eps"]
_CLIP_IMAGE = [*_SIZES.clip_image, "layer_norm_eps", "num_channels"]
_GPT2 = [*_SIZES.gpt2, "n_inner", "layer_norm_epsilon"]


def diffusers_config(folder: Path, name: str, license: str) -> ModelConfig:
    """The sizes of a model in the diffusers layout; ModelUnavailable when they are not stated."""
    said = {part: _read_json(folder / FOLDERS[part] / CONFIG) for part in FOLDERS}
    uvit, vae, gpt2 = said["uvit"], said["vae"], said["captioner"]
    try:
        if uvit.get("pre_layer_norm"):
            raise ModelUnavailable(f"{folder} has its norms in front of the sums; ours are behind.")
        heads = uvit["num_attention_heads"]
        return ModelConfig(
            name=name,
            license=license,
            size=uvit["sample_size"] * 2 ** (len(vae["block_out_channels"]) - 1),
            uvit={
                "channels": uvit["in_channels"],
                "size": uvit["sample_size"],
                "patch": uvit["patch_size"],
                "dim": heads * uvit["attention_head_dim"],
                "depth": uvit["num_layers"],
                "heads": heads,
                "mlp_ratio": 4,
                "text_tokens": uvit["num_text_tokens"],
                "text_dim": uvit["text_dim"],
                "clip_dim": uvit["clip_img_dim"],
                "data_types": 2 if uvit.get("use_data_type_embedding") else 0,
            },
            vae=_some(vae, _VAE),
            clip_text=_some(said["clip_text"], _CLIP_TEXT),
            clip_image=_some(said["clip_image"], _CLIP_IMAGE),
            gpt2={
                **_some(gpt2, _GPT2),
                "bos_token_id": gpt2["vocab_size"] - 2,
                "eos_token_id": gpt2["vocab_size"] - 1,
            },
            vae_scale=float(vae.get("scaling_factor", 0.18215)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelUnavailable(
            f"The configs in {folder} do not describe a UniDiffuser ({error!r})."
        ) from error


def _some(values: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelUnavailable(f"{path} cannot be read ({error}).") from error
    if not isinstance(values, dict):
        raise ModelUnavailable(f"{path} is not a config.")
    return values
