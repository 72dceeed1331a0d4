"""Tiny models on disk, as others would have written them."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from unidiff_cli.model_config import ModelConfig
from unidiff_cli.registry import tiny_config
from unidiff_cli.storage.open import Opened, open_checkpoint
from unidiff_cli.storage.tiny import RandomSource

CPU = torch.device("cpu")
State = dict[str, Tensor]
RESNET: Mapping[str, Any] = {
    "model_type": "resnet",
    "image_size": 32,
    "embedding_size": 4,
    "hidden_sizes": [4, 6],
    "depths": [1, 1],
    "layer_type": "basic",
    "projection_dim": 4,
}
"""An encoder of pictures as the starter's, as small as can be."""


def config_of(data_types: int) -> ModelConfig:
    """The tiny model's sizes as of v0 (0) or v1 (2)."""
    config = tiny_config()
    return ModelConfig(**{**vars(config), "uvit": {**config.uvit, "data_types": data_types}})


def tiny(data_types: int = 2) -> Opened:
    config = config_of(data_types)
    return Opened("tiny", "random", RandomSource(config))


def states(opened: Opened) -> dict[str, State]:
    """The tensors of the parts under our names."""
    parts = ("uvit", "vae", "clip_text", "clip_image", "captioner")
    return {p: {k: t.load() for k, t in opened.tensors(p).items()} for p in parts}


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values))


def write_words(folder: Path, tokenizer: Tokenizer, drop: tuple[str, ...] = ()) -> None:
    """vocab.json and merges.txt."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {k: v for k, v in tokenizer.get_vocab().items() if k not in drop}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")


def uvit_in_diffusers(config: ModelConfig) -> nn.Module:
    """diffusers' own class for the U-ViT, with random weights and all its duplicates."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from diffusers.pipelines.deprecated.unidiffuser.modeling_uvit import UniDiffuserModel

        uvit = config.uvit
        torch.manual_seed(0)
        module: nn.Module = UniDiffuserModel(
            text_dim=uvit["text_dim"],
            clip_img_dim=uvit["clip_dim"],
            num_text_tokens=uvit["text_tokens"],
            num_attention_heads=uvit["heads"],
            attention_head_dim=uvit["dim"] // uvit["heads"],
            in_channels=uvit["channels"],
            out_channels=uvit["channels"],
            num_layers=uvit["depth"],
            sample_size=uvit["size"],
            patch_size=uvit["patch"],
            activation_fn="gelu",
            attention_bias=False,
            norm_type="layer_norm",
            block_type="unidiffuser",
            pre_layer_norm=False,
            use_timestep_embedding=False,
            norm_elementwise_affine=True,
            use_patch_pos_embed=False,
            ff_final_dropout=True,
            use_data_type_embedding=bool(uvit["data_types"]),
        )
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(std=0.2)
    return module.eval()


def captioner_in_diffusers(config: ModelConfig) -> nn.Module:
    """diffusers' own class for the captioner, its activation as published: gelu."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from diffusers.pipelines.deprecated.unidiffuser.modeling_text_decoder import (
            UniDiffuserTextDecoder,
        )

        torch.manual_seed(1)
        module: nn.Module = UniDiffuserTextDecoder(
            prefix_length=config.text_tokens,
            prefix_inner_dim=config.clip_text["hidden_size"],
            prefix_hidden_dim=config.text_dim,
            vocab_size=config.gpt2["vocab_size"],
            n_positions=config.gpt2["n_positions"],
            n_embd=config.gpt2["n_embd"],
            n_layer=config.gpt2["n_layer"],
            n_head=config.gpt2["n_head"],
            activation_function="gelu",
        )
    return module.eval()


def masks(prefix: str, layers: int = 2) -> State:
    """What GPT-2's files held before its masks were computed on the fly."""
    out: State = {}
    for index in range(layers):
        out[f"{prefix}h.{index}.attn.bias"] = torch.ones(1, 1, 8, 8, dtype=torch.uint8)
        out[f"{prefix}h.{index}.attn.masked_bias"] = torch.tensor(-1e4)
    return out


def clip_published(state: State, tower: str) -> State:
    """A CLIP tower as its files name it."""
    named = {
        key if key.startswith("visual_projection") else f"{tower}_model.{key}": tensor
        for key, tensor in state.items()
    }
    return named | {f"{tower}_model.embeddings.position_ids": torch.arange(16)[None]}


def diffusers_folder(folder: Path, data_types: int = 2, *, safe: bool = False) -> Path:
    """The tiny model as `save_pretrained` of the published pipeline lays it out."""
    from safetensors.torch import save_file

    opened = tiny(data_types)
    config, ours = opened.config, states(opened)
    uvit, captioner = uvit_in_diffusers(config), captioner_in_diffusers(config)
    text = captioner.state_dict() | masks("transformer.transformer.")
    parts: dict[str, tuple[Mapping[str, Any], State]] = {
        "unet": ({**uvit.config, "_class_name": "UniDiffuserModel"}, uvit.state_dict()),
        "vae": ({**config.vae, "_class_name": "AutoencoderKL"}, ours["vae"]),
        "text_encoder": (config.clip_text, clip_published(ours["clip_text"], "text")),
        "image_encoder": (config.clip_image, clip_published(ours["clip_image"], "vision")),
        "text_decoder": (captioner.config, text),
    }
    for name, (sizes, state) in parts.items():
        write_json(folder / name / "config.json", {k: v for k, v in sizes.items() if k[0] != "_"})
        stem = "pytorch_model" if name.endswith("encoder") else "diffusion_pytorch_model"
        if safe:
            stem = "model" if name.endswith("encoder") else stem
            whole = {key: tensor.clone() for key, tensor in state.items()}
            save_file(whole, folder / name / f"{stem}.safetensors")
        else:
            torch.save(state, folder / name / f"{stem}.bin")
    write_words(folder / "clip_tokenizer", opened.tokenizer("clip"))
    write_words(folder / "text_tokenizer", opened.tokenizer("caption"), drop=("<|EOS|>",))
    return folder


def ldm_vae(state: State) -> State:
    """A VAE's tensors under the names and shapes of latent diffusion's own files."""
    out: State = {}
    for key, tensor in state.items():
        name = key.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
        name = re.sub(r"down_blocks\.(\d)\.resnets\.(\d)", r"down.\1.block.\2", name)
        name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
        name = re.sub(
            r"up_blocks\.(\d)\.resnets\.(\d)",
            lambda m: f"up.{3 - int(m[1])}.block.{m[2]}",
            name,
        )
        name = re.sub(
            r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{3 - int(m[1])}.upsample", name
        )
        name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
        name = name.replace("mid_block.attentions.0.group_norm", "mid.attn_1.norm")
        name = re.sub(r"mid_block\.attentions\.0\.to_([qkv])\.", r"mid.attn_1.\1.", name)
        name = name.replace("mid_block.attentions.0.to_out.0.", "mid.attn_1.proj_out.")
        convolution = "attn_1" in name and tensor.ndim == 2
        out[name] = tensor[:, :, None, None] if convolution else tensor
    return out


def original_folder(
    folder: Path, data_types: int = 2, *, clip: bool = True, old: bool = False
) -> Path:
    """The tiny model in three pickles; `old` is torch's file format from before 1.6."""
    folder.mkdir(parents=True)
    ours = states(tiny(data_types))
    caption = {f"module.{key}": tensor for key, tensor in ours["captioner"].items()}
    caption["module.gpt.lm_head.weight"] = ours["captioner"]["gpt.transformer.wte.weight"]
    caption |= masks("module.gpt.transformer.")
    if clip:
        text = clip_published(ours["clip_text"], "text")
        caption |= {f"module.clip_model.transformer.{key}": t for key, t in text.items()}

    def save(state: State, name: str) -> None:
        torch.save(state, folder / name, _use_new_zipfile_serialization=not old)

    save(ours["uvit"], "uvit_v1.pth" if data_types else "uvit_v0.pth")
    save(caption, "caption_decoder.pth")
    save(ldm_vae(ours["vae"]), "autoencoder_kl.pth")
    return folder


def clip_folder(folder: Path) -> Path:
    """Both towers in one file, with what only a whole CLIP has, and its tokenizer."""
    opened = tiny()
    ours = states(opened)
    both = clip_published(ours["clip_text"], "text") | clip_published(ours["clip_image"], "vision")
    both |= {"logit_scale": torch.tensor(2.0), "text_projection.weight": torch.zeros(2, 2)}
    folder.mkdir(parents=True)
    torch.save(both, folder / "pytorch_model.bin")
    opened.tokenizer("clip").save(str(folder / "tokenizer.json"))
    return folder


def gpt2_folder(folder: Path) -> Path:
    """GPT-2's tokenizer, without the token that ends a caption."""
    write_words(folder, open_checkpoint("tiny").tokenizer("caption"), drop=("<|EOS|>",))
    return folder
