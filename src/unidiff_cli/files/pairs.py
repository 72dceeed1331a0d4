"""Pictures with captions, written as training data in the layouts that loaders expect.

    imagefolder   NAME.png and metadata.jsonl {"file_name", "text", ...}   datasets' imagefolder
    jsonl         images/NAME.png and pairs.jsonl {"image", "text", ...}
    webdataset    pairs-000000.tar, ...: NAME.png, NAME.txt, NAME.json      webdataset

A folder may be stopped at any moment and continued: its pictures come first and are whole, each
gets its row when it is there, and .settings.json says what may be added to them. One process at a
time fills it.
"""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

from unidiff_cli.errors import OutputError
from unidiff_cli.files.output import alone, explained, make_folder, replace_file
from unidiff_cli.files.record import line
from unidiff_cli.request import MAX_SEED

Format = Literal["webdataset", "jsonl", "imagefolder"]
SETTINGS = ".settings.json"
"""Hidden, or `datasets` takes it for the data, or for a part of it."""
SHARD = 1000
"""Pairs in one tar file."""
WAITING = "waiting"
"""The folder of pairs that are not yet in a tar file."""
LOCK = ".pairs.lock"


@dataclass(frozen=True)
class Layout:
    """Where pictures and rows go, and how a row names its picture."""

    rows: str
    pictures: str
    key: str


LAYOUTS: dict[Format, Layout] = {
    "imagefolder": Layout("metadata.jsonl", "", "file_name"),
    "jsonl": Layout("pairs.jsonl", "images", "image"),
    "webdataset": Layout(f"{WAITING}/rows.jsonl", WAITING, "image"),
}


@dataclass(frozen=True)
class Pairs:
    """A folder of pairs that grows. A pair is known by its seed."""

    folder: Path
    format: Format

    @classmethod
    @contextmanager
    def opened(cls, folder: Path, format: Format, settings: Mapping[str, Any]) -> Iterator[Pairs]:
        """The folder, new or to be continued, locked against other writers; nothing waits after it.

        OutputError where it holds something else, or another process fills it.
        """
        pairs = cls(folder, format)
        cls.check_new(folder)
        with alone(folder / LOCK, f"Another process is filling {folder} with pairs."):
            pairs._begin({"format": format, **settings})
            try:
                yield pairs
            except BaseException:
                with suppress(OutputError):  # what came first is what to tell
                    pairs._close()
                raise
            pairs._close()

    @staticmethod
    def check_new(folder: Path) -> None:
        """The folder is there; OutputError where it holds other files than pairs."""
        make_folder(folder)
        shown = any(not path.name.startswith(".") for path in folder.iterdir())  # the lock is not
        if shown and not (folder / SETTINGS).exists():
            raise OutputError(
                "output.not-empty", f"{folder} is not empty.", "Choose a new folder with -o."
            )

    @staticmethod
    def seed_of(folder: Path) -> int | None:
        """The seed of a folder that is to be continued."""
        try:
            values = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        seed = values.get("seed") if isinstance(values, dict) else None
        return seed if isinstance(seed, int) and 0 <= seed <= MAX_SEED else None

    def _begin(self, about: Mapping[str, Any]) -> None:
        path = self.folder / SETTINGS
        if path.exists():
            self._check(path, about)
        else:
            replace_file(path, (json.dumps(about, indent=2) + "\n").encode())
        make_folder(self.folder / self.layout.pictures)
        self._mend()

    @property
    def layout(self) -> Layout:
        """The layout of the format."""
        return LAYOUTS[self.format]

    @property
    def rows(self) -> Path:
        """The table of the pairs; of those that wait, for webdataset."""
        return self.folder / self.layout.rows

    @staticmethod
    def _check(path: Path, about: Mapping[str, Any]) -> None:
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise OutputError(
                "output.unreadable", f"{path} cannot be read.", "Choose a new folder."
            ) from None
        found = found if isinstance(found, dict) else {}
        other = [key for key in {**found, **about} if found.get(key) != about.get(key)]
        if other:
            key = other[0]
            raise OutputError(
                "output.other-settings",
                f"{path.parent} holds pairs made otherwise: {key} is {found.get(key)!r} there, "
                f"{about.get(key)!r} here.",
                "Give the same options again to continue it, or choose a new folder.",
            )

    def _mend(self) -> None:
        """Undo what a kill left half done: a row cut off, pairs that wait and are in a tar too."""
        try:
            data = self.rows.read_bytes()
        except FileNotFoundError:
            return
        whole = data[: data.rfind(b"\n") + 1]
        packed = _seeds(tars[-1]) if (tars := self._tars()) else set()
        kept = b"".join(
            each for each in BytesIO(whole) if (_row(each) or {}).get("seed") not in packed
        )
        if kept != data:
            replace_file(self.rows, kept)

    def _tars(self) -> list[Path]:
        return sorted(self.folder.glob(f"pairs-{'[0-9]' * 6}.tar"))

    def seeds(self) -> set[int]:
        """The seeds whose pairs are there."""
        return {row["seed"] for row in self._waiting()}.union(*map(_seeds, self._tars()))

    def _waiting(self) -> list[dict[str, Any]]:
        """The rows of the table, without those that somebody else has put there."""
        try:
            with self.rows.open("rb") as table:
                return [row for each in table if (row := _row(each)) is not None]
        except FileNotFoundError:
            return []

    def add(self, seed: int, picture: bytes, text: str) -> Path:
        """Keep a pair; the file that its picture is in for now."""
        name = f"{seed:012}.png"
        path = replace_file(self.folder / self.layout.pictures / name, picture)
        relative = path.relative_to(self.rows.parent).as_posix()
        self._append(line({self.layout.key: relative, "text": text, "seed": seed}) + "\n")
        if self.format == "webdataset" and self.rows.read_bytes().count(b"\n") >= SHARD:
            self._pack()
        return path

    def _append(self, row: str) -> None:
        """Add a row to the table: the whole of it, or where the disk is full nothing."""
        data = row.encode()
        with explained(self.rows), self.rows.open("ab", buffering=0) as table:
            start = table.tell()
            try:
                while data:
                    data = data[table.write(data) :]
            except OSError:
                table.truncate(start)
                raise

    def _close(self) -> None:
        """Nothing waits any more."""
        if self.format != "webdataset":
            return
        if self._waiting():
            self._pack()
        waiting = self.folder / WAITING
        with explained(waiting):
            for left in waiting.iterdir():
                left.unlink()
            waiting.rmdir()

    def _pack(self) -> None:
        """One more tar, of the pairs that wait."""
        rows, waiting = self._waiting(), self.folder / WAITING
        number = int(tars[-1].stem[-6:]) + 1 if (tars := self._tars()) else 0
        path = self.folder / f"pairs-{number:06}.tar"
        with explained(path):
            _write_tar(path, rows, waiting)
            # The tar is whole now. A kill in between leaves rows of pairs that are in it too: see
            # `_mend`.
            self.rows.unlink()
            for row in rows:
                (waiting / row["image"]).unlink(missing_ok=True)


def _write_tar(path: Path, rows: list[dict[str, Any]], pictures: Path) -> None:
    """A tar of pairs as webdataset reads it; the same pairs make the same bytes."""
    passing = path.with_name(f".{path.name}.tmp")
    try:
        with tarfile.open(passing, "w", format=tarfile.USTAR_FORMAT) as tar:
            for row in rows:
                picture = pictures / row["image"]
                about = {name: value for name, value in row.items() if name != "image"}
                for suffix, data in (
                    (".png", picture.read_bytes()),
                    (".txt", row["text"].encode()),
                    (".json", line(about).encode()),
                ):
                    member = tarfile.TarInfo(picture.stem + suffix)
                    member.size = len(data)
                    tar.addfile(member, BytesIO(data))
        os.replace(passing, path)
    finally:
        with suppress(OSError):
            passing.unlink(missing_ok=True)


def _row(text: bytes) -> dict[str, Any] | None:
    """The row on a line of a table; None where it is none of ours."""
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and isinstance(row.get("seed"), int) else None


def _seeds(tar: Path) -> set[int]:
    """The seeds of the pairs in a tar."""
    with tarfile.open(tar) as shard:
        return {int(Path(name).stem) for name in shard.getnames()}
