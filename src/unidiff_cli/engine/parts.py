"""The parts of a model on a device, each loaded when it is first needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch

from unidiff_cli.codecs.image import ImageCodec
from unidiff_cli.codecs.text import TextCodec
from unidiff_cli.core.noise import Noise
from unidiff_cli.core.pair import Pair
from unidiff_cli.model_config import ModelConfig
from unidiff_cli.progress import Progress
from unidiff_cli.speed.dtype import arranged, beside
from unidiff_cli.speed.memory import Memory, release
from unidiff_cli.speed.pages import rest
from unidiff_cli.storage.checkpoint import Checkpoint, Part, TokenizerName

STAGES: tuple[frozenset[Part], ...] = (
    frozenset({"clip_text", "encode_prefix"}),
    frozenset({"clip_image", "vae"}),
    frozenset({"uvit"}),
    frozenset({"captioner"}),
)
"""Parts that work together: to read words, to encode or decode pictures, to sample, to caption."""


WIDE_GPT2 = 512
"""Captioners that are narrower gain nothing from half precision."""


@dataclass(frozen=True)
class Parts:
    """A checkpoint, and what of it is loaded so far, by number format."""

    checkpoint: Checkpoint
    device: torch.device
    progress: Progress
    memory: Memory = "auto"
    loaded: dict[tuple[Part | TokenizerName, torch.dtype | None], Any] = field(default_factory=dict)

    @property
    def frugal(self) -> bool:
        """Whether a part makes room for the next stage's, and is loaded again when it is needed."""
        return self.memory != "auto"

    @property
    def config(self) -> ModelConfig:
        """The sizes of the parts."""
        return self.checkpoint.config

    @property
    def factor(self) -> int:
        """How many pixels of a picture's side stand behind one place of its latent."""
        return int(2 ** (len(self.config.vae["block_out_channels"]) - 1))

    def module(self, part: Part, dtype: torch.dtype) -> Any:
        """The part on the device, loaded at the first call."""
        if part == "vae" and not self.frugal:  # if frugal, the U-ViT is dropped instead
            self._rest()
        if (part, dtype) not in self.loaded:
            if self.frugal:
                self._make_room(part, dtype)
            self.progress.stage(f"loading {part.replace('_', ' ')}")
            if part == "uvit" and self.memory == "min":
                module = self.checkpoint.streamed(self.device, dtype)
            else:
                module = self.checkpoint.module(part, self.device, beside(dtype))
            self.loaded[part, dtype] = arranged(part, module, self.device, dtype)
        return self.loaded[part, dtype]

    def _rest(self) -> None:
        """Let the network's file leave the memory while pictures are seen or painted."""
        for (name, _), module in self.loaded.items():
            if name == "uvit" and self.device.type == "cpu":
                rest(module)

    def _make_room(self, part: Part, dtype: torch.dtype) -> None:
        """Let go of all parts that are not at work together with this one."""
        (stage,) = (stage for stage in STAGES if part in stage)
        for other, format in list(self.loaded):
            if format is not None and (other not in stage or format != dtype):
                del self.loaded[other, format]
        release(self.device)

    def keep_only(self, dtype: torch.dtype) -> None:
        """Let go of the parts in other number formats, which a rescue needed."""
        for part, format in list(self.loaded):
            if format not in (None, dtype):
                del self.loaded[part, format]
        release(self.device)

    def tokenizer(self, name: TokenizerName) -> Any:
        """The tokenizer, loaded at the first call."""
        if (name, None) not in self.loaded:
            self.loaded[name, None] = self.checkpoint.tokenizer(name)
        return self.loaded[name, None]

    def codecs(self, dtype: torch.dtype) -> tuple[ImageCodec, TextCodec]:
        """Both codecs; they load nothing before they are used."""
        module = partial(self.module, dtype=dtype)
        images = ImageCodec(
            vae=partial(module, "vae"),
            exact_vae=partial(self.module, "vae", torch.float32),
            clip=partial(module, "clip_image"),
            scale=self.config.vae_scale,
            clip_size=int(self.config.clip_image["image_size"]),
            views=self.config.clip_tokens,
            factor=self.factor,
            tile=self.config.size // self.factor if self.frugal else None,
        )
        texts = TextCodec(
            clip=partial(module, "clip_text"),
            encode_prefix=partial(module, "encode_prefix"),
            captioner=partial(self.module, "captioner", self._for_captions(dtype)),
            clip_tokenizer=partial(self.tokenizer, "clip"),
            caption_tokenizer=partial(self.tokenizer, "caption"),
            tokens=self.config.text_tokens,
        )
        return images, texts

    def _for_captions(self, dtype: torch.dtype) -> torch.dtype:
        """Float32, but on a CPU, where a wide GPT-2 takes half the time in half precision."""
        wide = int(self.config.gpt2.get("n_embd", 768)) >= WIDE_GPT2
        return beside(dtype) if wide and self.device.type == "cpu" else torch.float32

    def noise(self, seeds: Sequence[int], width: int, height: int) -> Noise:
        """The noise streams of samples of this size, in pixels."""
        config = self.config
        vae = (int(config.uvit["channels"]), height // self.factor, width // self.factor)
        image, text = (
            (vae, (config.clip_tokens, int(config.uvit["clip_dim"]))),
            (config.text_tokens, config.text_dim),
        )
        return Noise(seeds, Pair(image, (text,)), self.device)
