"""Training the captioner: captions into the text latent and back, with noise on the latent.

CLIP's text encoder is frozen, or learns with it (`tune`). A latent that a diffusion model has
sampled is never quite right, so the decoder learns to read latents that noise was mixed into.

Axes: B batch, L latent tokens, D latent width, T caption tokens.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unidiff_cli.errors import UsageError
from unidiff_cli.nets.captioner import Captioner
from unidiff_cli.train import draws
from unidiff_cli.train.clip import save, token_ids
from unidiff_cli.train.pairs import Pairs
from unidiff_cli.train.pairs import draws as numbers

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from unidiff_cli.train.config import TrainerConfig
    from unidiff_cli.train.parts import Training

IGNORED = -100
HELD_OUT = 50  # of the captions that occur once, one in so many is never learned from


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What is learned from, with which encoder, and how much noise is to be forgiven."""

    pairs: Path
    clip_text: Path
    """Folder with the encoder: clip_text.safetensors and clip_text.json."""
    clip_tokenizer: Path
    caption_tokenizer: Path
    gpt2: dict[str, Any] = field(default_factory=dict)
    """Arguments of GPT2Config."""
    text_dim: int = 32
    start: Path | None = None
    """captioner.safetensors to begin with; its text latent then stays as it is, and only the way
    back to words is learned, so that a U-ViT that knows the latent stays of use."""
    tune: bool = False
    """Whether the text encoder learns too: what it was taught beside pictures leaves out much of
    a sentence. It is then written beside the captioner, in place of the one it began as."""
    batch: int = 96
    noise: float = 0.8  # the largest share of noise in a latent of unit variance

    def __post_init__(self) -> None:
        if self.start and self.tune:
            raise UsageError(
                "usage.not-together", "start keeps the text latent as it is; tune would change it."
            )


@dataclass(frozen=True, slots=True)
class Sentences:
    """A batch: the ids that CLIP reads (B, L), and those to write, an end behind each (B, T)."""

    read: Tensor
    write: Tensor  # IGNORED behind the end


class Autoencoder(nn.Module):
    """The captioner with its text encoder, which is trained too only if `tune` is set."""

    def __init__(self, captioner: Captioner, encoder: nn.Module, *, tune: bool = False) -> None:
        super().__init__()
        self.captioner = captioner
        self._encoder = [encoder.requires_grad_(tune).eval()]
        if tune:
            self.encoder = encoder

    def latents(self, read: Tensor) -> Tensor:
        """(B, L, D), not yet of unit variance."""
        features = self._encoder[0](read).last_hidden_state
        out: Tensor = self.captioner.encode_prefix(features)
        return out


def moments(latents: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation (D,) of latents (B, L, D)."""
    flat = latents.flatten(0, 1)
    return flat.mean(0), flat.std(0).clamp(min=1e-4)


def mixed(latents: Tensor, share: Tensor, generator: torch.Generator) -> Tensor:
    """Latents of unit variance with noise in them, still of unit variance; share is (B, 1, 1)."""
    noise = torch.randn(latents.shape, generator=generator, device=latents.device)
    return (1 - share.square()).sqrt() * latents + share * noise


def logits_at(
    model: Autoencoder, batch: Sentences, share: Tensor, generator: torch.Generator
) -> Tensor:
    """Logits (B, T, V) of the batch's captions, read from latents with this share of noise."""
    latents = model.latents(batch.read)
    if model.captioner.encode_prefix.weight.requires_grad:
        mean, deviation = moments(latents)
        latents = (latents - mean) / deviation
    noisy = mixed(latents, share, generator)
    out: Tensor = model.captioner(noisy, batch.write.clamp(min=0))
    return out


def losses(
    model: Autoencoder, batch: Sentences, generator: torch.Generator, config: Config
) -> Mapping[str, Tensor]:
    """The cross-entropy of the right next tokens, in nats per token."""
    device = batch.read.device
    share = torch.rand(len(batch.read), 1, 1, generator=generator, device=device) * config.noise
    logits = logits_at(model, batch, share, generator)
    loss = F.cross_entropy(logits.flatten(0, 1), batch.write.flatten(), ignore_index=IGNORED)
    return {"caption": loss}


def exact(model: Autoencoder, batch: Sentences, share: float) -> float:
    """The share of captions that greedy decoding gives back exactly, through this much noise."""
    generator = draws.generator("exact", device=batch.read.device)
    shares = torch.full((len(batch.read), 1, 1), share, device=batch.read.device)
    best = logits_at(model, batch, shares, generator).argmax(-1)
    right = (best == batch.write) | (batch.write == IGNORED)
    return float(right.all(1).float().mean())


def held_out(pairs: Pairs) -> frozenset[str]:
    """Captions that are never learned from: some of those that occur only once."""
    counts = Counter(text for row in range(len(pairs)) for text in pairs.captions(row))
    return frozenset(t for t, n in counts.items() if n == 1 and draws.key(t) % HELD_OUT == 0)


def sentences(texts: list[str], clip: Tokenizer, caption: Tokenizer) -> Sentences:
    """A batch of these captions."""
    end = caption.get_vocab_size() - 1
    written = [torch.tensor([*encoding.ids, end]) for encoding in caption.encode_batch(texts)]
    write = nn.utils.rnn.pad_sequence(written, batch_first=True, padding_value=IGNORED)
    return Sentences(token_ids(clip, texts), write)


def build(config: Config, trainer: TrainerConfig, device: torch.device) -> Training:
    """The captioner, ready to be trained; a sample reads held-out captions back."""
    from safetensors.torch import load_file
    from tokenizers import Tokenizer
    from transformers import CLIPTextConfig, CLIPTextModel

    from unidiff_cli.storage.names import MODULES
    from unidiff_cli.train.parts import Training

    torch.manual_seed(trainer.seed)
    sizes = json.loads((config.clip_text / "clip_text.json").read_text(encoding="utf-8"))
    encoder = CLIPTextModel(CLIPTextConfig(**sizes))
    stored = load_file(config.clip_text / "clip_text.safetensors")
    own = {MODULES["clip_text"].ours(key): key for key in encoder.state_dict()}
    encoder.load_state_dict({own[name]: tensor for name, tensor in stored.items()}, strict=False)
    captioner = Captioner(config.gpt2, sizes["hidden_size"], config.text_dim)
    if config.start:
        captioner.load_state_dict(load_file(config.start), strict=False)
        captioner.encode_prefix.requires_grad_(False)
    for net in (encoder, captioner.gpt):
        net.set_attn_implementation("eager")  # see nets.products.attend
    model = Autoencoder(captioner, encoder.to(device), tune=config.tune).to(device)
    clip, caption = (
        Tokenizer.from_file(str(path)) for path in (config.clip_tokenizer, config.caption_tokenizer)
    )
    pairs = Pairs.open(config.pairs)
    kept = held_out(pairs)

    def batch(texts: list[str]) -> Sentences:
        made = sentences(texts, clip, caption)
        return Sentences(made.read.to(device), made.write.to(device))

    def sample(path: Path) -> Mapping[str, float]:
        judged = batch(sorted(kept)[:256])
        return {f"exact_{share}": exact(model, judged, share) for share in (0.0, 0.5, 0.7)}

    def finish(folder: Path) -> None:
        if config.start is None:
            texts = [pairs.captions(row)[0] for row in range(min(2048, len(pairs)))]
            standardise(model, batch(texts).read)
        write(captioner, config, folder)
        if config.tune:
            save("clip_text", encoder, sizes, folder)

    return Training(
        model=model,
        loss=lambda drawn, generator: losses(model, drawn, generator, config),
        source=source(pairs, kept, config.batch, trainer.seed, batch),
        sample=sample if kept else None,
        finish=finish,
    )


def source(
    pairs: Pairs,
    kept: frozenset[str],
    size: int,
    seed: int,
    batch: Callable[[list[str]], Sentences],
) -> Callable[[int], Sentences]:
    """Index -> a batch of random captions, as often as they occur, none of those `kept` back."""
    every = [row for row in range(len(pairs)) if not kept.issuperset(pairs.captions(row))]

    def draw(index: int) -> Sentences:
        rng, texts = numbers(seed, index), list[str]()
        while len(texts) < size:
            text = str(rng.choice(pairs.captions(every[rng.integers(len(every))])))
            if text not in kept:
                texts.append(text)
        return batch(texts)

    return draw


@torch.no_grad()
def standardise(model: Autoencoder, read: Tensor) -> None:
    """Give the latents a mean of 0 and a variance of 1 in every dimension, as in training."""
    mean, deviation = moments(model.latents(read))
    prefix = model.captioner.encode_prefix
    prefix.weight /= deviation[:, None]
    prefix.bias.copy_((prefix.bias - mean) / deviation)


def write(captioner: Captioner, config: Config, folder: Path) -> None:
    """captioner.safetensors under the names of a model folder, and captioner.json."""
    save("captioner", captioner, {"text_dim": config.text_dim, "gpt2": config.gpt2}, folder)
