"""The folder of a batch: results.jsonl, one line a finished job, and the pictures.

A picture has its whole content before it has its name, and has its name before the line that
tells of it is written; a line is one write. So whatever stops the program, each line is true.
"""

from __future__ import annotations

import errno
import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any

from filelock import FileLock

from unidiff_cli.batch.jobs import ID
from unidiff_cli.batch.manifest import Manifest, agree
from unidiff_cli.batch.shard import Shard
from unidiff_cli.errors.system import cannot_write
from unidiff_cli.files.output import alone, explained, make_folder, replace_file
from unidiff_cli.files.record import REQUEST_FIELDS, line

PICTURES = "pictures"
PASSING = 60
"""Seconds after which a passing name is nobody's any more."""
SAFE = re.compile(r"[a-z0-9_][a-z0-9._-]{0,99}", re.ASCII)
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)")


@dataclass(frozen=True)
class Place:
    """A line of a results file."""

    file: Path
    start: int
    ok: bool
    request: bytes
    """A digest of the request that was answered."""


@dataclass
class Store:
    """The answers in a folder; one process at a time writes to one results file."""

    folder: Path
    file: Path
    out: IO[bytes]
    places: dict[str, Place] = field(default_factory=dict)
    """The answer of each job: a success before a failure, then the newest."""
    clean: bool = True
    """Whether the results file holds nothing that a newer line replaces."""

    def answer(self, custom_id: str) -> dict[str, Any] | None:
        """The stored success of a job."""
        for _ in range(2):
            place = self.places.get(custom_id)
            if place is None or not place.ok:
                return None
            with open(place.file, "rb") as file:
                file.seek(place.start)
                values = _record(file.readline())
            if values is not None and values[ID] == custom_id:
                return values
            self.read(place.file)  # another process has put its lines in order meanwhile
        return None

    def is_answer(self, custom_id: str, request: Mapping[str, Any]) -> bool | None:
        """Whether the stored success answers this request; None if there is none."""
        place = self.places.get(custom_id)
        return None if place is None or not place.ok else place.request == digest(request)

    def put(self, values: Mapping[str, Any], pictures: Iterable[tuple[str, bytes]] = ()) -> None:
        """Keep an answer: first its pictures, then its line."""
        for name, data in pictures:
            replace_file(self.folder / name, data)
        start = self.out.tell()
        data = f"{line(values)}\n".encode()
        try:
            if self.out.write(data) != len(data):
                self.out.truncate(start)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise cannot_write(f"{self.file} cannot be written", error) from error
        self._note(values, Place(self.file, start, *_summary(values)))

    def _note(self, values: Mapping[str, Any], place: Place) -> None:
        custom_id = values[ID]
        known = self.places.get(custom_id)
        self.clean = self.clean and known is None
        if known is None or place.ok or not known.ok:
            self.places[custom_id] = place

    def read(self, file: Path) -> None:
        """Take in the lines of a results file; what is no record is passed over."""
        made = _files(self.folder)
        with open(file, "rb") as lines:
            start = 0
            for text in lines:
                place, start = start, start + len(text)
                values = _record(text)
                if values is None:
                    self.clean = False
                    continue
                ok, asked = _summary(values)
                # A success whose picture is gone is none.
                ok = ok and all(name in made for name in picture_files(values))
                self._note(values, Place(file, place, ok, asked))

    def tidy(self, order: Iterable[str]) -> None:
        """Write the results file anew: one line a job, in this order, then all others."""
        mine = {key: at for key, at in self.places.items() if at.file == self.file}
        wanted = dict.fromkeys([*(key for key in order if key in mine), *mine])
        starts = [mine[key].start for key in wanted]
        if self.clean and starts == sorted(starts):
            return
        passing = self.file.with_suffix(".tmp")
        try:
            with explained(self.file):
                with open(self.file, "rb") as old, open(passing, "wb") as new:
                    for start in starts:
                        old.seek(start)
                        new.write(old.readline())
                self.out.close()
                os.replace(passing, self.file)
        finally:
            with suppress(OSError):
                passing.unlink(missing_ok=True)


def picture_files(values: Mapping[str, Any]) -> list[str]:
    """The files that a record names, relative to the folder."""
    return [output["image"] for output in values.get("outputs", []) if "image" in output]


def picture_name(custom_id: str, index: int, count: int) -> str:
    """The file of a job's sample: its custom_id, with a digest where that is no safe name.

    No two jobs have the same, also where capitals do not count.
    """
    name = custom_id
    if not SAFE.fullmatch(name) or RESERVED.match(name):
        short = re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-")[:60]
        name = f"{short or 'job'}~{blake2b(name.encode(), digest_size=6).hexdigest()}"
    number = f"~{index:03}" if count > 1 else ""
    return f"{PICTURES}/{name}{number}.png"


def digest(values: Mapping[str, Any]) -> bytes:
    """Equal for records of equal requests."""
    asked = {name: values[name] for name in REQUEST_FIELDS if name in values}
    text = json.dumps(asked, sort_keys=True)
    return blake2b(text.encode(), digest_size=16).digest()


@contextmanager
def opened(folder: Path, manifest: Manifest, shard: Shard | None = None) -> Iterator[Store]:
    """The store of a folder, all its answers read in, locked against other writers."""
    make_folder(folder / PICTURES)
    name = f"results-{shard.number}-of-{shard.of}" if shard else "results"
    with FileLock(folder / ".manifest.lock"):
        agree(folder, manifest)
    file = folder / f"{name}.jsonl"
    with alone(folder / f".{name}.lock", f"Another process is writing to {file}."):
        drop_torn_line(file)
        drop_passing_files(folder / PICTURES)
        with open(file, "ab", buffering=0) as out:
            store = Store(folder, file, out)
            for each in [*sorted(set(folder.glob("results*.jsonl")) - {file}), file]:
                store.read(each)
            yield store


def drop_torn_line(file: Path) -> None:
    """Cut off the unfinished line that a kill may have left at the end of the file."""
    if not file.exists():
        return
    with open(file, "r+b") as lines:
        end = lines.seek(0, os.SEEK_END)
        kept, block = 0, 2**16
        for at in range(end - end % block, -1, -block):
            lines.seek(at)
            last = lines.read(block).rfind(b"\n")
            if last >= 0:
                kept = at + last + 1
                break
        if kept < end:
            lines.truncate(kept)


def drop_passing_files(folder: Path) -> None:
    """Delete what a kill left of pictures under temporary names.

    Only old ones: another shard may be writing here now, but never for long.
    """
    for path in folder.glob(".*.tmp"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > PASSING:
                path.unlink()


def _files(folder: Path) -> set[str]:
    return {f"{PICTURES}/{name}" for name in os.listdir(folder / PICTURES)}


def _record(text: bytes) -> dict[str, Any] | None:
    """The record on a line; None when it is none, or torn."""
    if not text.endswith(b"\n"):
        return None
    try:
        values = json.loads(text)
    except ValueError:
        return None
    return values if isinstance(values, dict) and isinstance(values.get(ID), str) else None


def _summary(values: Mapping[str, Any]) -> tuple[bool, bytes]:
    return values.get("status") == "ok", digest(values)
