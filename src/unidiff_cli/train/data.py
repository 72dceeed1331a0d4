"""Pictures with captions as training takes them: a row for each caption of a picture.

How they may lie is told in `files.dataset`. A row that cannot be used becomes a `BadRow`: one bad
file in a million should not end a run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from unidiff_cli.files import dataset
from unidiff_cli.files.pictures import open_picture
from unidiff_cli.files.tars import Inside


@dataclass(frozen=True, slots=True)
class Row:
    """A picture, not yet opened, and its caption."""

    name: str  # where it stands, for messages
    picture: Path | Inside
    text: str
    source: str = ""  # what the caption was found in: .txt, metadata.jsonl, ...

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


def read(path: Path) -> tuple[Rows, str]:
    """The rows of a data set in an order that does not change, and a note of what is no part of it.

    An `InputError` where it is no data set.
    """
    items, note = dataset.read(path)
    return _rows(items), note


def _rows(items: Iterator[dataset.Item]) -> Rows:
    for item in items:
        if item.picture is None or item.problem:
            yield BadRow(item.name, item.problem)
            continue
        for text in item.texts:
            yield Row(item.name, item.picture, " ".join(text.split()), item.source)
