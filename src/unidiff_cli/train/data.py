"""Anyone's pictures with captions, in the ways in which people keep them.

A folder of pictures, each with its caption beside it (cat.png, cat.txt) or in metadata.jsonl
({"file_name": "cat.png", "text": "a cat"}); a JSONL file ({"image": "cat.png", "text": "a cat"},
paths relative to the file); or webdataset's tar files. A row that is no good comes out as a
`BadRow`: one bad file in a million should not end a run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from unidiff_cli.errors import InputError, UsageError
from unidiff_cli.pictures import open_picture

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif")
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
    for picture in sorted(folder.rglob("*")):
        if picture.suffix.lower() not in PICTURES:
            continue
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
    """The samples of webdataset's tars: a picture and a .txt, or a .json with "text"."""
    try:
        import webdataset
    except ImportError as error:
        raise UsageError(
            "Reading .tar files needs the package webdataset.",
            "Install it with: pip install 'unidiff-cli[webdataset]'",
        ) from error
    for sample in webdataset.WebDataset([str(path) for path in paths], shardshuffle=False):
        name = f"{Path(sample['__url__']).name}: {sample['__key__']}"
        found = [bytes(sample[suffix[1:]]) for suffix in PICTURES if suffix[1:] in sample]
        text = _caption(sample)
        if not found:
            yield BadRow(name, "no picture")
        elif text is None:
            yield BadRow(name, 'neither a .txt nor a .json with "text"')
        else:
            yield _row(name, found[0], text)


def _caption(sample: dict[str, Any]) -> str | None:
    if "txt" in sample:
        return bytes(sample["txt"]).decode("utf-8", errors="replace")
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
