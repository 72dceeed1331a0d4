"""Encode a folder of pairs once: a row of latents for every picture with each of its captions.

The parts are the runs `vae`, `clip` and `captioner` and the folder `tokenizers`. What comes out is
a store, as `unidiff train` reads it; its about.json also has the scale that gives the VAE's
latents a variance of 1.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from unidiff_cli.codecs.views import views as squares
from unidiff_cli.nets.autoencoder import autoencoder
from unidiff_cli.nets.image_tower import image_tower
from unidiff_cli.speed.dtype import choose_dtype
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
WIDE = 256  # of networks this wide choose_dtype says what the processor does best


def filled(part: Part, module: nn.Module, path: Path) -> Any:
    """The module with the tensors of a part's file, for inference."""
    return fill(part, module, read_tensors(path), torch.device("cpu"), torch.float32)


def sizes(path: Path) -> dict[str, Any]:
    """The arguments of a part's class."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@dataclass(frozen=True)
class Encoders:
    """The frozen parts before the U-ViT."""

    vae: Any
    clip_image: Any
    clip_text: Any
    encode_prefix: nn.Linear
    tokenizer: Tokenizer
    views: int

    @classmethod
    def open(cls, parts: Path, views: int = 1) -> Encoders:
        """Those of a folder of runs; each picture is seen in so many views."""
        from transformers import CLIPTextConfig, CLIPTextModel

        vae = autoencoder(sizes(parts / "vae" / "vae.json"))
        tower = image_tower(sizes(parts / "clip" / "clip_image.json"))
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
            filled("clip_image", tower, parts / "clip" / "clip_image.safetensors"),
            filled("clip_text", text, parts / "captioner" / "clip_text.safetensors"),
            prefix,
            Tokenizer.from_file(str(parts / "tokenizers" / "clip_tokenizer.json")),
            views,
        )

    def picture(self, shots: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) in -1..1 -> a draw of the VAE, unscaled, and CLIP's embeddings (B, V, E)."""
        posterior = self.vae.encode(shots.to(self.vae.dtype)).latent_dist
        size = self.clip_image.config.image_size
        seen = [
            clip_pixels(shots[..., upper:lower, left:right], size)
            for left, upper, right, lower in squares(shots.shape[-1], shots.shape[-2], self.views)
        ]
        embeddings = self.clip_image(pixel_values=torch.cat(seen)).image_embeds
        by_view = embeddings.view(self.views, len(shots), -1).transpose(0, 1)
        return posterior.sample(generator).float(), by_view

    def text(self, captions: list[str]) -> Tensor:
        """(B, L, D)."""
        out: Tensor = self.encode_prefix(
            self.clip_text(token_ids(self.tokenizer, captions)).last_hidden_state
        )
        return out


def vae_scale(encoders: Encoders, pairs: Pairs) -> float:
    """What the VAE's latents are multiplied with for a variance of 1."""
    shots = torch.split(to_tensor(pairs.pictures[:MEASURED]), BATCH)
    generator = draws.generator("vae scale")
    latents = torch.cat([encoders.picture(some, generator)[0] for some in shots])
    return float(1 / latents.std())


def rows(
    encoders: Encoders,
    pairs: Pairs,
    scale: float,
    seed: int,
    tell: Callable[[str], None],
    augment: float = 0.0,
) -> Iterator[LatentPairs]:
    """The latents of all pairs, a batch of pictures at a time; the same for the same seed.

    A share `augment` of the pictures is seen as others might draw or send them.
    """
    for first in range(0, len(pairs), BATCH):
        numbers = range(first, min(first + BATCH, len(pairs)))
        generator = draws.generator(seed, "encode", first)
        shots = to_tensor(pairs.pictures[numbers.start : numbers.stop])
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
        if first % (128 * BATCH) == 0:
            tell(f"{first} of {len(pairs)}")


@torch.no_grad()
def make(
    folder: Path,
    parts: Path,
    out: Path,
    *,
    scale: float | None = None,
    tell: Callable[[str], None],
    augment: float = 0.0,
    seed: int = 0,
    views: int = 1,
) -> None:
    """Write the store of a folder of pairs; the VAE's scale is measured unless it is given.

    The VAE works in bfloat16 where the processor has it.
    """
    encoders, pairs = Encoders.open(parts, views), Pairs.open(folder)
    size = pairs.pictures.shape[1]
    nn.Module.to(encoders.vae, choose_dtype("auto", torch.device("cpu"), WIDE))
    scale = scale or vae_scale(encoders, pairs)
    made = rows(encoders, pairs, scale, seed, tell, augment)
    about = {"vae_scale": scale, "size": size, "seed": seed, "views": views}
    store.write(out, made, {**about, "captions": pairs.captions(0)})
