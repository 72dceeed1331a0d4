"""Make a trained model's U-ViT wider; what it predicts stays nearly as it is.

    python recipes/starter/grow.py MODEL DIM OUT

MODEL is a model folder in our layout. OUT gets all of it, with a U-ViT that is DIM wide and has
heads as wide as before. Channels are repeated, and maps that read them share out their weights
(Net2Net, arXiv 1511.05641); heads and hidden units that are new say nothing yet. "Nearly", because
a wider time embedding has other frequencies, and because repeated channels count twice in a
LayerNorm's mean.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from unidiff_cli.engine.parts import Parts
from unidiff_cli.nets.uvit import UViT
from unidiff_cli.progress import Silence
from unidiff_cli.storage.open import open_checkpoint
from unidiff_cli.train.uvit import write

UNEVEN = 0.3  # of a map's size: how differently it reads a channel and the repetition of it
HEADS = ("decoder_pred", "clip_img_out", "text_out")
POSITIONS = ("pos_embed", "pos_embed_token", "token_embedding.weight")


def repeated(narrow: int, wide: int) -> Tensor:
    """Which of `narrow` channels each of `wide` repeats.

    The halves stay apart and in order: a time embedding is made of cosines, then sines, of falling
    frequency, so a channel of it comes to stand where its frequency is.
    """
    half = narrow // 2
    places = torch.arange(wide // 2) * (narrow / wide)
    nearest = (places - 0.5).ceil().long().clamp(0, half - 1)
    return torch.cat([nearest, half + nearest])


def reading(weight: Tensor, source: Tensor) -> Tensor:
    """A map (out, narrow) as one of repeated channels (out, wide), the same of equal channels."""
    times = torch.bincount(source, minlength=weight.shape[1])[source]
    noise = UNEVEN * weight.std() * torch.randn(weight.shape[0], len(source))
    sums = torch.zeros_like(weight).index_add_(1, source, noise)
    return (weight[:, source] - sums[:, source]) / times + noise


def grown(narrow: UViT, dim: int) -> UViT:
    """A U-ViT of width `dim` that predicts nearly what the narrow one does."""
    own = narrow.config
    width = own.dim // own.heads
    source = repeated(own.dim, dim)
    wide = UViT(replace(own, dim=dim, heads=dim // width))
    tensors = {name: tensor.float() for name, tensor in narrow.state_dict().items()}
    fresh = wide.state_dict()
    for name, tensor in tensors.items():
        new = fresh[name]
        if name.endswith(("qkv.weight", "fc1.weight", "fc1.bias")):
            # New heads, or hidden units, come behind the old ones; q, k and v have heads each.
            groups = 3 if "qkv" in name else 1
            matrix = tensor.dim() == 2
            old = reading(tensor, source) if matrix else tensor
            init = nn.init.xavier_uniform_(new) if matrix else nn.init.zeros_(new)
            both = [each.unflatten(0, (groups, -1)) for each in (old, init)]
            new = torch.cat([both[0], both[1][:, both[0].shape[1] :]], dim=1).flatten(0, 1)
        elif name.endswith(("attn.proj.weight", "fc2.weight")):
            silent = torch.zeros(dim, new.shape[1] - tensor.shape[1])
            new = torch.cat([tensor[source], silent], dim=1)
        elif name.endswith("skip_linear.weight"):
            halves = [reading(half, source) for half in tensor.chunk(2, dim=1)]
            new = torch.cat(halves, dim=1)[source]
        elif name.startswith(HEADS):
            new = reading(tensor, source) if tensor.dim() == 2 else tensor
        elif name in POSITIONS:
            new = tensor[..., source]
        else:
            new = tensor[source]
        fresh[name] = new.contiguous()
    wide.load_state_dict(fresh)
    return wide


def main() -> None:
    """Write the model with the wider U-ViT."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("dim", type=int)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    parts = Parts(open_checkpoint(arguments.model), torch.device("cpu"), Silence())
    torch.manual_seed(0)
    wide = grown(parts.module("uvit", torch.float32), arguments.dim)
    write(parts, wide, parts.config.name, arguments.out)


if __name__ == "__main__":
    main()
