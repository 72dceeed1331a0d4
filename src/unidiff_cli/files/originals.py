"""The records in pictures and in files of JSON, and where each was found.

They come from anybody: typed data, bounded in size.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from unidiff_cli.errors import InputError, UnidiffError, UsageError
from unidiff_cli.errors.system import cannot_read
from unidiff_cli.files.metadata import PACKET, read_metadata
from unidiff_cli.files.record import Record
from unidiff_cli.files.streams import settled
from unidiff_cli.files.text import utf8_file

RECORD_FILES = (".json", ".jsonl", ".ndjson")
MAX_FILE = 2**24
MAX_LINE = 2**20
"""Bytes of a file with one document, and of a line of one with many."""


@dataclass(frozen=True, kw_only=True)
class Original:
    """A record, and where it was found."""

    name: str
    """The file, with the line or the number of the record where there are more."""
    record: Record
    picture: Path | None = None
    """The picture that the record is of."""
    place: str = ""
    """Where in the picture's file it stands."""

    @property
    def elsewhere(self) -> str:
        """A sentence where that is not where unidiff puts it first: something came in between."""
        if self.place != PACKET:
            return ""
        return f"{self.name}: the record is read from its {self.place}"


def originals(path: Path) -> Iterator[Original | UnidiffError]:
    """The records in a picture, a JSON or a JSONL file; an error in the place of a bad one."""
    path = settled(path)
    if path.suffix.lower() in RECORD_FILES:
        yield from _in_file(path)
        return
    metadata = read_metadata(path)
    if metadata.problem:
        raise InputError(
            "input.record",
            f"{path} has a record that cannot be understood: {metadata.problem}.",
            "Was it changed, or made by a later version?",
        )
    if metadata.walk:
        raise InputError(
            "input.walk",
            f"{path} is of a walk ({metadata.walk.get('walk')}), which is made again only whole.",
            f"unidiff info {path} tells its settings.",
        )
    if not metadata.records:
        raise InputError(
            "input.no-record",
            f"{path} does not say how it was made.",
            "Only pictures that unidiff made can be replayed; other programs drop what they say.",
        )
    alone = len(metadata.records) == 1
    own = path if alone else None
    for number, record in enumerate(metadata.records, start=1):
        name = str(path) if alone else f"{path}, picture {number}"
        yield Original(name=name, record=record, picture=own, place=metadata.place)


def _in_file(path: Path) -> Iterator[Original | UnidiffError]:
    """The records of a text file, one after the other."""
    try:
        with open(path, "rb") as raw:
            file = utf8_file(raw)
            if path.suffix.lower() == ".json":
                lines: Iterator[bytes] = iter([file.read(MAX_FILE + 1)])
                most, alone = MAX_FILE, True
            else:
                lines = iter(lambda: file.readline(MAX_LINE + 1), b"")
                most, alone = MAX_LINE, False
            for number, line in enumerate(lines, start=1):
                name = str(path) if alone else f"{path}, line {number}"
                if len(line) > most:
                    raise InputError(
                        "input.too-large", f"{name} is longer than {most} bytes.", "Is it a record?"
                    )
                if line.strip():
                    yield from _on_line(name, line)
    except OSError as error:
        raise cannot_read(path, error) from error


def _on_line(name: str, line: bytes) -> Iterator[Original | UnidiffError]:
    """The record of a line, or the records of a document that has a list of them."""
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        yield InputError(
            "input.json", f"{name} is no JSON ({error}).", "Pictures and JSON records are replayed."
        )
        return
    several = isinstance(values, dict) and isinstance(values.get("records"), list)
    for each in values["records"] if several else [values]:
        try:
            if isinstance(each, dict) and each.get("status") == "error":
                raise UsageError("usage.record", "it is that of a failure.")
            yield Original(name=name, record=Record.from_json(each))
        except UnidiffError as error:
            yield InputError(
                "input.record", f"{name} is no record to repeat: {error.message}", error.hint
            )
