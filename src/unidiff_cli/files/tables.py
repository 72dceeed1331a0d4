"""Tables that say what is in pictures: JSONL or CSV, a picture a row."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO

from unidiff_cli.files.text import utf8_file

NAMES = ("metadata.jsonl", "metadata.csv", "pairs.jsonl")
"""Tables in a folder: of datasets' imagefolder, and of `unidiff joint --format jsonl`."""
PICTURE, TEXT = ("file_name", "image"), ("text", "caption", "prompt")
"""Fields that name the picture, and the words that fit it; the first that is there counts."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of a table, or what is wrong with it."""

    table: Path
    where: str
    """The table's name and the row's place, for messages."""
    picture: Path | None = None
    text: str = ""
    problem: str = ""


def entries(table: Path) -> Iterator[Entry]:
    """The rows of a table; pictures are named relative to it. OSError where it is not read."""
    with open(table, "rb") as raw:
        file = utf8_file(raw)
        rows = _of_csv(file) if table.suffix.lower() == ".csv" else _of_jsonl(file)
        for number, values in rows:
            yield _entry(table, f"{table.name} line {number}", values)


def words(values: Mapping[str, Any]) -> str:
    """The words of a row as they are; empty where it has none."""
    found = (values[name] for name in TEXT if isinstance(values.get(name), str))
    return next((text for text in found if text.strip()), "")


def lacking(values: Mapping[str, Any]) -> str:
    """What is said of a row without words."""
    there = ", ".join(map(str, values)) or "nothing"
    return f"no {', '.join(TEXT[:-1])} or {TEXT[-1]}; it has {there}"


def _entry(table: Path, where: str, values: Mapping[str, Any] | str) -> Entry:
    if isinstance(values, str):
        return Entry(table, where, problem=values)
    name = next((values[key] for key in PICTURE if isinstance(values.get(key), str)), "")
    if not name:
        there = ", ".join(map(str, values)) or "nothing"
        return Entry(table, where, problem=f"no {' or '.join(PICTURE)}; it has {there}")
    text = words(values)
    problem = "" if text else lacking(values)
    return Entry(table, f"{where} ({name})", table.parent / name, text, problem)


def _of_jsonl(file: BinaryIO) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    for number, row in enumerate(file, 1):
        if not row.strip():
            continue
        try:
            values = json.loads(row.decode(errors="replace"))
        except (ValueError, RecursionError) as error:
            yield number, f"not JSON ({error})"
        else:
            yield number, values if isinstance(values, dict) else "no JSON object"


def _of_csv(file: BinaryIO) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    text = TextIOWrapper(file, "utf-8", "replace", newline="")
    rows = csv.DictReader(text, restkey="")
    try:
        for values in rows:
            yield rows.line_num, {name: value for name, value in values.items() if name}
    except csv.Error as error:
        yield rows.line_num, f"no CSV ({error})"
