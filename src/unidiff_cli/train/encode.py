"""Pictures and captions through a model's frozen encoders, once, into a store of latents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import torch

from unidiff_cli.engine.parts import Parts
from unidiff_cli.errors import InputError, UnidiffError, UsageError
from unidiff_cli.train import data, store
from unidiff_cli.train.data import BadRow, Row
from unidiff_cli.train.loss import LatentPairs

BATCH = 16
NOTED = 8  # captions that the store remembers, for samples
EVERY = 512  # rows between two progress notes

Note = Callable[[str], None]


def encode(path: Path, parts: Parts, folder: Path, note: Note) -> None:
    """Fill `folder` with the latents of the data set at `path`, unless they are there already.

    Bad rows are noted and left out; an `InputError` says so when no good one is left.
    """
    source = {
        "data": str(path.resolve()),
        "model": parts.checkpoint.name,
        "revision": parts.checkpoint.revision,
    }
    found = store.about(folder)
    if found is not None and found.get("rows"):
        if {name: found.get(name) for name in source} != source:
            raise UsageError(
                f"The latents in {folder} are of other data, or of another model.",
                f"Give another --output, or delete {folder} to encode anew.",
            )
        return
    note(f"encoding the pictures and captions of {path}")
    captions: list[str] = []
    encoded = _encoded(path, parts, note, captions)
    rows = store.write(folder, encoded, {**source, "captions": captions})
    if not rows:
        raise InputError(f"There is no picture with a caption in {path}.", data.LAYOUTS)
    note(f"{rows} pictures with captions are encoded")


def _encoded(path: Path, parts: Parts, note: Note, captions: list[str]) -> Iterator[LatentPairs]:
    """The latents of all good rows, a batch at a time; the first captions are kept aside."""
    images, texts = parts.codecs(torch.float32)
    side, numbers, done = parts.config.size, count(), 0
    for batch in _batches(_opened(data.read(path), note)):
        noise = parts.noise([next(numbers) for _ in batch], side, side)
        image = images.encode([picture for _, picture in batch], side, side, noise)
        text = texts.encode([row.text for row, _ in batch])
        new = dict.fromkeys(row.text for row, _ in batch if row.text not in captions)
        captions.extend(list(new)[: NOTED - len(captions)])
        done += len(batch)
        if done % EVERY == 0:
            note(f"{done} encoded")
        yield LatentPairs(*image.parts, *text.parts)


def _opened(rows: data.Rows, note: Note) -> Iterator[tuple[Row, Any]]:
    """The good rows with their pictures; the others are noted."""
    for row in rows:
        if isinstance(row, BadRow):
            note(f"left out: {row}")
            continue
        try:
            picture = row.open()
        except UnidiffError as error:
            note(f"left out: {row.name}: {error.message}")
            continue
        yield row, picture


def _batches(rows: Iterator[tuple[Row, Any]]) -> Iterator[list[tuple[Row, Any]]]:
    batch: list[tuple[Row, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
