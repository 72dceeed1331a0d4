"""Put the trained parts together into a model folder.

    python recipes/starter/export.py PARTS PAIRS STORE OUT [--uvit RUN] [--name NAME]

PAIRS and STORE are what the U-ViT learned from. Without --uvit the U-ViT is untrained: such a
folder serves as `model` of recipes/starter/uvit.toml.
"""

from __future__ import annotations

import argparse
import json
import math
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor

from unidiff_cli.model_config import ModelConfig, Sampling
from unidiff_cli.nets.uvit import UViT, UViTConfig
from unidiff_cli.storage.checkpoint import Part, TokenizerName
from unidiff_cli.storage.save import save_ours
from unidiff_cli.storage.stored import whole
from unidiff_cli.train import checkpoint
from unidiff_cli.train.pairs import Pairs

HERE = Path(__file__).parent
FILES: dict[Part, str] = {
    "vae": "vae/vae",
    "clip_text": "captioner/clip_text",
    "clip_image": "clip/clip_image",
    "captioner": "captioner/captioner",
}
TOKENIZERS: tuple[TokenizerName, ...] = ("clip", "caption")
SAMPLING = Sampling(solver="dpm++2m", times="log-snr", steps=25, guidance=2.0)


def own_net(run: Path | None = None) -> dict[str, Any]:
    """What uvit.toml says of the U-ViT, or what it is in the model of a finished run."""
    text = (HERE / "uvit.toml").read_text(encoding="utf-8")
    net: dict[str, Any] = tomllib.loads(text)["part"]["net"]
    if run is None or not (config := run / "model" / "config.json").exists():
        return net
    trained = json.loads(config.read_text(encoding="utf-8"))["uvit"]
    return {name: trained[name] for name in net}


def uvit_sizes(parts: dict[str, dict[str, Any]], size: int, net: dict[str, Any]) -> UViTConfig:
    """A U-ViT with the `net` of `own_net`, fitting the latents of the other parts."""
    return UViTConfig(
        channels=parts["vae"]["latent_channels"],
        size=size // 2 ** (len(parts["vae"]["block_out_channels"]) - 1),
        text_tokens=parts["clip_text"]["max_position_embeddings"],
        text_dim=parts["captioner"]["text_dim"],
        clip_dim=parts["clip_image"]["projection_dim"],
        data_types=0,
        **net,
    )


def learn_positions(uvit: UViT, tensors: dict[str, Tensor]) -> None:
    """Stretch positions in `tensors` that are of a smaller grid over the grid of `uvit`."""
    grid = uvit.config.grid
    own = math.isqrt(tensors["pos_embed"].shape[1] - 3 - uvit.config.text_tokens)
    if own != grid:
        smaller = UViT(replace(uvit.config, size=own * uvit.config.patch))
        smaller.pos_embed.data = tensors["pos_embed"]
        tensors["pos_embed"] = smaller.positions(grid, grid).detach()


def learn_channels(uvit: UViT, tensors: dict[str, Tensor]) -> None:
    """Let `tensors` of a U-ViT for fewer latent channels know nothing yet of those of `uvit`."""
    patch, wide = uvit.config.patch, uvit.config.channels
    narrow = tensors["patch_embed.proj.weight"].shape[1]
    new = wide - narrow
    if new:
        entrance = tensors["patch_embed.proj.weight"]  # (D, C, p, p)
        tensors["patch_embed.proj.weight"] = F.pad(entrance, (0, 0, 0, 0, 0, new))
        for name in ("decoder_pred.weight", "decoder_pred.bias"):  # (p * p * C, ...)
            exits = tensors[name].unflatten(0, (patch**2, narrow))
            zeros = exits.new_zeros(patch**2, new, *exits.shape[2:])
            tensors[name] = torch.cat([exits, zeros], 1).flatten(0, 1)


def words(captions: Iterable[str]) -> list[str]:
    """Every word of the captions that the model learned from."""
    return sorted({word.strip(",") for caption in captions for word in caption.split()})


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("parts", "pairs", "store", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--uvit", type=Path, help="folder of the U-ViT's run")
    parser.add_argument("--name", default="starter")
    arguments = parser.parse_args()
    files = {part: arguments.parts / stem for part, stem in FILES.items()}
    sizes = {
        part: json.loads(stem.with_suffix(".json").read_text(encoding="utf-8"))
        for part, stem in files.items()
    }
    tensors = {part: load_file(stem.with_suffix(".safetensors")) for part, stem in files.items()}
    about = json.loads((arguments.store / "about.json").read_text(encoding="utf-8"))
    net = uvit_sizes(sizes, about["size"], own_net(arguments.uvit))
    uvit = UViT(net)
    uvit.initialise()
    if arguments.uvit:
        tensors_of = checkpoint.weights(arguments.uvit / "checkpoints")
        learn_positions(uvit, tensors_of)
        learn_channels(uvit, tensors_of)
        checkpoint.restore_model(uvit, tensors_of)
    config = ModelConfig(
        name=arguments.name,
        license="Apache-2.0; the art it learned from: see MODEL_CARD.md",
        size=about["size"],
        uvit=vars(net),
        vae=sizes["vae"],
        clip_text=sizes["clip_text"],
        clip_image=sizes["clip_image"],
        gpt2=sizes["captioner"]["gpt2"],
        vae_scale=about["vae_scale"],
        sampling=SAMPLING,
    )
    stored = {
        part: {name: whole(name, tensor) for name, tensor in named.items()}
        for part, named in tensors.items()
    }
    tokenizers = {
        name: Tokenizer.from_file(str(arguments.parts / "tokenizers" / f"{name}_tokenizer.json"))
        for name in TOKENIZERS
    }
    save_ours(arguments.out, config, {"uvit": uvit, **stored}, tokenizers, torch.float16)
    pairs = Pairs.open(arguments.pairs)
    said = words(text for row in range(len(pairs)) for text in pairs.captions(row))
    told = json.dumps(said, indent=0).replace("\n", " ") + "\n"
    (arguments.out / "words.json").write_text(told, encoding="utf-8")


if __name__ == "__main__":
    main()
