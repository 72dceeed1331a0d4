"""Words <-> the text latent: CLIP's text tower and a linear map in, the captioner out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from unidiff_cli.codecs.captions import decode_captions
from unidiff_cli.core.latents import Latent
from unidiff_cli.core.noise import generator


@dataclass(frozen=True)
class TextCodec:
    """The parts of the text side; each is asked for only when it is needed."""

    clip: Callable[[], Any]
    encode_prefix: Callable[[], Any]
    captioner: Callable[[], Any]
    clip_tokenizer: Callable[[], Any]
    caption_tokenizer: Callable[[], Any]
    tokens: int
    """Length of the text latent."""

    def token_ids(self, prompt: str) -> Tensor:
        """(1, L): start, words, end, and the end token again as padding; longer prompts are cut."""
        tokenizer = self.clip_tokenizer()
        start, end = (tokenizer.token_to_id(f"<|{name}oftext|>") for name in ("start", "end"))
        words = tokenizer.encode(prompt, add_special_tokens=False).ids[: self.tokens - 2]
        ids = [start, *words, end]
        return torch.tensor([ids + [end] * (self.tokens - len(ids))])

    def unread(self, prompt: str) -> str:
        """The end of a prompt that is too long: what is cut off; usually empty."""
        words = self.clip_tokenizer().encode(prompt, add_special_tokens=False)
        return prompt[words.offsets[self.tokens - 2][0] :] if len(words) > self.tokens - 2 else ""

    @torch.inference_mode()
    def encode(self, prompts: Sequence[str]) -> Latent:
        """((B, L, D),): equal prompts are encoded once, padding tokens are ordinary tokens."""
        clip, prefix = self.clip(), self.encode_prefix()
        latents = {
            prompt: prefix(clip(self.token_ids(prompt).to(clip.device)).last_hidden_state).float()
            for prompt in dict.fromkeys(prompts)
        }
        return Latent((torch.cat([latents[prompt] for prompt in prompts]),))

    def decode(
        self, latent: Latent, how: Literal["beam", "nucleus"], seeds: Sequence[int]
    ) -> list[str | None]:
        """The captions of a text latent, None where numbers overflowed.

        Only "nucleus" draws, from each sample's own stream.
        """
        return decode_captions(
            self.captioner(),
            latent.parts[0],
            self.caption_tokenizer(),
            how=how,
            generators=[generator(seed, "caption") for seed in seeds],
        )
