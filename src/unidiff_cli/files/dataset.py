"""Anyone's pictures with captions, in the ways in which people keep them: one reader for all.

A folder, at any depth: pictures with their captions beside them (cat.png with cat.txt, else
cat.caption), or in the nearest metadata.jsonl, metadata.csv or pairs.jsonl that names them; and
webdataset's tar files. Or such a table or tar alone. `train`, `gallery` and `eval` read by this;
tars as macOS packs them (._cat.png beside cat.png) are read too: `tars` passes these over.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from unidiff_cli.errors import InputError
from unidiff_cli.files import tables, tars
from unidiff_cli.files.folders import Folder, look_into
from unidiff_cli.files.formats import suffixes
from unidiff_cli.files.streams import settled
from unidiff_cli.files.tables import Entry
from unidiff_cli.files.tars import Inside
from unidiff_cli.files.text import decode

BESIDE = (".txt", ".caption")
"""Suffixes of captions beside pictures; the first that is there and not blank counts."""
LAYOUTS = (
    "Expected: pictures with a .txt or .caption of the same name beside each; metadata.jsonl, "
    "metadata.csv or another .jsonl or .csv with file_name or image, and text, caption or prompt; "
    "or webdataset's .tar files."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A picture, not yet opened, and its captions; or what is wrong with a row."""

    name: str
    """Where it stands, for messages."""
    picture: Path | Inside | None = None
    texts: tuple[str, ...] = ()
    source: str = ""
    """What the captions were found in: .txt, .caption, metadata.jsonl, .tar."""
    problem: str = ""
    """Why there is no picture, or no caption."""


def read(path: Path) -> tuple[Iterator[Item], str]:
    """The items of a data set in an order that does not change, and a note of what is left out.

    InputError where it is none.
    """
    path = settled(path)
    suffix = path.suffix.lower()
    if path.is_dir():
        folder = look_into(path)
        return _folder(folder), folder.note
    if suffix == ".tar" and path.is_file():
        return _tar(path), ""
    if suffix in (".jsonl", ".csv") and path.is_file():
        return _table(path), ""
    if not path.exists():
        raise InputError("input.missing", f"There is no {path}.", "Check the path.")
    raise InputError(
        "input.data-set", f"{path} is neither a folder nor a .jsonl, .csv or .tar file.", LAYOUTS
    )


def beside(picture: Path) -> tuple[str, str]:
    """The caption beside a picture and its file's suffix; empty where there is none.

    OSError or UnicodeDecodeError where it cannot be read.
    """
    for suffix in BESIDE:
        try:
            text = decode(picture.with_suffix(suffix).read_bytes())
        except FileNotFoundError:
            continue
        if words := " ".join(text.split()):
            return words, suffix
    return "", ""


def _folder(folder: Folder) -> Iterator[Item]:
    known = [entry for table in folder.tables for entry in _entries(table)]
    told = _told(known)
    for picture in folder.pictures:
        name = picture.relative_to(folder.path).as_posix()
        yield _pictured(picture, name, told.pop(_plain(picture), []))
    left = {id(entry) for entries in told.values() for entry in entries}
    for entry in known:
        if entry.problem or id(entry) in left:
            yield _of_entry(entry)
    for tar in folder.tars:
        yield from _tar(tar)


def _told(known: Sequence[Entry]) -> dict[str, list[Entry]]:
    """The good rows by the picture that they name: those of the table that is nearest to it."""
    told: dict[str, list[Entry]] = {}
    for entry in known:
        if entry.picture is None or entry.problem:
            continue
        near = told.setdefault(_plain(entry.picture), [])
        if near and len(near[0].table.parts) < len(entry.table.parts):
            near.clear()
        if not near or len(near[0].table.parts) == len(entry.table.parts):
            near.append(entry)
    return told


def _plain(picture: Path) -> str:
    """The same for all spellings of a path."""
    return os.path.normpath(picture)


def _pictured(picture: Path, name: str, told: Sequence[Entry]) -> Item:
    """A picture of a folder, with the caption beside it or else in a table."""
    item = Item(name=name, picture=picture)
    try:
        text, source = beside(picture)
    except (OSError, UnicodeDecodeError) as error:
        return replace(item, problem=f"its caption cannot be read ({error})")
    if text:
        return replace(item, texts=(text,), source=source)
    if told:
        texts = tuple(dict.fromkeys(entry.text for entry in told))
        return replace(item, texts=texts, source=told[0].table.name)
    there = [name for name in BESIDE if picture.with_suffix(name).exists()]
    if there:
        return replace(item, problem="the caption is empty")
    return replace(item, problem=f"no {picture.with_suffix(BESIDE[0]).name} beside it")


def _table(path: Path) -> Iterator[Item]:
    return map(_of_entry, _entries(path))


def _entries(table: Path) -> Iterator[Entry]:
    try:
        yield from tables.entries(table)
    except OSError as error:
        yield Entry(table, table.name, problem=f"it cannot be read ({error.strerror})")


def _of_entry(entry: Entry) -> Item:
    if entry.problem or entry.picture is None:
        return Item(name=entry.where, problem=entry.problem)
    item = Item(name=entry.where, texts=(entry.text,), source=entry.table.name)
    if not entry.picture.is_file():
        return replace(item, problem="there is no such picture")
    return replace(item, picture=entry.picture)


def _tar(path: Path) -> Iterator[Item]:
    found, lost = tars.samples(path)
    for sample in found:
        yield from _sample(f"{path.name}: {sample.key}", sample.fields)
    if lost:
        yield Item(name=path.name, problem=lost)


def _sample(name: str, fields: Mapping[str, Inside]) -> Iterator[Item]:
    """A sample of a tar; several, where each of its pictures has a text of the same field's name.

    A picture in a plain field (png) goes before one in a field with dots (input.png).
    """
    pictures = {_stem(field): field for field in fields if _suffix(field) in suffixes()}
    texts = {_stem(field): field for field in fields if _suffix(field) in (*BESIDE, ".json")}
    if "" in pictures:
        pictures = {"": pictures[""]}
    elif len(pictures) > 1 and not texts.keys() >= pictures.keys():
        said = ", ".join(sorted(pictures.values()))
        yield Item(name=name, problem=f"{said}: which of them is meant?")
        return
    if not pictures:
        yield Item(name=name, problem=f"no picture; it has {', '.join(fields) or 'nothing'}")
    for stem, field in pictures.items():
        own = [each for each in fields if _stem(each) == stem] if stem in texts else list(fields)
        text, problem = _caption({each: fields[each] for each in own})
        label = f"{name}.{stem}" if len(pictures) > 1 else name
        item = Item(name=label, picture=fields[field], source=".tar", problem=problem)
        yield replace(item, texts=(text,) if text else ())


def _caption(fields: Mapping[str, Inside]) -> tuple[str, str]:
    """The caption in a text, else in a JSON's fields; and why there is none."""
    problem = f"no text; it has {', '.join(fields)}"
    for wanted in (*BESIDE, ".json"):
        for field in sorted(fields, key=len):
            if _suffix(field) != wanted:
                continue
            data = fields[field].read()
            text = _in_json(data) if wanted == ".json" else " ".join(_lenient(data).split())
            if text:
                return text, ""
            problem = f"no caption in {field}"
    return "", problem


def _in_json(data: bytes) -> str:
    try:
        values = json.loads(_lenient(data))
    except (ValueError, RecursionError):
        return ""
    return tables.words(values) if isinstance(values, dict) else ""


def _lenient(data: bytes) -> str:
    return decode(data, "replace")


def _stem(field: str) -> str:
    """ "input.png" -> "input", "png" -> ""."""
    return field.rpartition(".")[0]


def _suffix(field: str) -> str:
    """ "input.png" -> ".png", "png" -> ".png"."""
    return "." + field.rpartition(".")[2]
