"""What a helper holds, and the digest that tells it from every other.

A helper is asked for nothing but what it holds: another model, version, device or setting has
another digest, so another socket.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import unidiff_cli
from unidiff_cli import __version__
from unidiff_cli.registry import MODELS, Place
from unidiff_cli.storage.find import Found, find
from unidiff_cli.storage.layout import TUNED, WORDS, files_in, layout_of, needed

if TYPE_CHECKING:
    from unidiff_cli.speed.memory import Memory

PREFIXES = (
    *("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "DNNL_", "ONEDNN_", "ATEN_"),
    *("TORCH", "PYTORCH", "CUDA", "CUBLAS", "CUDNN", "NVIDIA_", "HIP_", "ROCR_", "HF_"),
)
"""Of the variables that change how it is computed, and where models are."""
LIBRARIES = ("site-packages", "dist-packages")


@dataclass(frozen=True, kw_only=True)
class Holding:
    """A model as it is to be loaded."""

    name: str
    """As the user knows it, and records state it."""
    folder: str | None
    """Its absolute path; None for random weights."""
    revision: str
    repo: str
    row: bool
    """Whether it is one of the registry's."""
    device: str
    dtype: str
    memory: Memory

    @classmethod
    def of(cls, place: Place) -> Self:
        """What is wanted; ModelUnavailable where that is not here.

        How many threads compute is not of the model: each request says it.
        """
        found = find(place.model)
        return cls(
            name=found.name,
            folder=None if found.folder is None else os.path.abspath(found.folder),
            revision=found.revision,
            repo=found.repo,
            row=found.row is not None,
            device=place.device,
            dtype=place.dtype,
            memory=place.memory,
        )

    @property
    def found(self) -> Found:
        """The model's place again."""
        folder = None if self.folder is None else Path(self.folder)
        row = MODELS[self.name] if self.row else None
        return Found(self.name, folder, self.revision, row, self.repo)

    def digest(self) -> str:
        """Sixteen hexadecimal digits over all that makes a helper the right one, and what is asked
        of the device and the number format in plain words."""
        told = json.dumps([asdict(self.anywhere), self.files(), surroundings()], sort_keys=True)
        return f"{hashlib.sha256(told.encode()).hexdigest()[:16]}-{self.device}-{self.dtype}"

    @property
    def anywhere(self) -> Self:
        """The same on any device, in any numbers."""
        return replace(self, device="", dtype="")

    def files(self) -> list[list[Any]]:
        """The name, size and times of each file of the model: what changes when one is written."""
        if self.folder is None:
            return []
        folder = Path(self.folder)
        present = files_in(folder)
        names = needed(layout_of(folder), present)[0] + [n for n in present if n in (WORDS, TUNED)]
        return [[name, *_stamp(folder / name)] for name in sorted(names)]


def surroundings() -> list[Any]:
    """The program, its libraries and what it is given of the machine."""
    affinity = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    return [
        __version__,
        [sys.executable, sys.version],
        _newest(os.path.dirname(unidiff_cli.__file__)),
        # Installing or removing a library changes the folder that it is in.
        [[path, os.stat(path).st_mtime_ns] for path in sys.path if path.endswith(LIBRARIES)],
        sorted(each for each in os.environ.items() if each[0].startswith(PREFIXES)),
        [os.cpu_count(), sorted(affinity)],
    ]


def _newest(package: str) -> int:
    """When the program's own text was last changed, in nanoseconds."""
    return max(
        os.stat(os.path.join(folder, name)).st_mtime_ns
        for folder, _, names in os.walk(package)
        for name in names
        if name.endswith(".py")
    )


def _stamp(path: Path) -> tuple[int, ...]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino
