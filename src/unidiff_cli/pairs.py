"""Pictures with captions, written as training data in the layouts that loaders expect.

    imagefolder   NAME.png and metadata.jsonl {"file_name", "text", ...}   datasets' imagefolder
    jsonl         images/NAME.png and pairs.jsonl {"image", "text", ...}
    webdataset    pairs-000000.tar, ...: NAME.png, NAME.txt, NAME.json      webdataset

A folder may be stopped at any moment and continued: its pictures come first and are whole, each
gets its row when it is there, and settings.json says what may be added to them.
"""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

from unidiff_cli.errors import OutputError
from unidiff_cli.output import make_folder, replace_file
from unidiff_cli.record import line

Format = Literal["webdataset", "jsonl", "imagefolder"]
SETTINGS = "settings.json"
SHARD = 1000
"""Pairs in one tar file."""
WAITING = "waiting"
"""The folder of pairs that are not yet in a tar file."""


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
    def open(cls, folder: Path, format: Format, settings: Mapping[str, Any]) -> Pairs:
        """The folder, new or to be continued; OutputError where it holds something else."""
        pairs = cls(folder, format)
        about = {"format": format, **settings}
        cls.check_new(folder)
        path = folder / SETTINGS
        if path.exists():
            pairs._check(path, about)
        else:
            replace_file(path, (json.dumps(about, indent=2) + "\n").encode())
        make_folder(folder / pairs.layout.pictures)
        pairs._mend()
        return pairs

    @staticmethod
    def check_new(folder: Path) -> None:
        """The folder is there; OutputError where it holds other files than pairs."""
        make_folder(folder)
        if any(folder.iterdir()) and not (folder / SETTINGS).exists():
            raise OutputError(f"{folder} is not empty.", "Choose a new folder with -o.")

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
            raise OutputError(f"{path} cannot be read.", "Choose a new folder.") from None
        found = found if isinstance(found, dict) else {}
        other = [key for key in {**found, **about} if found.get(key) != about.get(key)]
        if other:
            key = other[0]
            raise OutputError(
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
        lines = whole.splitlines(keepends=True)
        kept = b"".join(each for each in lines if json.loads(each)["seed"] not in packed)
        if kept != data:
            replace_file(self.rows, kept)

    def _tars(self) -> list[Path]:
        return sorted(self.folder.glob("pairs-*.tar"))

    def seeds(self) -> set[int]:
        """The seeds whose pairs are there."""
        return {row["seed"] for row in self._waiting()}.union(*map(_seeds, self._tars()))

    def _waiting(self) -> list[dict[str, Any]]:
        """The rows of the table."""
        try:
            text = self.rows.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        return [json.loads(each) for each in text.splitlines()]

    def add(self, seed: int, picture: bytes, text: str) -> Path:
        """Keep a pair; the file that its picture is in for now."""
        name = f"{seed:012}.png"
        path = replace_file(self.folder / self.layout.pictures / name, picture)
        relative = path.relative_to(self.rows.parent).as_posix()
        row = line({self.layout.key: relative, "text": text, "seed": seed}) + "\n"
        with self.rows.open("ab") as table:
            table.write(row.encode())
        if self.format == "webdataset" and self.rows.read_bytes().count(b"\n") >= SHARD:
            self._pack()
        return path

    def close(self) -> None:
        """Nothing waits any more."""
        if self.format != "webdataset":
            return
        if self._waiting():
            self._pack()
        for left in (self.folder / WAITING).iterdir():
            left.unlink()
        (self.folder / WAITING).rmdir()

    def _pack(self) -> None:
        """One more tar, of the pairs that wait."""
        rows = self._waiting()
        path = self.folder / f"pairs-{len(self._tars()):06}.tar"
        _write_tar(path, rows, self.folder / WAITING)
        # The tar is whole now. A kill in between leaves rows of pairs that are in it: see `_mend`.
        self.rows.unlink()
        for row in rows:
            (self.folder / WAITING / row["image"]).unlink(missing_ok=True)


def _write_tar(path: Path, rows: list[dict[str, Any]], pictures: Path) -> None:
    """A tar of pairs as webdataset reads it; the same pairs make the same bytes."""
    passing = path.with_name(f".{path.name}.tmp")
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


def _seeds(tar: Path) -> set[int]:
    """The seeds of the pairs in a tar."""
    with tarfile.open(tar) as shard:
        return {int(Path(name).stem) for name in shard.getnames()}
