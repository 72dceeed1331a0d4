"""A name, a folder or a Hub id -> a model, whichever way it lies on the disk."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch
from torch import nn

from unidiff_cli.model_config import ModelConfig
from unidiff_cli.storage.checkpoint import Checkpoint, Part, TokenizerName
from unidiff_cli.storage.find import Found, find
from unidiff_cli.storage.folders import Diffusers, Ours
from unidiff_cli.storage.layout import layout_of
from unidiff_cli.storage.original import Extras, Original
from unidiff_cli.storage.parts import fill, hollow
from unidiff_cli.storage.stored import Tell, Tensors, silent
from unidiff_cli.storage.tiny import RandomSource

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

    @property
    def config(self) -> ModelConfig:
        """The sizes of the parts, and the model's defaults."""
        return self.source.config

    def module(self, part: Part, device: torch.device, dtype: torch.dtype) -> nn.Module:
        """The part on the device in the dtype; ModelUnavailable when its weights do not fit."""
        return fill(part, hollow(part, self.config), self.tensors(part), device, dtype)

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
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer


def open_checkpoint(name_or_path: str | None = None) -> Checkpoint:
    """The model; ModelUnavailable says what to do when it is not here.

    None is unidiffuser-v1 if it was pulled, else the starter.
    """
    found = find(name_or_path)
    if found.folder is None:
        assert found.row is not None
        assert found.row.config is not None
        return Opened(found.name, "random", RandomSource(found.row.config))
    return open_folder(found.folder, found)


def open_folder(
    folder: Path, found: Found | None = None, extras: Extras | None = None, tell: Tell = silent
) -> Opened:
    """The model in a folder of any of the three layouts."""
    row = found.row if found else None
    name = found.name if found else folder.name
    layout = layout_of(folder)
    source: Source
    if layout == "ours":
        source = Ours(folder)
    elif layout == "diffusers":
        source = Diffusers(folder, name, row.license if row else "unknown", tell)
    else:
        source = Original(folder, extras or Extras(), tell)
    return Opened(name, (found.revision if found else "") or digest(folder), source)


def digest(folder: Path) -> str:
    """Twelve hexadecimal digits that change with the config, or with the size of any file."""
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        whole.update(f"{path.relative_to(folder).as_posix()} {path.stat().st_size}\n".encode())
        if path.name == "config.json":
            whole.update(path.read_bytes())
    return whole.hexdigest()[:12]
