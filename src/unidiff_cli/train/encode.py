"""Pictures and captions through a model's frozen encoders, once, into a store of latents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import torch

from unidiff_cli.engine.parts import Parts
from unidiff_cli.errors import InputError, UnidiffError, UsageError
from unidiff_cli.files.dataset import LAYOUTS
from unidiff_cli.train import data, store
from unidiff_cli.train.data import BadRow, Row
from unidiff_cli.train.loss import LatentPairs

BATCH = 16
NOTED = 8  # captions that the store remembers, for samples
EVERY = 512  # rows between two progress notes
TOLD = 20  # rows that are left out are told one by one, before they are only counted

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
                "usage.other-settings",
                f"The latents in {folder} are of other data, or of another model.",
                f"Give another --output, or delete {folder} to encode anew.",
            )
        return
    rows, left_out = data.read(path)
    note(f"encoding the pictures and captions of {path}")
    if left_out:
        note(left_out)
    tally, captions = Tally(), list[str]()
    encoded = _encoded(_opened(rows, tally, note), parts, note, captions, tally)
    made = store.write(folder, encoded, {**source, "captions": captions})
    tally.tell(note)
    if not made:
        first = f" The first of {tally.bad} that are left out: {tally.why}." if tally.bad else ""
        raise InputError(
            "input.data-set", f"{path} holds no picture with a caption.{first}", LAYOUTS
        )
    note(f"{made} pictures with captions are encoded")


@dataclass
class Tally:
    """What is counted while a data set is read."""

    sources: Counter[str] = field(default_factory=Counter)
    """Rows by what their captions were found in."""
    bad: int = 0
    """Rows that cannot be used."""
    why: str = ""
    """The first of them."""
    long: int = 0
    """Captions of which the model does not read the end."""

    def leave_out(self, why: str, note: Note) -> None:
        """One more; the first few are told."""
        self.bad, self.why = self.bad + 1, self.why or why
        if self.bad <= TOLD:
            note(f"left out: {why}")

    def tell(self, note: Note) -> None:
        """The sums."""
        if self.bad > TOLD:
            note(f"left out: {self.bad - TOLD} more")
        if self.sources:
            counts = ", ".join(f"{number} {name}" for name, number in self.sources.items())
            note(f"captions are from: {counts}")
        if self.long:
            note(f"{self.long} captions are too long, and their ends are not read")


def _encoded(
    rows: Iterator[tuple[Row, Any]], parts: Parts, note: Note, captions: list[str], tally: Tally
) -> Iterator[LatentPairs]:
    """The latents of all good rows, a batch at a time; the first captions are kept aside."""
    images, texts = parts.codecs(torch.float32)
    side, numbers, done = parts.config.size, count(), 0
    for batch in _batches(rows):
        tally.sources.update(row.source for row, _ in batch)
        tally.long += sum(bool(texts.unread(row.text)) for row, _ in batch)
        noise = parts.noise([next(numbers) for _ in batch], side, side)
        image = images.encode([picture for _, picture in batch], side, side, noise)
        text = texts.encode([row.text for row, _ in batch])
        new = dict.fromkeys(row.text for row, _ in batch if row.text not in captions)
        captions.extend(list(new)[: NOTED - len(captions)])
        done += len(batch)
        if done % EVERY == 0:
            note(f"{done} encoded")
        yield LatentPairs(*image.parts, *text.parts)


def _opened(rows: data.Rows, tally: Tally, note: Note) -> Iterator[tuple[Row, Any]]:
    """The good rows with their pictures; the others are noted."""
    for row in rows:
        if isinstance(row, BadRow):
            tally.leave_out(str(row), note)
            continue
        try:
            picture = row.open()
        except UnidiffError as error:
            tally.leave_out(f"{row.name}: {error.message}", note)
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
