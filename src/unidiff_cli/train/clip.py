"""Training CLIP's two encoders on pictures and captions, so that what belongs together is near.

Axes: B batch, D width of the space that both share.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unidiff_cli.codecs.image import CLIP_MEAN, CLIP_STD
from unidiff_cli.train.pairs import Pairs, draws, to_tensor

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from unidiff_cli.storage.checkpoint import Part
    from unidiff_cli.train.config import TrainerConfig
    from unidiff_cli.train.parts import Training

STATISTICS = 1280  # pictures that the scale of the embedding is measured on
HOTTEST = 100.0  # what the similarities are multiplied with at most, as in CLIP


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What is learned from, and the sizes of both encoders."""

    pairs: Path
    heldout: Path
    tokenizer: Path
    text: dict[str, Any] = field(default_factory=dict)
    """Arguments of CLIPTextConfig."""
    image: dict[str, Any] = field(default_factory=dict)
    """Arguments of nets.image_tower.image_tower."""
    start: Path | None = None  # a folder of clip_text and clip_image to begin with
    batch: int = 128
    cut: int = 12  # pixels that a random crop of a picture loses at most
    augment: bool = False  # show each picture turned, moved, blurred and in other light
    names: float = 0.0  # the share of pictures of which only the bare name is said


@dataclass(frozen=True, slots=True)
class Captioned:
    """A batch: pictures (B, 3, H, W), normalised, and the token ids (B, L) of a caption of each."""

    pictures: Tensor
    tokens: Tensor


class TwoTowers(nn.Module):
    """Both encoders and the temperature; `text_projection` serves training alone."""

    def __init__(self, text: Mapping[str, Any], image: Mapping[str, Any]) -> None:
        from transformers import CLIPTextConfig, CLIPTextModel, PreTrainedModel

        from unidiff_cli.nets.image_tower import image_tower

        super().__init__()
        self.text = CLIPTextModel(CLIPTextConfig(**text))
        self.image = image_tower(image)
        for encoder in (self.text, self.image):
            if isinstance(encoder, PreTrainedModel):
                encoder.set_attn_implementation("eager")  # see nets.products.attend
        self.text_projection = nn.Linear(text["hidden_size"], image["projection_dim"], bias=False)
        self.log_scale = nn.Parameter(torch.tensor(10.0).log())

    def embed(self, batch: Captioned) -> tuple[Tensor, Tensor]:
        """Directions (B, D) of pictures and captions, of length 1."""
        return self.embed_pictures(batch.pictures), self.embed_captions(batch.tokens)

    def embed_pictures(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, D), of length 1."""
        return F.normalize(self.image(pixel_values=pictures).image_embeds, dim=-1)

    def embed_captions(self, tokens: Tensor) -> Tensor:
        """(B, L) -> (B, D), of length 1."""
        return F.normalize(self.text_projection(self.text(tokens).pooler_output), dim=-1)


def contrast(pictures: Tensor, captions: Tensor, scale: Tensor, same: Tensor) -> Tensor:
    """CLIP's loss (arXiv 2103.00020) of pictures and captions (B, D), all of length 1.

    Each should pick out its own among the batch's; equal captions, `same` (B, B), share a target.
    """
    logits = scale * pictures @ captions.T  # (B, B)
    target = same.float() / same.sum(1, keepdim=True)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def losses(model: TwoTowers, batch: Captioned) -> Mapping[str, Tensor]:
    """The contrastive loss of a batch."""
    pictures, captions = model.embed(batch)
    same = (batch.tokens[:, None] == batch.tokens[None]).all(-1)  # (B, B)
    scale = model.log_scale.exp().clamp(max=HOTTEST)
    return {"contrast": contrast(pictures, captions, scale, same)}


def clip_pixels(pictures: Tensor, size: int) -> Tensor:
    """(B, 3, H, W) in -1..1 -> (B, 3, size, size), as CLIP's image encoder wants them."""
    small = F.interpolate(pictures, (size, size), mode="bicubic", antialias=True).clamp(-1, 1)
    mean, std = (
        torch.tensor(v, device=small.device).view(1, 3, 1, 1) for v in (CLIP_MEAN, CLIP_STD)
    )
    return ((small + 1) / 2 - mean) / std


def token_ids(tokenizer: Tokenizer, texts: list[str]) -> Tensor:
    """Token ids (B, L), from a tokenizer set to add start and end, to truncate and to pad."""
    return torch.tensor([encoding.ids for encoding in tokenizer.encode_batch(texts)])


def augmented(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Pictures (B, 3, H, W) in -1..1 as others might draw or send them.

    Each is turned by up to 15 degrees, scaled and moved (its edge goes on beyond it), in stronger
    or weaker light and colour, noisy; one in three is blurred. Hues stay: captions name them.
    """
    count = len(pictures)

    def draw(low: float, high: float, *shape: int) -> Tensor:
        return torch.from_numpy(rng.uniform(low, high, (count, *shape))).float()

    angle, scale = draw(-0.26, 0.26), draw(0.8, 1.25)
    cos, sin = scale * angle.cos(), scale * angle.sin()
    rows = torch.stack([cos, -sin, draw(-0.12, 0.12), sin, cos, draw(-0.12, 0.12)], dim=1)
    grid = F.affine_grid(rows.view(count, 2, 3), list(pictures.shape), align_corners=False)
    moved = F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    half = F.avg_pool2d(moved, 3)
    blurred = F.interpolate(half, pictures.shape[-2:], mode="bilinear")
    moved = torch.where(draw(0, 1, 1, 1, 1) < 1 / 3, blurred, moved)
    gray = moved.mean(1, keepdim=True)
    lit = (gray + (moved - gray) * draw(0.7, 1.3, 1, 1, 1)) * draw(0.8, 1.15, 1, 1, 1)
    noise = torch.from_numpy(rng.standard_normal(lit.shape, np.float32))
    return (lit + draw(-0.1, 0.1, 1, 1, 1) + draw(0, 0.12, 1, 1, 1) * noise).clamp(-1, 1)


def source(
    pairs: Pairs, tokenizer: Tokenizer, config: Config, seed: int, device: torch.device
) -> Callable[[int], Captioned]:
    """Index -> a batch of random pictures, all cropped alike, with one of each one's captions."""

    def batch(index: int) -> Captioned:
        rng = draws(seed, index)
        numbers = np.sort(rng.integers(len(pairs), size=config.batch))
        size = pairs.pictures.shape[1]
        side = size - int(rng.integers(config.cut + 1))
        y, x = rng.integers(0, size - side + 1, 2)
        shots = to_tensor(pairs.pictures[numbers][:, y : y + side, x : x + side])
        texts = [
            pairs.rows[number]["name"]
            if rng.random() < config.names
            else str(rng.choice(pairs.captions(number)))
            for number in numbers.tolist()
        ]
        small = int(config.image["image_size"])
        if config.augment:
            shots = augmented(F.interpolate(shots, (small, small), mode="area"), rng)
        pictures = clip_pixels(shots, small)
        return Captioned(pictures.to(device), token_ids(tokenizer, texts).to(device))

    return batch


def accuracy(model: TwoTowers, pictures: Tensor, tokens: Tensor, own: Tensor) -> float:
    """The share of pictures (B, ...) whose nearest caption, of tokens (N, L), is `own` (B,)."""
    near = model.embed_pictures(pictures) @ model.embed_captions(tokens).T
    return float((near.argmax(1) == own).float().mean())


def build(config: Config, trainer: TrainerConfig, device: torch.device) -> Training:
    """Both encoders, ready to be trained; a sample finds held-out pictures their names."""
    from tokenizers import Tokenizer

    from unidiff_cli.train.parts import Training

    torch.manual_seed(trainer.seed)
    model = TwoTowers(config.text, config.image)
    if config.start:
        read("clip_text", model.text, config.start)
        read("clip_image", model.image, config.start)
    model = model.to(device)
    tokenizer = Tokenizer.from_file(str(config.tokenizer))
    pairs, heldout = Pairs.open(config.pairs), Pairs.open(config.heldout)
    size = int(config.image["image_size"])
    names = sorted({row["name"] for row in (*pairs.rows, *heldout.rows)})
    tokens = token_ids(tokenizer, names).to(device)
    own = torch.tensor([names.index(row["name"]) for row in heldout.rows], device=device)
    pictures = clip_pixels(to_tensor(heldout.pictures[:]), size).to(device)

    def sample(path: Path) -> Mapping[str, float]:
        return {"heldout_accuracy": accuracy(model, pictures, tokens, own)}

    def finish(folder: Path) -> None:
        shots = clip_pixels(to_tensor(pairs.pictures[:STATISTICS]), size).to(device)
        rescale(model, shots)
        write(model, config, folder)

    return Training(
        model=model,
        loss=lambda batch, generator: losses(model, batch),
        source=source(pairs, tokenizer, config, trainer.seed, device),
        sample=sample,
        finish=finish,
    )


@torch.no_grad()
def rescale(model: TwoTowers, pictures: Tensor) -> None:
    """Give the embeddings of pictures a variance of 1 a dimension, on average."""
    embeds = torch.cat(
        [model.image(pixel_values=p).image_embeds for p in torch.split(pictures, 64)]
    )
    model.image.visual_projection.weight /= embeds.var(0).mean().sqrt()


def write(model: TwoTowers, config: Config, folder: Path) -> None:
    """clip_text.* and clip_image.*: tensors under the names of a model folder, and the sizes."""
    save("clip_text", model.text, config.text, folder)
    save("clip_image", model.image, config.image, folder)


def read(part: Part, module: nn.Module, folder: Path) -> None:
    """Give a module the tensors that `save` wrote."""
    from unidiff_cli.storage.parts import check, expected, state
    from unidiff_cli.storage.stored import read_tensors

    tensors, wanted = read_tensors(folder / f"{part}.safetensors"), expected(part, module)
    check(part, wanted, tensors)
    own = state(wanted, tensors, torch.device("cpu"), torch.float32)
    module.load_state_dict(own, strict=False)


def save(part: Part, module: nn.Module, sizes: Mapping[str, Any], folder: Path) -> None:
    """A part's tensors under their names in a model folder, and beside them its sizes."""
    from safetensors.torch import save_file

    from unidiff_cli.storage.names import MODULES

    names = MODULES[part]
    tensors = {names.ours(key): value for key, value in module.state_dict().items()}
    kept = {name: tensor.contiguous() for name, tensor in tensors.items() if name}
    save_file(kept, folder / f"{part}.safetensors")
    (folder / f"{part}.json").write_text(json.dumps(sizes, indent=2) + "\n")
