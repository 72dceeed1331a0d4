"""What a system made, from wherever it lies: folders of pictures, and JSONL of ours or of others.

A folder holds pictures or tars in any of the ways that `files.dataset` reads; words that it does
not find are sought in the picture itself (ours tell their prompt). A JSONL file holds our records,
or simple lines {"image"?, "text"?, "id"?, "references"?, "nouns"?}; paths are relative to the
file, else to the current folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from logging import getLogger
from pathlib import Path
from typing import Any

from unidiff_cli.errors import InputError
from unidiff_cli.errors.system import cannot_read
from unidiff_cli.files import dataset
from unidiff_cli.files.metadata import read_metadata
from unidiff_cli.files.streams import settled
from unidiff_cli.files.tars import Inside
from unidiff_cli.files.text import read_text

FORMS = (
    "Expected: a folder of pictures, a .tar or .csv, or a .jsonl file with our records or lines "
    'such as {"image": "fox.png", "text": "a red fox"}.'
)
Picture = Path | Inside
log = getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One sample of a system: what it was given and what it made, as far as either is known."""

    where: str
    """For messages."""
    key: str = ""
    """What references are found by: the id, or else the picture as it is named."""
    image: Picture | None = None
    """The picture that was made; in a simple line or a folder, the picture that is there."""
    text: str | None = None
    """The words that were made; in a simple line or a folder, the words that are there."""
    given_image: Picture | None = None
    given_text: str | None = None
    references: tuple[str, ...] = ()
    nouns: tuple[str, ...] = ()
    """Words of which a caption should have one, where the file names them."""

    @property
    def pair(self) -> tuple[Picture, str] | None:
        """A picture and the words that should fit it, whichever of the two was made."""
        image, text = self.image or self.given_image, self.text or self.given_text
        return (image, text) if image is not None and text else None


def read(path: Path) -> list[Row]:
    """The rows in their order; a record of a failure has none. An InputError where it is wrong."""
    path = settled(path)
    if path.suffix == ".jsonl":
        rows = list(_lines(path))
    elif path.exists():
        rows = list(_dataset(path))
    else:
        raise InputError("input.missing", f"There is no {path}.", "Check the path.")
    if not rows:
        raise InputError("input.no-rows", f"There is nothing to measure in {path}.", FORMS)
    return rows


def drawn(path: Path) -> list[Row]:
    """The samples of a system that are pictures, or have one."""
    found = [row for row in (_dataset(path) if path.is_dir() else read(path)) if row.image]
    if not found:
        raise InputError("input.no-pictures", f"There are no pictures in {path}.", FORMS)
    return found


def pictures(path: Path) -> list[Picture]:
    """The pictures that a system made."""
    return [row.image for row in drawn(path) if row.image is not None]


def files(path: Path) -> list[Path]:
    """The same, each a file of its own."""
    found = pictures(path)
    if inside := [each for each in found if isinstance(each, Inside)]:
        raise InputError(
            "input.in-archive",
            f"{inside[0]} is in a tar, and has no file.",
            f"tar xf {inside[0].tar}",
        )
    return [each for each in found if isinstance(each, Path)]


def paired(path: Path) -> list[Row]:
    """Pictures with the words that should fit them; every row must have both."""
    found = read(path)
    for row in found:
        if row.pair is None:
            raise InputError(
                "input.incomplete",
                f"{row.where} has no picture with words.",
                "A folder's pictures need a .txt each or a table, unless unidiff made them.",
            )
    return found


def pairs(rows: Sequence[Row]) -> list[tuple[Picture, str]]:
    """The picture and the words of each."""
    return [row.pair for row in rows if row.pair is not None]


def prompts(path: Path) -> list[str]:
    """The prompts in a text file, one a line, or in a .jsonl's "prompt" or "text"."""
    path = settled(path)
    if path.suffix == ".jsonl":
        found = [row.given_text or row.text or "" for row in read(path)]
    else:
        found = [line for _, line in _numbered(path)]
    kept = [line.strip() for line in found if line.strip()]
    if not kept:
        raise InputError("input.no-prompts", f"There are no prompts in {path}.", "One a line.")
    return kept


def references(path: Path) -> dict[str, tuple[str, ...]]:
    """Reference captions by id or picture: many in one line, or one in each of many lines."""
    found: dict[str, tuple[str, ...]] = {}
    for row in read(path):
        words = row.references or ((row.text,) if row.text else ())
        found[row.key] = found.get(row.key, ()) + words
    return found


def _dataset(path: Path) -> Iterator[Row]:
    """A row for each picture; words that unidiff put into it count where there are no others."""
    items, note = dataset.read(path)
    bad = []
    for item in items:
        if item.picture is None:
            bad.append(f"{item.name}: {item.problem}")
            continue
        texts = item.texts or tuple(filter(None, [_told(item.picture)]))
        yield Row(
            where=item.name if isinstance(item.picture, Inside) else str(item.picture),
            key=Path(item.picture.name).name,
            image=item.picture,
            text=texts[0] if texts else None,
            references=texts[1:] and texts,
        )
    if bad:
        log.warning("%s: %d rows are left out; the first is %s", path, len(bad), bad[0])
    if note:
        log.warning(note)


def _told(picture: Picture) -> str | None:
    """The words in a picture of ours: its caption, or the prompt that it was made from."""
    try:
        records = read_metadata(picture).records
    except InputError:
        return None  # whoever opens the picture says what is wrong with it
    if len(records) != 1:
        return None
    made = next((output.text for output in records[0].outputs if output.text), None)
    return made or records[0].request.prompt


def _lines(path: Path) -> Iterator[Row]:
    for number, line in _numbered(path):
        where = f"{path} line {number}"
        values = _object(where, line)
        yield from (
            _record(where, values, path) if "outputs" in values else [_simple(where, values, path)]
        )


def _record(where: str, values: Mapping[str, Any], path: Path) -> Iterator[Row]:
    """A row for each output of one of our records; read leniently, as it may be of any version."""
    given, outputs = values.get("image"), values["outputs"]
    if not isinstance(outputs, list) or not all(isinstance(each, dict) for each in outputs):
        raise InputError("input.row", f"{where}: outputs is a list of objects.", FORMS)
    for output in outputs:
        yield Row(
            where=where,
            key=_key(where, values),
            image=_found(_word(where, output, "image"), path),
            text=_word(where, output, "text"),
            given_image=_found(given if isinstance(given, str) else None, path),
            given_text=_word(where, values, "prompt"),
            references=_words(where, values, "references"),
            nouns=_words(where, values, "nouns"),
        )


def _simple(where: str, values: Mapping[str, Any], path: Path) -> Row:
    image = _word(where, values, "image") or _word(where, values, "file_name")
    return Row(
        where=where,
        key=_key(where, values),
        image=_found(image, path),
        text=_word(where, values, "text") or _word(where, values, "caption"),
        given_text=_word(where, values, "prompt"),
        references=_words(where, values, "references"),
        nouns=_words(where, values, "nouns"),
    )


def _key(where: str, values: Mapping[str, Any]) -> str:
    """The id, or the picture's name without its folder."""
    for name in ("id", "custom_id"):
        if isinstance(values.get(name), (str, int)):
            return str(values[name])
    image = _word(where, values, "image") or _word(where, values, "file_name") or ""
    return Path(image).name


def _found(name: str | None, file: Path) -> Path | None:
    if name is None:
        return None
    beside = file.parent / name
    return beside if beside.exists() else Path(name)


def _word(where: str, values: Mapping[str, Any], name: str) -> str | None:
    value = values.get(name)
    if value is not None and not isinstance(value, str):
        raise InputError("input.row", f"{where}: {name} is text, got {value!r:.60}.", FORMS)
    return value


def _words(where: str, values: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = values.get(name, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise InputError(
            "input.row", f"{where}: {name} is a list of texts, got {value!r:.60}.", FORMS
        )
    return tuple(value)


def _numbered(path: Path) -> Iterator[tuple[int, str]]:
    # Not splitlines: to it U+2028 and others, which words may hold, end a line too.
    for number, line in enumerate(_text(path).split("\n"), 1):
        if line.strip():
            yield number, line


def _object(where: str, line: str) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError("input.json", f"{where} is not JSON ({error}).", FORMS) from None
    if not isinstance(values, dict):
        raise InputError("input.json", f"{where} is not a JSON object.", FORMS)
    return values


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except UnicodeDecodeError:
        raise InputError(
            "input.encoding", f"{path} is not text in UTF-8 or, with a mark, UTF-16."
        ) from None
    except OSError as error:
        raise cannot_read(path, error) from None
