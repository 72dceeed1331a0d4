"""Our layout, written: safetensors tensor by tensor, so memory holds one of them at a time.

config.json            model_config.ModelConfig
<part>.safetensors     uvit, vae, clip_text, clip_image, captioner, under our key names
<name>_tokenizer.json  clip and caption, files of the `tokenizers` library
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import torch
from tokenizers import Tokenizer
from torch import nn

from unidiff_cli.errors.system import cannot_write
from unidiff_cli.model_config import ModelConfig
from unidiff_cli.storage.checkpoint import Part, TokenizerName
from unidiff_cli.storage.layout import CONFIG, part_file, tokenizer_file
from unidiff_cli.storage.parts import check, expected, hollow
from unidiff_cli.storage.stored import Stored, Tensors, whole

DTYPES: Mapping[str, torch.dtype] = {
    "fp32": torch.float32,
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
}
_CODES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}


def save_ours(
    folder: Path,
    config: ModelConfig,
    parts: Mapping[Part, nn.Module | Tensors],
    tokenizers: Mapping[TokenizerName, Tokenizer],
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write a model into `folder`, each file complete or absent, weights in `dtype`.

    A part is a module, or tensors under our names (`Opened.tensors`). One that does not fit the
    config is a ModelUnavailable, and nothing is written; a full disk is an OutputError.
    """
    ready: dict[Part, Tensors] = {}
    for part, given in parts.items():
        ready[part] = tensors_of(part, given) if isinstance(given, nn.Module) else given
        check(part, expected(part, hollow(part, config)), ready[part])
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for part, tensors in ready.items():
            write_tensors(folder / part_file(part), tensors.items(), dtype)
        for name, tokenizer in tokenizers.items():
            write_tokenizer(folder / tokenizer_file(name), tokenizer)
        config.write(folder / CONFIG)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """A disk that is full or closed to us, as an OutputError."""
    try:
        yield
    except OSError as error:
        raise cannot_write(
            f"The model cannot be written to {folder}", error, "May you write there?"
        ) from error


def write_tokenizer(path: Path, tokenizer: Tokenizer) -> None:
    """The tokenizer as a file of its library."""
    with _arriving(path) as file:
        file.write(tokenizer.to_str(pretty=False).encode())


def tensors_of(part: Part, module: nn.Module) -> dict[str, Stored]:
    """The tensors of a module under our names."""
    state = module.state_dict()
    return {
        ours: whole(ours, state[key].detach().cpu())
        for ours, (key, _) in expected(part, module).items()
    }


def write_tensors(path: Path, tensors: Iterable[tuple[str, Stored]], dtype: torch.dtype) -> None:
    """A safetensors file of the tensors in `dtype`, one after the other through memory."""
    rows = list(tensors)
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, stored in rows:
        start, end = end, end + math.prod(stored.shape) * dtype.itemsize
        header[name] = {
            "dtype": _CODES[dtype],
            "shape": list(stored.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with _arriving(path) as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, stored in rows:
            tensor = stored.load().to(dtype).contiguous()
            file.write(tensor.reshape(-1).view(torch.uint8).numpy().data)


@contextmanager
def _arriving(path: Path) -> Iterator[IO[bytes]]:
    """A file that appears under its name when all of it is on the disk."""
    partial = path.with_name(f".{path.name}.part")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
