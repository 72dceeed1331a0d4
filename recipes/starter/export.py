"""Put trained parts together into a model folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from unidiff_cli.model_config import ModelConfig, Sampling
from unidiff_cli.nets.uvit import UViT, UViTConfig
from unidiff_cli.storage.checkpoint import Part, TokenizerName
from unidiff_cli.storage.layout import PARTS, TOKENIZERS
from unidiff_cli.storage.open import Opened, open_checkpoint
from unidiff_cli.storage.save import save_ours
from unidiff_cli.storage.stored import Tensors
from unidiff_cli.storage.stored import whole as stored
from unidiff_cli.train.pairs import Pairs

FILES: dict[Part, str] = {
    "vae": "vae/vae",
    "clip_text": "captioner/clip_text",
    "clip_image": "clip/clip_image",
    "captioner": "captioner/captioner",
}
NAMES: tuple[TokenizerName, ...] = ("clip", "caption")
LICENCE = "Apache-2.0; the art it learned from: see MODEL_CARD.md"
SAMPLING = Sampling(
    solver="dpm++2m",
    times="log-snr",
    steps=25,
    guidance=2.0,
    modes={
        "t2i": {"solver": "unipc", "steps": 8},
        "joint": {"order": "text-first", "solver": "unipc", "steps": 8},
        "edit": {"guidance": 4.0},
    },
)


def untaught(parts: Path, about: Mapping[str, Any], out: Path) -> None:
    """A model of trained parts whose U-ViT knows nothing and is small: the first lesson makes one.

    `parts` has the runs, `about` is of a store of their latents.
    """
    files = {part: parts / stem for part, stem in FILES.items()}
    sizes = {
        part: json.loads(stem.with_suffix(".json").read_text(encoding="utf-8"))
        for part, stem in files.items()
    }
    net = UViTConfig(
        channels=sizes["vae"]["latent_channels"],
        size=about["size"] // 2 ** (len(sizes["vae"]["block_out_channels"]) - 1),
        patch=2,
        dim=32,
        depth=2,
        heads=1,
        text_tokens=sizes["clip_text"]["max_position_embeddings"],
        text_dim=sizes["captioner"]["text_dim"],
        clip_dim=sizes["clip_image"]["projection_dim"],
        clip_tokens=about["views"],
        data_types=0,
    )
    uvit = UViT(net)
    uvit.initialise()
    config = ModelConfig(
        name="untaught",
        license=LICENCE,
        size=about["size"],
        uvit=asdict(net),
        vae=sizes["vae"],
        clip_text=sizes["clip_text"],
        clip_image=sizes["clip_image"],
        gpt2=sizes["captioner"]["gpt2"],
        vae_scale=about["vae_scale"],
        sampling=SAMPLING,
    )
    others: dict[Part, Tensors] = {
        part: tensors(load_file(stem.with_suffix(".safetensors"))) for part, stem in files.items()
    }
    tokenizers = {
        name: Tokenizer.from_file(str(parts / "tokenizers" / f"{name}_tokenizer.json"))
        for name in NAMES
    }
    save_ours(out, config, {**others, "uvit": uvit}, tokenizers, torch.float16)


def tensors(found: Mapping[str, Tensor]) -> Tensors:
    """A part's, as they are stored."""
    return {name: stored(name, tensor) for name, tensor in found.items()}


def whole(
    model: Path,
    vae: Mapping[str, Any],
    weights: Mapping[str, Tensor],
    said: Sequence[Path],
    out: Path,
) -> None:
    """The model with another autoencoder, and the words of the scenes that it learned from."""
    opened = open_checkpoint(str(model))
    assert isinstance(opened, Opened)
    config = replace(opened.config, name="starter", vae=vae)
    parts: dict[Part, nn.Module | Tensors] = {part: opened.tensors(part) for part in PARTS}
    tokenizers = {name: opened.tokenizer(name) for name in TOKENIZERS}
    save_ours(out, config, {**parts, "vae": tensors(weights)}, tokenizers, torch.float16)
    pairs = [Pairs.open(folder) for folder in said]
    every = words(text for some in pairs for row in range(len(some)) for text in some.captions(row))
    told = json.dumps(every, indent=0).replace("\n", " ") + "\n"
    (out / "words.json").write_text(told, encoding="utf-8")


def words(captions: Iterable[str]) -> list[str]:
    """Every word of the captions that the model learned from."""
    return sorted({word.strip(",") for caption in captions for word in caption.split()})
