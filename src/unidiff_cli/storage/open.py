"""A name, a folder or a Hub id -> a model, whichever way it lies on the disk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch
from torch import nn

from unidiff_cli.core.tuned import Tuned
from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.model_config import ModelConfig
from unidiff_cli.storage.checkpoint import Checkpoint, Part, TokenizerName
from unidiff_cli.storage.find import Found, find
from unidiff_cli.storage.folders import Diffusers, Ours
from unidiff_cli.storage.layout import TUNED, digest, layout_of
from unidiff_cli.storage.original import Extras, Original
from unidiff_cli.storage.parts import fill, hollow
from unidiff_cli.storage.stored import Tell, Tensors, fingerprint, silent
from unidiff_cli.storage.streamed import streamed_uvit
from unidiff_cli.storage.tiny import RandomSource
from unidiff_cli.storage.tuned_file import read_tuned

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class Source(Protocol):
    """Where the tensors and tokenizers of a model come from, under our names."""

    @property
    def config(self) -> ModelConfig:
        """The sizes of the parts."""

    def tensors(self, part: Part) -> Tensors:
        """The tensors of a part, not encode_prefix."""

    def tokenizer(self, name: TokenizerName) -> Tokenizer:
        """The tokenizer as it is kept."""


@dataclass(frozen=True)
class Opened:
    """A Checkpoint: parts are built and filled each time they are asked for."""

    name: str
    revision: str
    source: Source
    folder: Path | None = None

    @property
    def config(self) -> ModelConfig:
        """The sizes of the parts, and the model's defaults."""
        return self.source.config

    @property
    def words(self) -> frozenset[str] | None:
        """All words that the model was trained on, where its folder lists them."""
        return self.source.words if isinstance(self.source, Ours) else None

    @cached_property
    def network(self) -> str:
        """A fingerprint of the U-ViT's weights."""
        return fingerprint(self.tensors("uvit"))

    @cached_property
    def tuned(self) -> Tuned | None:
        """The solver that lies in its folder; ModelUnavailable where that file is damaged, or was
        learned from other weights.
        """
        found = None if self.folder is None else read_tuned(self.folder / TUNED)
        if found is not None and found.network != self.network:
            raise ModelUnavailable(
                "model.tuned-solver",
                f"The tuned solver of {self.name} was learned from other weights than it has now.",
                f"Learn it anew: unidiff tune {self.name} --force",
            )
        return found

    def module(self, part: Part, device: torch.device, dtype: torch.dtype) -> nn.Module:
        """The part on the device in the dtype; ModelUnavailable when its weights do not fit."""
        return fill(part, hollow(part, self.config), self.tensors(part), device, dtype)

    def streamed(self, device: torch.device, dtype: torch.dtype) -> nn.Module:
        """The U-ViT, whose blocks are read when they are due."""
        return streamed_uvit(self.config, lambda: self.tensors("uvit"), device, dtype)

    def tensors(self, part: Part) -> Tensors:
        """The tensors of a part under our names."""
        if part != "encode_prefix":
            return self.source.tensors(part)
        prefix = "encode_prefix."
        return {
            name.removeprefix(prefix): stored
            for name, stored in self.source.tensors("captioner").items()
            if name.startswith(prefix)
        }

    def tokenizer(self, name: TokenizerName) -> Tokenizer:
        """The tokenizer, neither padding nor truncating; CLIP's adds its start and end."""
        tokenizer = self.source.tokenizer(name)
        sizes = self.config.clip_text if name == "clip" else self.config.gpt2
        tokens, room = tokenizer.get_vocab_size(), sizes["vocab_size"]
        if tokens > room:
            raise ModelUnavailable(
                "model.tokenizer",
                f"The {name} tokenizer of {self.name} has {tokens} tokens, its network {room}.",
                "The tokenizer belongs to another model.",
            )
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer


def open_checkpoint(name_or_path: str | None = None) -> Checkpoint:
    """The model; ModelUnavailable says what to do when it is not here.

    None is unidiffuser-v1 if it was pulled, else the starter.
    """
    return open_found(find(name_or_path))


def open_found(found: Found, extras: Extras | None = None, tell: Tell = silent) -> Opened:
    """The model at a place; `extras` says where to find what the original files lack."""
    source = _source(found, extras or Extras(), tell)
    revision = found.revision or (digest(found.folder) if found.folder else "")
    return Opened(found.name, revision, source, found.folder)


def _source(found: Found, extras: Extras, tell: Tell) -> Source:
    if found.folder is None:
        assert found.row is not None
        assert found.row.config is not None
        return RandomSource(found.row.config)
    layout = layout_of(found.folder)
    if layout == "ours":
        return Ours(found.folder)
    if layout == "original":
        return Original(found.folder, extras, tell)
    return Diffusers(found.folder, found.shown, found.license, tell)
