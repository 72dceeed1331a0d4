"""The model `tiny`: real classes, random weights, no files. The same numbers on every machine."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable

import torch
from tokenizers import Tokenizer
from torch import Tensor

from unidiff_cli.model_config import ModelConfig
from unidiff_cli.storage.checkpoint import Part, TokenizerName
from unidiff_cli.storage.parts import expected, hollow
from unidiff_cli.storage.stored import Stored
from unidiff_cli.storage.vocabulary import END, EOS, START, caption_tokenizer, clip_tokenizer

SEED = 0
LETTERS = " etaoinshrdlucmfwypvbgkjqxz"


class RandomSource:
    """Every tensor is drawn from a stream of its own name: no order, no global state."""

    def __init__(self, config: ModelConfig, seed: int = SEED) -> None:
        self.config = config
        self.seed = seed

    def tensors(self, part: Part) -> dict[str, Stored]:
        """The part's tensors."""
        return {
            name: Stored(name, shape, self._drawing(part, name, shape))
            for name, (_, shape) in expected(part, hollow(part, self.config)).items()
        }

    def tokenizer(self, name: TokenizerName) -> Tokenizer:
        """Tokenizers of single bytes."""
        return clip_bytes() if name == "clip" else caption_bytes()

    def _drawing(self, part: Part, name: str, shape: tuple[int, ...]) -> Callable[[], Tensor]:
        def draw() -> Tensor:
            key = f"{self.seed}/{part}/{name}".encode()
            seed = int.from_bytes(hashlib.sha256(key).digest()[:7], "big")
            noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
            return _scaled(name, noise)

        return draw


def _scaled(name: str, noise: Tensor) -> Tensor:
    """Noise as a weight: layers keep the size of what they are given."""
    if noise.ndim > 1:
        weight = noise / math.sqrt(noise[0].numel())
        return _spelled(weight) if name == "gpt.transformer.wte.weight" else weight
    if name == "gpt.transformer.ln_f.bias":
        return 6.0 * torch.nn.functional.one_hot(torch.tensor(0), len(noise)).float()
    return (1.0 if name.endswith(".weight") else 0.0) + 0.1 * noise


def _spelled(words: Tensor) -> Tensor:
    """Word vectors with letters and the end on one side of axis 0, so captions are of letters."""
    vocabulary = caption_bytes().get_vocab()
    liked = [vocabulary[_BYTES[ord(letter)]] for letter in LETTERS] + [vocabulary[EOS]]
    words[:, 0] = -1.0
    words[liked, 0] = 1.0
    return words


def clip_bytes() -> Tokenizer:
    """CLIP's tokenizer without merges: a token a byte, start and end where CLIP has them."""
    return clip_tokenizer(_numbered([*_BYTES, *(f"{byte}</w>" for byte in _BYTES), START, END]), [])


def caption_bytes() -> Tokenizer:
    """GPT-2's tokenizer without merges: a token a byte, then END, EOS last."""
    return caption_tokenizer(_numbered([*_BYTES, END]), [])


def _numbered(tokens: list[str]) -> dict[str, int]:
    return {token: index for index, token in enumerate(tokens)}


def _printable_bytes() -> list[str]:
    """For each byte the character that byte-level tokenizers write it as."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in visible else next(others)) for byte in range(256)]


_BYTES = _printable_bytes()
