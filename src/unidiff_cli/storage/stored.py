"""Tensors in files: names and shapes at once, numbers when asked for, mapped where possible."""

from __future__ import annotations

import hashlib
import pickle
import re
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.storage.weights import WHOLE, weights

GARBAGE = re.compile("Unsupported operand|invalid load key|truncated|ran out of input", re.I)
"""torch's messages about files that are no pickles, as opposed to pickles that hold code."""
AGAIN = "Fetch it again: unidiff models verify MODEL finds what is damaged."

WHENCE = (
    "diffusers writes such a folder with save_pretrained(..., safe_serialization=False); what "
    "comes from the Hub is fetched with: unidiff models pull"
)


@dataclass(frozen=True)
class Stored:
    """One tensor: its key and shape at once, its numbers when asked for."""

    origin: str
    """The key that people find it under, in its own file."""
    shape: tuple[int, ...]
    load: Callable[[], Tensor]
    """Its numbers, on the CPU, in the dtype that they are kept in."""


Tensors = Mapping[str, Stored]
LOOKED_AT = 256
"""Numbers of each tensor that a fingerprint depends on."""
Tell = Callable[[str], None]
"""Is told what goes on, a line at a time."""


def fingerprint(tensors: Tensors) -> str:
    """Twelve hexadecimal digits that change with the weights.

    They depend on the names and shapes, and on numbers evenly spread over each tensor: training
    changes nearly all of them, and reading a large model whole would take seconds.
    """
    found = hashlib.sha256()
    for name, stored in sorted(tensors.items()):
        numbers = stored.load().flatten()
        some = numbers[:: max(1, len(numbers) // LOOKED_AT)].float()
        found.update(f"{name} {stored.shape}".encode() + some.numpy().tobytes())
    return found.hexdigest()[:12]


def silent(message: str) -> None:
    """Tell nobody."""


def read_tensors(path: Path, tell: Tell = silent) -> dict[str, Stored]:
    """The tensors of a .safetensors file, or of a state dict that torch saved.

    ModelUnavailable when the file is missing, damaged, or holds more than tensors.
    """
    if not path.is_file():
        raise ModelUnavailable("model.incomplete", f"The file {path} is missing.", AGAIN)
    return _read_safe(path) if path.suffix == ".safetensors" else _read_pickle(path, tell)


def read_folder(folder: Path, tell: Tell = silent) -> dict[str, Stored]:
    """The tensors of a part's folder, as diffusers or transformers write it: see `weights`.

    ModelUnavailable when there are none, or a file of them is missing.
    """
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    there, absent = weights(names)
    if absent:
        raise ModelUnavailable(
            "model.incomplete", f"The weights in {folder} are not whole: no {absent[0]}.", WHENCE
        )
    if not there:
        raise ModelUnavailable(
            "model.incomplete",
            f"{folder} holds no weights that can be read: it has {', '.join(names) or 'nothing'}.",
            f"{' or '.join(WHOLE)}, in one file or in parts. {WHENCE}",
        )
    files = [read_tensors(folder / name, tell) for name in there]
    return {key: stored for each in files for key, stored in each.items()}


def _read_safe(path: Path) -> dict[str, Stored]:
    try:
        file: Any = safe_open(path, framework="pt", device="cpu")
        shapes = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise _damaged(path, error) from error

    def loader(key: str) -> Callable[[], Tensor]:
        def load() -> Tensor:
            try:
                tensor: Tensor = file.get_tensor(key)
            except (SafetensorError, OSError) as error:
                raise _damaged(path, error) from error
            return tensor

        return load

    return {key: Stored(key, shape, loader(key)) for key, shape in shapes.items()}


def _read_pickle(path: Path, tell: Tell) -> dict[str, Stored]:
    mapped = zipfile.is_zipfile(path)
    if not mapped and path.stat().st_size:
        tell(f"{path.name} has torch's old file format: it is read into memory as a whole.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickles in another protocol than torch's own
            found: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except MemoryError:
        raise
    except Exception as error:  # a damaged pickle may fail in any way
        if isinstance(error, pickle.UnpicklingError) and not GARBAGE.search(str(error)):
            raise ModelUnavailable(
                "model.unsafe",
                f"{path} holds more than tensors, so it is not opened.",
                "Code hidden in such a file would run on this machine; take it from where it was "
                "published.",
            ) from error
        raise _damaged(path, error) from error
    if not isinstance(found, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in found.items()
    ):
        raise ModelUnavailable(
            "model.damaged", f"{path} is not a state dict: a table of tensors by name."
        )
    return {key: whole(key, tensor) for key, tensor in found.items()}


def whole(key: str, tensor: Tensor) -> Stored:
    """A tensor that is here already."""
    return Stored(key, tuple(tensor.shape), lambda: tensor)


def _damaged(path: Path, error: Exception) -> ModelUnavailable:
    detail = str(error).strip().splitlines()
    # The advice of torch.load, to switch its protection off, is not passed on.
    said = detail[0] if detail and not detail[0].startswith("Weights only load failed") else ""
    reason = said or type(error).__name__
    return ModelUnavailable(
        "model.damaged", f"{path} is damaged or no weights file ({reason}).", AGAIN
    )
