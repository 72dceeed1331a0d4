"""webdataset's tar files: samples of members whose names are equal up to the first dot.

The members of a sample need not be neighbours: the whole tar is looked through before the first
sample. What has a name with a dot before it is no member: macOS puts such beside each file.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True, slots=True)
class Inside:
    """A file within a tar."""

    tar: Path
    name: str
    start: int
    size: int

    def read(self) -> bytes:
        """Its bytes; fewer where the tar is cut off."""
        with open(self.tar, "rb") as file:
            file.seek(self.start)
            return file.read(self.size)

    def __str__(self) -> str:
        return f"{self.tar}: {self.name}"


OTHERS = {"PaxHeader", "PaxHeaders", "__MACOSX"}
"""Folders that programs which pack leave there, with what they know of each file."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What belongs together."""

    key: str
    fields: Mapping[str, Inside]
    """By what follows the first dot, in lower case: png, txt, input.png."""


def samples(tar: Path) -> tuple[list[Sample], str]:
    """The samples in the order of their first members, and why there may be more; usually empty."""
    found: dict[str, dict[str, Inside]] = {}
    lost = ""
    try:
        for key, field, member in _members(tar):
            found.setdefault(key, {})[field] = member
    except (tarfile.TarError, OSError, EOFError) as error:
        lost = f"the rest of this file is lost ({error})"
    return [Sample(key, fields) for key, fields in found.items()], lost


def _members(tar: Path) -> Iterator[tuple[str, str, Inside]]:
    """The key, the field and the place of each plain file."""
    with tarfile.open(tar, "r:") as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            hidden = any(part.startswith(".") or part in OTHERS for part in path.parts)
            key, _, field = path.name.partition(".")
            if hidden or not field or not member.isfile():
                continue
            place = Inside(tar, member.name, member.offset_data, member.size)
            yield str(path.parent / key), field.lower(), place
