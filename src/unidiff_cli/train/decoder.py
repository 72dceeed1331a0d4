"""Training the autoencoder's decoder alone: the same latents, better pictures of them.

The encoder stays as it is, so no U-ViT has to be trained anew. A sampler's latents are a little off
those of any picture, and a decoder that never saw such errors paints them: flat areas come out
mottled. So it learns from latents with errors that sampling left, the picture being what the latent
should have been.

Axes: B batch, S sampled ones of them, C latent channels, h w latent size, H W size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from unidiff_cli.errors import UsageError
from unidiff_cli.train.pairs import Pairs, draws, to_tensor

if TYPE_CHECKING:
    from diffusers import AutoencoderKL

    from unidiff_cli.train.config import TrainerConfig
    from unidiff_cli.train.parts import Training


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What is learned from, and what counts for how much."""

    pairs: Path
    heldout: Path
    sampled: Path
    """A folder of pairs with latents.npy: (N, C, h, w), what sampling made of their latents."""
    start: Path
    """A safetensors file of weights to begin with; all but the decoder's stay."""
    net: dict[str, Any]
    """Arguments of nets.autoencoder."""
    batch: int = 8
    clean: float = 0.4  # the share of latents without errors
    squared: float = 30.0
    edges: float = 2.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Pictures (B, 3, H, W) in -1..1, and what sampling made of the first S: (S, C, h, w)."""

    pictures: Tensor
    sampled: Tensor


def errors(means: Tensor, sampled: Tensor, generator: torch.Generator, clean: float) -> Tensor:
    """What is added to latents (B, C, h, w): their own errors, or one lent by the first S.

    Each is of a strength up to 1, a third of them whole; but a share `clean` has none.
    """
    own = sampled - means[: len(sampled)]
    others = len(means) - len(own)
    lent = torch.randint(len(own), (others,), generator=generator, device=means.device)
    drawn = torch.rand(2, len(means), 1, 1, 1, generator=generator, device=means.device)
    strength = (1.5 * drawn[0]).clamp(max=1).masked_fill(drawn[1] < clean, 0.0)
    return strength * torch.cat([own, own[lent].flip(-1)])


def losses(
    model: AutoencoderKL, batch: Batch, generator: torch.Generator, config: Config
) -> Mapping[str, Tensor]:
    """The parts of the loss, and their weighted "total".

    What is brighter than white or darker than black is cut off in a picture: it is no error.
    """
    with torch.no_grad():
        means = model.encode(batch.pictures).latent_dist.mode()
        latents = means + errors(means, batch.sampled, generator, config.clean)
    error = model.decode(latents).sample - batch.pictures
    beyond = (error * batch.pictures > 0) & (batch.pictures.abs() == 1)
    error = error.masked_fill(beyond, 0.0)
    across, down = error.diff(dim=-1).abs().mean(), error.diff(dim=-2).abs().mean()
    parts = {
        "absolute": error.abs().mean(),
        "squared": error.square().mean(),
        "edges": across + down,
    }
    weighted = config.squared * parts["squared"] + config.edges * parts["edges"]
    return {**parts, "total": parts["absolute"] + weighted}


def source(
    pairs: Pairs,
    sampled: Pairs,
    latents: np.ndarray[Any, Any],
    config: Config,
    seed: int,
    device: torch.device,
) -> Callable[[int], Batch]:
    """Index -> a batch of random pictures, the first half of them with sampled latents."""

    def batch(index: int) -> Batch:
        rng, half = draws(seed, index), max(1, config.batch // 2)
        drawn = rng.integers(len(sampled), size=half)
        others = rng.integers(len(pairs), size=config.batch - half)
        shots = [*(sampled.pictures[n] for n in drawn), *(pairs.pictures[n] for n in others)]
        pictures = to_tensor(np.stack(shots)).to(device, memory_format=torch.channels_last)
        return Batch(pictures, torch.from_numpy(latents[drawn]).to(device))

    return batch


def build(config: Config, trainer: TrainerConfig, device: torch.device) -> Training:
    """The decoder, ready to be trained; samples are held-out pictures above their copies."""
    from safetensors.torch import load_file

    from unidiff_cli.nets.autoencoder import autoencoder
    from unidiff_cli.train import vae
    from unidiff_cli.train.parts import Training

    torch.manual_seed(trainer.seed)
    model = autoencoder(config.net)
    model.load_state_dict(load_file(config.start))
    model = model.to(device, memory_format=torch.channels_last).requires_grad_(False)
    model.decoder.requires_grad_(True)
    model.post_quant_conv.requires_grad_(True)
    pairs, sampled = Pairs.open(config.pairs), Pairs.open(config.sampled)
    latents = sampled_latents(config.sampled, len(sampled))
    return Training(
        model=model,
        loss=lambda batch, generator: losses(model, batch, generator, config),
        source=source(pairs, sampled, latents, config, trainer.seed, device),
        sample=vae.copies(model, config.heldout, device),
        finish=lambda folder: vae.write(model, config.net, folder),
    )


def sampled_latents(folder: Path, count: int) -> np.ndarray[Any, Any]:
    """latents.npy of a folder of sampled pairs; UsageError where it is not of its pictures."""
    try:
        latents: np.ndarray[Any, Any] = np.load(folder / "latents.npy", mmap_mode="r")
    except (OSError, ValueError) as error:
        raise UsageError(
            "usage.training-data", f"{folder} has no sampled latents: {error}."
        ) from error
    if len(latents) != count:
        raise UsageError(
            "usage.training-data", f"{folder} has {count} pictures and {len(latents)} latents."
        )
    return latents
