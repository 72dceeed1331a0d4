"""The pictures in a folder, by one rule for every command.

Folders inside are looked into, links are followed (a folder is entered once, so loops end), and
what has a name with a dot before it is passed over. A picture is a file with a suffix of a format
that Pillow reads here; one without a suffix is judged by its first bytes. Captions and tables
belong to pictures; all other files are left out, and counted.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from unidiff_cli.errors import InputError
from unidiff_cli.files.formats import EXTRA, MORE, suffixes
from unidiff_cli.files.tables import NAMES

COMPANIONS = frozenset(
    (".txt", ".caption", ".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".md", ".html", ".tar")
)
"""Files that are not expected to be pictures."""
LITTER = ("thumbs.db", "desktop.ini")
"""What Windows leaves in folders."""
NAMED = 5
"""Suffixes that a note names, before it only counts."""


@dataclass(frozen=True)
class Folder:
    """What a folder holds."""

    path: Path
    pictures: tuple[Path, ...]
    """In the order of their names."""
    tables: tuple[Path, ...] = ()
    """Files that may say what is in pictures: `tables.NAMES`."""
    tars: tuple[Path, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    """How many files of each suffix are no pictures that can be read here."""

    @property
    def note(self) -> str:
        """What is left out, in a sentence; empty where nothing is."""
        if not self.left_out:
            return ""
        counts = sorted(self.left_out.items(), key=lambda pair: (-pair[1], pair[0]))
        named = [f"{number} {suffix or 'without a suffix'}" for suffix, number in counts[:NAMED]]
        rest = sum(number for _, number in counts[NAMED:])
        said = ", ".join([*named, f"{rest} others"] if rest else named)
        more = next((MORE[suffix] for suffix in self.left_out if suffix in MORE), None)
        help = f"; for {more}: {EXTRA[more]}" if more else ""
        return f"{self.path}: left out what is no picture that can be read here: {said}{help}"


def look_into(path: Path, glob: str | None = None) -> Folder:
    """What is in a folder; with `glob` only files whose name, or path from here, is like that."""
    pictures, tables, tars, left_out = list[Path](), list[Path](), list[Path](), Counter[str]()
    for file in _files(path):
        if file.name in NAMES:
            tables.append(file)
        elif file.suffix.lower() == ".tar":
            tars.append(file)
        name = file.relative_to(path).as_posix()
        if glob and not (fnmatch(file.name, glob) or fnmatch(name, glob)):
            continue
        if is_picture(file):
            pictures.append(file)
        elif file.suffix.lower() not in COMPANIONS and file.name.lower() not in LITTER:
            left_out[file.suffix.lower()] += 1
    pictures, tables, tars = map(sorted, (pictures, tables, tars))
    return Folder(path, tuple(pictures), tuple(tables), tuple(tars), left_out)


def pictures_in(folder: Path) -> tuple[Path, ...]:
    """The pictures in a folder and in those inside it, by their names."""
    return look_into(folder).pictures


def is_picture(file: Path) -> bool:
    """Whether it is taken for a picture: by its suffix, or without one by what it begins with."""
    if file.suffix:
        return file.suffix.lower() in suffixes()
    from unidiff_cli.files.pictures import opened

    try:
        with opened(file):
            return True
    except InputError:
        return False


def _files(folder: Path) -> Iterator[Path]:
    """All files that have no dot before a part of their name; links to folders come last."""
    seen: set[tuple[int, int]] = set()
    folders, links = [folder], list[Path]()
    while folders or links:
        here = folders.pop() if folders else links.pop(0)
        try:
            about = here.stat()
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError as error:
            raise InputError(
                "input.unreadable",
                f"{here} cannot be looked into: {error.strerror}.",
                f"Try: ls -l {here}",
            ) from None
        if (about.st_dev, about.st_ino) in seen:
            continue
        seen.add((about.st_dev, about.st_ino))
        for entry in entries:
            if entry.name.startswith("."):
                continue
            path = here / entry.name
            if entry.is_dir():
                (links if entry.is_symlink() else folders).append(path)
            elif entry.is_file():
                yield path


def expanded(arguments: Sequence[str], glob: str | None = None) -> tuple[list[str], list[Folder]]:
    """The arguments with the pictures of each folder in its place, and the folders.

    A folder without a picture is an InputError.
    """
    names: list[str] = []
    folders: list[Folder] = []
    for argument in arguments:
        if not os.path.isdir(argument):  # which takes a name that is too long, where Path raises
            names.append(argument)
            continue
        found = look_into(Path(argument), glob)
        if not found.pictures:
            like = f" like {glob}" if glob else ""
            raise InputError(
                "input.no-pictures",
                f"{argument} holds no picture{like}.",
                found.note or "Name another folder.",
            )
        names += map(str, found.pictures)
        folders.append(found)
    return names, folders
