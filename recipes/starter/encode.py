"""Encode a folder of pairs once: a row of latents for every picture with each of its captions.

    python recipes/starter/encode.py PAIRS PARTS OUT [--size 64] [--augment 0.6]

PARTS holds the runs `vae`, `clip` and `captioner` and the folder `tokenizers`. OUT is a store, as
`unidiff train` reads it; its about.json also has the scale that gives the VAE's latents a
variance of 1.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from unidiff_cli.nets.image_tower import image_tower
from unidiff_cli.storage.checkpoint import Part
from unidiff_cli.storage.parts import fill
from unidiff_cli.storage.stored import read_tensors
from unidiff_cli.train import draws, store
from unidiff_cli.train.clip import augmented, clip_pixels, token_ids
from unidiff_cli.train.loss import LatentPairs
from unidiff_cli.train.pairs import Pairs, to_tensor
from unidiff_cli.train.pairs import draws as draws_of

BATCH = 32
MEASURED = 512  # pictures that the VAE's scale is measured on


def filled(part: Part, module: nn.Module, path: Path) -> Any:
    """The module with the tensors of a part's file, for inference."""
    return fill(part, module, read_tensors(path), torch.device("cpu"), torch.float32)


def sizes(path: Path) -> dict[str, Any]:
    """The arguments of a part's class."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def image_encoder(folder: Path) -> Any:
    """CLIP's image encoder in a folder of clip_image."""
    tower = image_tower(sizes(folder / "clip_image.json"))
    return filled("clip_image", tower, folder / "clip_image.safetensors")


@dataclass(frozen=True)
class Encoders:
    """The frozen parts before the U-ViT."""

    vae: Any
    clip_image: Any
    clip_text: Any
    encode_prefix: nn.Linear
    tokenizer: Tokenizer

    @classmethod
    def open(cls, parts: Path) -> Encoders:
        """Those of a folder of runs."""
        from diffusers import AutoencoderKL
        from transformers import CLIPTextConfig, CLIPTextModel

        vae = AutoencoderKL(**sizes(parts / "vae" / "vae.json"))
        text = CLIPTextModel(CLIPTextConfig(**sizes(parts / "captioner" / "clip_text.json")))
        captioner = load_file(parts / "captioner" / "captioner.safetensors")
        weight = captioner["encode_prefix.weight"]
        prefix = nn.Linear(weight.shape[1], weight.shape[0]).requires_grad_(False)
        prefix.weight.copy_(weight)
        prefix.bias.copy_(captioner["encode_prefix.bias"])
        return cls(
            filled("vae", vae, parts / "vae" / "vae.safetensors").to(
                memory_format=torch.channels_last
            ),
            image_encoder(parts / "clip"),
            filled("clip_text", text, parts / "captioner" / "clip_text.safetensors"),
            prefix,
            Tokenizer.from_file(str(parts / "tokenizers" / "clip_tokenizer.json")),
        )

    def picture(self, shots: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) in -1..1 -> a draw of the VAE, unscaled, and CLIP's embedding (B, 1, E)."""
        posterior = self.vae.encode(shots.to(self.vae.dtype)).latent_dist
        pixels = clip_pixels(shots, self.clip_image.config.image_size)
        embedding = self.clip_image(pixel_values=pixels).image_embeds[:, None]
        return posterior.sample(generator).float(), embedding

    def text(self, captions: list[str]) -> Tensor:
        """(B, L, D)."""
        out: Tensor = self.encode_prefix(
            self.clip_text(token_ids(self.tokenizer, captions)).last_hidden_state
        )
        return out


def sized(pictures: NDArray[np.uint8], size: int) -> Tensor:
    """(B, 3, size, size) in -1..1; smaller pictures are means over areas."""
    small = F.interpolate(to_tensor(pictures), (size, size), mode="area")
    return small.contiguous(memory_format=torch.channels_last)


def vae_scale(encoders: Encoders, pairs: Pairs, size: int) -> float:
    """What the VAE's latents are multiplied with for a variance of 1."""
    shots = torch.split(sized(pairs.pictures[:MEASURED], size), BATCH)
    generator = draws.generator("vae scale")
    latents = torch.cat([encoders.picture(some, generator)[0] for some in shots])
    return float(1 / latents.std())


def rows(
    encoders: Encoders,
    pairs: Pairs,
    scale: float,
    size: int,
    seed: int,
    limit: int,
    tell: Callable[[str], None],
    augment: float = 0.0,
) -> Iterator[LatentPairs]:
    """The latents of the first pairs, a batch of pictures at a time; the same for the same seed.

    A share `augment` of the pictures is seen as others might draw or send them.
    """
    for first in range(0, limit, BATCH):
        numbers = range(first, min(first + BATCH, limit))
        generator = draws.generator(seed, "encode", first)
        shots = sized(pairs.pictures[numbers.start : numbers.stop], size)
        rng = draws_of(seed, first)
        other = torch.from_numpy(rng.random(len(shots)) < augment)
        if other.any():
            shots[other] = augmented(shots[other], rng)
        vae, clip = encoders.picture(shots, generator)
        captions = [pairs.captions(number) for number in numbers]
        repeats = torch.tensor([len(each) for each in captions])
        yield LatentPairs(
            (scale * vae).repeat_interleave(repeats, 0),
            clip.repeat_interleave(repeats, 0),
            encoders.text([text for each in captions for text in each]),
        )
        if first % (32 * BATCH) == 0:
            tell(f"{first} of {limit}")


def main() -> None:
    """Write the store."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("pairs", "parts", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pictures", type=int, help="encode only the first so many")
    parser.add_argument("--scale", type=float, help="of the VAE's latents; measured by default")
    parser.add_argument("--size", type=int, default=128, help="side of the pictures, in pixels")
    parser.add_argument("--bf16", action="store_true", help="where the processor has it")
    parser.add_argument(
        "--augment", type=float, default=0.0, help="share of the pictures seen turned, blurred, ..."
    )
    arguments = parser.parse_args()
    encoders, pairs = Encoders.open(arguments.parts), Pairs.open(arguments.pairs)
    if arguments.bf16:
        encoders.vae.to(torch.bfloat16)
    with torch.no_grad():
        scale = arguments.scale or vae_scale(encoders, pairs, arguments.size)
        limit = min(arguments.pictures or len(pairs), len(pairs))
        made = rows(
            encoders,
            pairs,
            scale,
            arguments.size,
            arguments.seed,
            limit,
            lambda line: print(line, flush=True),
            arguments.augment,
        )
        about = {
            "vae_scale": scale,
            "size": arguments.size,
            "seed": arguments.seed,
            "captions": pairs.captions(0),
        }
        store.write(arguments.out, made, about)


if __name__ == "__main__":
    main()
