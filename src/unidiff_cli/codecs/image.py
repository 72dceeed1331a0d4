"""Pictures <-> the image latent: the VAE's for looks, CLIP's for meaning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from unidiff_cli.codecs.tiles import tiled
from unidiff_cli.codecs.views import views
from unidiff_cli.core.latents import Latent
from unidiff_cli.core.noise import Noise
from unidiff_cli.files.pictures import square

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class ImageCodec:
    """AutoencoderKL and CLIP's image tower; each is asked for only when it is needed.

    Half precision overflows in some VAEs, for some pictures: these go through it in float32.
    """

    vae: Callable[[], Any]
    exact_vae: Callable[[], Any]
    """The same in float32."""
    clip: Callable[[], Any]
    scale: float
    """Latents are samples of the VAE's posterior times this."""
    clip_size: int
    """Side of the square that CLIP looks at, in pixels."""
    factor: int
    """How many pixels of a picture's side stand behind one place of its latent."""
    views: int = 1
    """How many squares of a picture CLIP looks at."""
    tile: int | None = None
    """Places of a latent's side above which pictures go through the VAE in tiles of that side."""

    @torch.inference_mode()
    def encode(
        self, pictures: Sequence[Image.Image], width: int, height: int, noise: Noise
    ) -> Latent:
        """(vae (B, C, h, w), clip (B, V, D)) of RGB pictures, cropped and resized as published."""
        rows = [self._encode_one(square(picture, width, height)) for picture in pictures]
        mean, std, clip = (torch.cat(part).float() for part in zip(*rows, strict=True))
        drawn = noise.latent("image", 0, "encode").parts[0]
        return Latent((self.scale * (mean + std * drawn), clip))

    def _encode_one(self, picture: Image.Image) -> tuple[Tensor, Tensor, Tensor]:
        """The posterior's mean and deviation (1, C, h, w), and CLIP's embeddings (1, V, D)."""
        x, clip = pixels(picture) / 127.5 - 1, self.clip()
        mean, std = self._finite(self._posterior, x)
        seen = [
            clip_pixels(picture.crop(box), self.clip_size)
            for box in views(picture.width, picture.height, self.views)
        ]
        embeddings = clip(pixel_values=self._to(clip, torch.cat(seen))).image_embeds
        return mean, std, embeddings[None]

    def _posterior(self, vae: Any, x: Tensor) -> Tensor:
        """(2, 1, C, h, w): its mean and its deviation."""

        def work(tile: Tensor) -> Tensor:
            found = vae.encode(self._to(vae, tile)).latent_dist
            return torch.stack([found.mean, found.std])

        return tiled(work, x, self.tile, before=self.factor)

    @torch.inference_mode()
    def decode(self, latent: Latent) -> list[Image.Image]:
        """RGB pictures of the VAE's part of a latent; CLIP's part has no picture of its own."""
        rows = torch.split(latent.parts[0] / self.scale, 1)
        return [picture(self._finite(self._decode_one, z)) for z in rows]

    def _decode_one(self, vae: Any, z: Tensor) -> Tensor:
        """(3, H, W)."""

        def work(tile: Tensor) -> Tensor:
            decoded: Tensor = vae.decode(self._to(vae, tile)).sample[0]
            return decoded

        return tiled(work, z, self.tile, after=self.factor)

    def _finite(self, work: Callable[[Any, Tensor], Tensor], x: Tensor) -> Tensor:
        """What the VAE makes of x, in float32 where its own number format overflows."""
        vae = self.vae()
        made = work(vae, x)
        if vae.dtype is torch.float32 or bool(made.isfinite().all()):
            return made
        del vae  # where memory is low, it is dropped for the other
        return work(self.exact_vae(), x)

    @staticmethod
    def _to(module: nn.Module, x: Tensor) -> Tensor:
        weight = next(module.parameters())
        return x.to(weight.device, weight.dtype)


def where(masks: Sequence[Image.Image], factor: int) -> Latent:
    """Where image latents may change, as booleans ((B, 1, h, w), (B, 1, 1)).

    The masks are greys of the pictures' size, 0 where a picture stays. A place of the VAE's latent
    may change with any of its factor x factor pixels; CLIP's part, which is of the whole, always.
    """
    seen = torch.stack([pixels(mask)[0, :1] for mask in masks])
    places = functional.max_pool2d(seen, factor) > 0
    return Latent((places, torch.ones(len(masks), 1, 1, dtype=torch.bool)))


def pixels(picture: Image.Image) -> Tensor:
    """An RGB picture as (1, 3, H, W) float32, 0..255."""
    raw = torch.frombuffer(bytearray(picture.convert("RGB").tobytes()), dtype=torch.uint8)
    return raw.view(1, picture.height, picture.width, 3).permute(0, 3, 1, 2).float()


def picture(x: Tensor) -> Image.Image:
    """(3, H, W) in -1..1 as an RGB picture; what lies outside is clamped.

    If any number is not finite, even in a single tile, all of it is black: a broken picture must
    not pass for a good one.
    """
    x = x.float() if bool(x.isfinite().all()) else torch.full_like(x, -1.0, dtype=torch.float32)
    levels = (x / 2 + 0.5).clamp(0, 1).mul(255).round().to(torch.uint8)
    return Image.fromarray(levels.permute(1, 2, 0).cpu().numpy(), "RGB")


def clip_pixels(
    picture: Image.Image,
    size: int,
    mean: Sequence[float] = CLIP_MEAN,
    std: Sequence[float] = CLIP_STD,
) -> Tensor:
    """(1, 3, size, size): the shorter side resized (bicubic), the centre cut out, normalised.

    The longer side and the corner are rounded down, as by transformers' CLIPImageProcessor; in
    whole numbers, since a quotient of floats may fall just below the pixel that it is.
    """
    width, height = (side * size // min(picture.size) for side in picture.size)
    resized = picture.resize((width, height), Image.Resampling.BICUBIC)
    left, top = (width - size) // 2, (height - size) // 2
    cropped = pixels(resized.crop((left, top, left + size, top + size))) / 255
    middle, spread = (torch.tensor(values).view(1, 3, 1, 1) for values in (mean, std))
    return (cropped - middle) / spread
