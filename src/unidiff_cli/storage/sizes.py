"""The sizes of a model's parts, from the configs that lie beside its weights. No torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.model_config import ModelConfig, check_values
from unidiff_cli.registry import published
from unidiff_cli.storage.layout import CONFIG, FOLDERS, ORIGINAL_UVIT, layout_of

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
            raise ModelUnavailable(
                "model.other-kind", f"{folder} has its norms in front of the sums; ours are behind."
            )
        heads = uvit["num_attention_heads"]
        config = ModelConfig(
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
        check_values(asdict(config))
        return config
    except (KeyError, TypeError, ValueError) as error:
        raise ModelUnavailable(
            "model.config", f"The configs in {folder} do not describe a UniDiffuser ({error!r})."
        ) from error


def _some(values: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelUnavailable("model.config", f"{path} cannot be read ({error}).") from error
    if not isinstance(values, dict):
        raise ModelUnavailable("model.config", f"{path} is not a config.")
    return values


def original_config(folder: Path) -> ModelConfig:
    """The published sizes: v1's where its file is, else v0's."""
    if (folder / ORIGINAL_UVIT[0]).is_file():
        return published("unidiffuser-v1", data_types=2)
    return published("unidiffuser-v0", data_types=0)


def config_in(folder: Path, name: str, license: str) -> ModelConfig:
    """The sizes of the model in a folder of any layout."""
    layout = layout_of(folder)
    if layout == "ours":
        return ModelConfig.read(folder / CONFIG)
    if layout == "original":
        return original_config(folder)
    return diffusers_config(folder, name, license)
