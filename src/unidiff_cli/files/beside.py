"""Captions beside pictures: photo.txt beside photo.jpg, for whole folders."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from unidiff_cli.errors import InputError, UsageError
from unidiff_cli.files.folders import pictures_in


def caption_file(picture: Path) -> Path:
    """The text file beside a picture."""
    return picture.with_suffix(".txt")


def find_pictures(arguments: Sequence[str]) -> list[Path]:
    """The files that are named, and the pictures in the folders that are, by name."""
    found: list[Path] = []
    for path in map(Path, arguments):
        if os.path.isdir(path):  # which takes a name that is too long, where Path raises
            inside = list(pictures_in(path))
            if not inside:
                raise InputError(f"There is no picture in {path}.", "Name another folder.")
            found += inside
        elif os.path.exists(path):
            found.append(path)
        else:
            raise InputError(f"There is no file {path}.", "Name pictures, or folders of them.")
    if not found:
        raise UsageError("Nothing was named.", "unidiff i2t photos/ --captions beside")
    return list(dict.fromkeys(found))


def check_names(pictures: Sequence[Path]) -> None:
    """A UsageError when two pictures would have one caption file."""
    owners: dict[Path, Path] = {}
    for picture in pictures:
        other = owners.setdefault(caption_file(picture), picture)
        if other != picture:
            raise UsageError(
                f"{other} and {picture} would have the same caption file.", "Rename one of them."
            )
