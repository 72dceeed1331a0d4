"""Training the autoencoder of pictures: diffusers' AutoencoderKL on crops and whole pictures.

Axes: B batch, C channels, H W size.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from unidiff_cli.train.pairs import Pairs, draws, to_tensor

if TYPE_CHECKING:
    from diffusers import AutoencoderKL

    from unidiff_cli.train.config import TrainerConfig
    from unidiff_cli.train.parts import Training
    from unidiff_cli.train.step import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What is learned from, and what counts for how much."""

    pairs: Path
    heldout: Path
    net: dict[str, Any] = field(default_factory=dict)
    """Arguments of nets.autoencoder."""
    start: Path | None = None  # a safetensors file of weights to begin with
    batch: int = 8
    crop: int = 64
    whole: float = 0.1  # share of the batches that are whole pictures, a quarter as many of them
    squared: float = 2.0
    edges: float = 0.3
    kl: float = 1e-4


def reconstruction(model: AutoencoderKL, pictures: Tensor) -> Tensor:
    """Pictures (B, 3, H, W) in -1..1, through the mean of their latents and back."""
    mean = model.encode(pictures).latent_dist.mode()
    out: Tensor = model.decode(mean).sample
    return out.clamp(-1, 1)


def psnr(pictures: Tensor, others: Tensor) -> Tensor:
    """Peak signal to noise, (B,) in dB, of pictures in -1..1."""
    error = ((pictures - others) / 2).square().flatten(1).mean(1)
    return -10 * error.clamp(min=1e-10).log10()


def losses(
    model: AutoencoderKL, pictures: Tensor, generator: torch.Generator, config: Config
) -> Mapping[str, Tensor]:
    """The parts of the loss of a batch (B, 3, H, W), and their weighted "total"."""
    posterior = model.encode(pictures).latent_dist
    error = model.decode(posterior.sample(generator)).sample - pictures
    across, down = error.diff(dim=-1).abs().mean(), error.diff(dim=-2).abs().mean()
    parts = {
        "absolute": error.abs().mean(),
        "squared": error.square().mean(),
        "edges": across + down,
        "kl": 0.5 * (posterior.mean.square() + posterior.var - 1 - posterior.logvar).mean(),
    }
    weights = {"squared": config.squared, "edges": config.edges, "kl": config.kl}
    total = parts["absolute"] + sum(weight * parts[name] for name, weight in weights.items())
    return {**parts, "total": total}


def source(
    pairs: Pairs, config: Config, seed: int, device: torch.device
) -> Callable[[int], Tensor]:
    """Index -> a batch of crops of random pictures, or now and then of fewer whole pictures."""

    def batch(index: int) -> Tensor:
        rng = draws(seed, index)
        whole = rng.random() < config.whole
        count = max(1, config.batch // 4) if whole else config.batch
        size = pairs.pictures.shape[1]
        side = size if whole else config.crop
        shots = []
        for number in rng.integers(len(pairs), size=count):
            y, x = rng.integers(0, size - side + 1, 2)
            shots.append(pairs.pictures[number, y : y + side, x : x + side])
        tensor = to_tensor(np.stack(shots))
        return tensor.to(device, memory_format=torch.channels_last)

    return batch


def copies(model: AutoencoderKL, folder: Path, device: torch.device) -> Sample:
    """What draws held-out pictures above their copies, and says how alike they are."""
    heldout = to_tensor(Pairs.open(folder).pictures[:]).to(device)

    def sample(path: Path) -> Mapping[str, float]:
        copied = torch.cat([reconstruction(model, each) for each in torch.split(heldout, 16)])
        sheet(heldout[:12], copied[:12]).save(path)
        return {"heldout_psnr": float(psnr(heldout, copied).mean())}

    return sample


def write(model: AutoencoderKL, net: Mapping[str, Any], folder: Path) -> None:
    """The part as the other parts' trainings and the export read it."""
    from safetensors.torch import save_file

    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors, folder / "vae.safetensors")
    (folder / "vae.json").write_text(json.dumps(net, indent=2) + "\n")


def build(config: Config, trainer: TrainerConfig, device: torch.device) -> Training:
    """The autoencoder, ready to be trained; samples are held-out pictures above their copies."""
    from safetensors.torch import load_file

    from unidiff_cli.nets.autoencoder import autoencoder
    from unidiff_cli.train.parts import Training

    torch.manual_seed(trainer.seed)
    model = autoencoder(config.net)
    if config.start:
        model.load_state_dict(load_file(config.start))
    model = model.to(device, memory_format=torch.channels_last)
    return Training(
        model=model,
        loss=lambda batch, generator: losses(model, batch, generator, config),
        source=source(Pairs.open(config.pairs), config, trainer.seed, device),
        sample=copies(model, config.heldout, device),
        finish=lambda folder: write(model, config.net, folder),
    )


def sheet(pictures: Tensor, copies: Tensor) -> Any:
    """Two rows of pictures (B, 3, H, W) in -1..1, as one PIL image."""
    from PIL import Image

    rows = torch.stack([pictures, copies]).clamp(-1, 1)  # (2, B, 3, H, W)
    flat = rows.permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1)  # (2 H, B W, 3)
    return Image.fromarray(((flat + 1) * 127.5).round().byte().cpu().numpy())
