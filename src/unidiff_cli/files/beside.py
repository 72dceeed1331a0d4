"""Captions beside pictures: photo.txt beside photo.jpg, for whole folders.

Several processes share a folder: each claims a caption under its own name before it is made, and
whoever comes later goes on to the next. Claims end with the process that has them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from unidiff_cli.errors import InputError, UsageError
from unidiff_cli.files.folders import Folder, expanded
from unidiff_cli.files.output import explained, replace_file
from unidiff_cli.files.text import read_text

if TYPE_CHECKING:
    from filelock import FileLock

Existing = Literal["skip", "overwrite", "append"]


def find_pictures(
    arguments: Sequence[str], glob: str | None = None
) -> tuple[list[Path], list[Folder]]:
    """The files that are named and the pictures in the folders that are, by name; the folders."""
    names, folders = expanded(arguments, glob)
    for name in names:
        if not os.path.exists(name):
            raise InputError(
                "input.missing", f"There is no file {name}.", "Name pictures, or folders of them."
            )
    if not names:
        raise UsageError(
            "usage.missing", "Nothing was named.", "unidiff i2t photos/ --captions beside"
        )
    return [Path(name) for name in dict.fromkeys(names)], folders


def suffix_of(said: str | None) -> str:
    """The suffix of the captions' files: .txt, or what --suffix says with or without its dot."""
    suffix = ".txt" if said is None else f".{said.removeprefix('.')}"
    if len(suffix) < 2 or "/" in suffix or os.sep in suffix:
        raise UsageError("usage.form", f"{said!r} is no suffix of a file.", "Try --suffix .caption")
    return suffix


@dataclass
class Captions:
    """The captions beside some pictures, and those of them that this process makes now."""

    suffix: str = ".txt"
    prefix: str = ""
    existing: Existing | None = None
    """What is done where there is a caption; None makes it an error."""
    claims: dict[Path, FileLock] = field(default_factory=dict)

    def file(self, picture: Path) -> Path:
        """The caption's file."""
        return picture.with_suffix(self.suffix)

    def check(self, pictures: Sequence[Path]) -> None:
        """A UsageError when two pictures would have one caption's file, or it is one of them."""
        owners: dict[Path, Path] = {}
        for picture in pictures:
            other = owners.setdefault(self.file(picture), picture)
            if other != picture:
                raise UsageError(
                    "usage.written-twice",
                    f"{other} and {picture} would have the same caption file.",
                    "Rename one of them.",
                )
        if both := owners.keys() & set(pictures):
            raise UsageError(
                "usage.written-twice", f"{min(both)} is a picture.", "Choose another --suffix."
            )

    def there(self, picture: Path) -> bool:
        """Whether it has a caption: a file that is blank is none."""
        return bool(self._text(picture))

    def claim(self, picture: Path) -> bool:
        """Whether it is this process's to caption, from now until `write` or `release`."""
        from filelock import FileLock, Timeout  # here, since it takes time that --help has not

        path = self.file(picture)
        lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=0)
        with explained(path):
            try:
                lock.acquire()
            except Timeout:
                return False
        self.claims[picture] = lock
        if self.existing in ("overwrite", "append") or not self.there(picture):
            return True
        self.release(picture)
        return False

    def write(self, picture: Path, caption: str) -> Path:
        """The file, with the caption; who has claimed it, writes it."""
        old = self._text(picture) if self.existing == "append" else ""
        text = f"{old}, {caption}" if old else f"{self.prefix}{caption}"
        path = replace_file(self.file(picture), f"{text}\n".encode())
        self.release(picture)
        return path

    def release(self, picture: Path) -> None:
        """Let another process have it."""
        lock = self.claims.pop(picture)
        with suppress(OSError):
            os.unlink(lock.lock_file)
        lock.release()

    def release_all(self) -> None:
        """Let others have all that was not written."""
        for picture in list(self.claims):
            self.release(picture)

    def _text(self, picture: Path) -> str:
        """What stands in the caption's file; what cannot be read is something."""
        path = self.file(picture)
        try:
            return " ".join(read_text(path, "replace").split())
        except FileNotFoundError:
            return ""
        except OSError:
            return str(path)
