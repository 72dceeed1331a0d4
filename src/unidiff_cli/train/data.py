"""Anyone's pictures with captions, in the ways in which people keep them.

A folder of pictures, each with its caption beside it (cat.png, cat.txt) or in metadata.jsonl
({"file_name": "cat.png", "text": "a cat"}); a JSONL file ({"image": "cat.png", "text": "a cat"},
paths relative to the file); or webdataset's tar files. A row that cannot be used becomes a
`BadRow`: one bad file in a million should not end a run.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from PIL import Image

from unidiff_cli.errors import InputError
from unidiff_cli.files.pictures import SUFFIXES, open_picture, pictures_in

LAYOUTS = (
    "Expected: pictures with a .txt of the same name beside each, metadata.jsonl with "
    '{"file_name": ..., "text": ...} lines, a .jsonl with {"image": ..., "text": ...} lines, '
    "or webdataset .tar files."
)


@dataclass(frozen=True, slots=True)
class Row:
    """A picture, not yet opened, and its caption."""

    name: str  # where it stands, for messages
    picture: Path | bytes
    text: str

    def open(self) -> Image.Image:
        """The picture in RGB; an `InputError` where it is none."""
        return open_picture(self.picture)


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be used, and why."""

    name: str
    why: str

    def __str__(self) -> str:
        return f"{self.name}: {self.why}"


Rows = Iterator[Row | BadRow]


def read(path: Path) -> Rows:
    """The rows of a data set, in an order that does not change."""
    if path.is_file() and path.suffix == ".jsonl":
        return _jsonl(path)
    if path.is_file() and path.suffix == ".tar":
        return _tars([path])
    if not path.is_dir():
        raise InputError(f"{path} is neither a folder nor a .jsonl or .tar file.", LAYOUTS)
    if (path / "metadata.jsonl").exists():
        return _jsonl(path / "metadata.jsonl")
    tars = sorted(path.glob("*.tar"))
    return _tars(tars) if tars else _beside(path)


def _beside(folder: Path) -> Rows:
    """Pictures anywhere under a folder, each with a .txt of its name."""
    for picture in pictures_in(folder):
        caption, name = picture.with_suffix(".txt"), str(picture.relative_to(folder))
        try:
            yield _row(name, picture, caption.read_text(encoding="utf-8"))
        except FileNotFoundError:
            yield BadRow(name, f"no {caption.name} beside it")
        except (OSError, UnicodeDecodeError) as error:
            yield BadRow(name, f"{caption.name} cannot be read ({error})")


def _jsonl(path: Path) -> Rows:
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield _object(f"{path.name} line {number}", line, path.parent)


def _object(name: str, line: str, folder: Path) -> Row | BadRow:
    """The row in one line of JSON."""
    try:
        values = json.loads(line)
    except json.JSONDecodeError as error:
        return BadRow(name, f"not JSON ({error})")
    picture, text = _text(values, "file_name") or _text(values, "image"), _text(values, "text")
    if picture is None:
        return BadRow(name, 'neither "file_name" nor "image" names a picture')
    if text is None:
        return BadRow(name, 'no "text"')
    return _row(f"{name} ({picture})", folder / picture, text)


def _text(values: Any, key: str) -> str | None:
    value = values.get(key) if isinstance(values, dict) else None
    return value if isinstance(value, str) else None


def _tars(paths: list[Path]) -> Rows:
    """The samples of webdataset's tars: neighbours whose names are equal up to the first dot."""
    for path in paths:
        try:
            with tarfile.open(path) as tar:
                files = (member for member in tar if member.isfile())
                for key, members in groupby(files, lambda member: _split(member.name)[0]):
                    sample = {_split(each.name)[1]: _bytes(tar, each) for each in members}
                    yield _sample(f"{path.name}: {key}", sample)
        except (tarfile.TarError, OSError, EOFError) as error:
            yield BadRow(path.name, f"the rest of this file is lost ({error})")


def _split(name: str) -> tuple[str, str]:
    """ "a/b.seg.png" -> ("a/b", "seg.png")."""
    folder, slash, base = name.rpartition("/")
    key, _, suffix = base.partition(".")
    return folder + slash + key, suffix.lower()


def _bytes(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    assert file is not None  # only plain files come here
    return file.read()


def _sample(name: str, sample: dict[str, bytes]) -> Row | BadRow:
    """A picture with a .txt, or with a .json that has "text"."""
    pictures = [sample[suffix[1:]] for suffix in SUFFIXES if suffix[1:] in sample]
    text = _caption(sample)
    if not pictures:
        return BadRow(name, "no picture")
    if text is None:
        return BadRow(name, 'neither a .txt nor a .json with "text"')
    return _row(name, pictures[0], text)


def _caption(sample: dict[str, bytes]) -> str | None:
    if "txt" in sample:
        return sample["txt"].decode("utf-8", errors="replace")
    try:
        return _text(json.loads(sample.get("json", b"{}")), "text")
    except ValueError:
        return None


def _row(name: str, picture: Path | bytes, text: str) -> Row | BadRow:
    caption = " ".join(text.split())
    if not caption:
        return BadRow(name, "the caption is empty")
    if isinstance(picture, Path) and not picture.is_file():
        return BadRow(name, "there is no such picture")
    return Row(name, picture, caption)
