"""Models in our layout and in that of diffusers, read under our names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.model_config import ModelConfig
from unidiff_cli.storage.checkpoint import Part, TokenizerName
from unidiff_cli.storage.layout import (
    CONFIG,
    FOLDERS,
    TOKENIZER_FOLDERS,
    WORDS,
    part_file,
    tokenizer_file,
)
from unidiff_cli.storage.names import DIFFUSERS
from unidiff_cli.storage.sizes import diffusers_config
from unidiff_cli.storage.stored import Stored, Tell, read_folder, read_tensors, silent
from unidiff_cli.storage.vocabulary import read_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass(frozen=True)
class Ours:
    """A folder in our layout."""

    folder: Path

    @cached_property
    def config(self) -> ModelConfig:
        """What config.json says."""
        return ModelConfig.read(self.folder / CONFIG)

    @cached_property
    def words(self) -> frozenset[str] | None:
        """The words of the captions that it was trained on, where words.json lists them."""
        path = self.folder / WORDS
        if not path.is_file():
            return None
        try:
            return frozenset(map(str, json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError) as error:
            raise ModelUnavailable(
                "model.config", f"{path} is no list of words ({error})."
            ) from error

    def tensors(self, part: Part) -> dict[str, Stored]:
        """The tensors of a part."""
        return read_tensors(self.folder / part_file(part))

    def tokenizer(self, name: TokenizerName) -> Tokenizer:
        """The tokenizer in its file."""
        return read_tokenizer(self.folder / tokenizer_file(name), name)


@dataclass(frozen=True)
class Diffusers:
    """A folder as diffusers saves and publishes it."""

    folder: Path
    name: str
    license: str = "unknown"
    tell: Tell = silent

    @cached_property
    def config(self) -> ModelConfig:
        """The sizes that the folders' config.json files state."""
        return diffusers_config(self.folder, self.name, self.license)

    def tensors(self, part: Part) -> dict[str, Stored]:
        """The tensors of a part."""
        return DIFFUSERS[part].translate(read_folder(self.folder / FOLDERS[part], self.tell))

    def tokenizer(self, name: TokenizerName) -> Tokenizer:
        """The tokenizer in its folder."""
        return read_tokenizer(self.folder / TOKENIZER_FOLDERS[name], name)
