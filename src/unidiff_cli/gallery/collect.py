"""The pictures of a folder, and what is known of each: from itself, or from what lies beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unidiff_cli.errors import InputError
from unidiff_cli.files.metadata import Metadata, read_metadata
from unidiff_cli.files.pictures import open_picture, pictures_in

if TYPE_CHECKING:
    from PIL import Image

ROWS = ("metadata.jsonl", "pairs.jsonl")
"""Tables of captions, as `unidiff joint --format` writes them."""
MAX_WORDS = 2000
"""Characters of a caption or a setting that a page shows."""
HEADINGS = {"v1_data": "v1 data", "dtype": "numbers"}
SETTINGS = ("mode", "seed", "steps", "solver", "times", "guidance", "v1_data")
MADE_WITH = ("model", "revision", "device", "dtype", "unidiff")


@dataclass(frozen=True, kw_only=True)
class Item:
    """One picture of a gallery."""

    path: Path
    name: str
    """Where it lies, seen from the folder."""
    caption: str = ""
    prompt: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    def picture(self) -> Image.Image:
        """The picture itself; an InputError when it cannot be read."""
        return open_picture(self.path)


def collect(folder: Path) -> Iterator[Item | InputError]:
    """Every picture under the folder in the order of their names, or why one cannot be shown."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder.", "Name a folder of pictures.")
    tables: dict[Path, dict[str, str]] = {}
    for path in sorted(pictures_in(folder), key=natural):
        try:
            known = read_metadata(path)
        except InputError as error:
            yield error
            continue
        words = _beside(path) or _told(path, folder, tables)
        yield _item(path, path.relative_to(folder).as_posix(), known, words)


def natural(path: Path) -> list[tuple[int, int, str]]:
    """A key that sorts picture-10 after picture-9."""
    parts = re.split(r"(\d{1,18})", path.as_posix())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def _item(path: Path, name: str, known: Metadata, words: str) -> Item:
    walk = {name: str(value) for name, value in known.walk.items()}
    prompts = dict.fromkeys(r.request.prompt for r in known.records if r.request.prompt)
    prompts |= {walk["prompt"]: None} if "prompt" in walk else {}
    texts = dict.fromkeys(o.text for r in known.records for o in r.outputs if o.text)
    texts |= {walk["text"]: None} if "text" in walk else {}
    return Item(
        path=path,
        name=name,
        caption=_short(words or " / ".join(texts)),
        prompt=_short(" / ".join(prompts)),
        settings={"pixels": f"{known.width} x {known.height}", **_settings(known)},
    )


def _settings(known: Metadata) -> dict[str, str]:
    """How the picture was made; of a sheet, what all its pictures have in common."""
    found: dict[str, Any] = {}
    for number, record in enumerate(known.records):
        request, made_with = record.request.to_json(), record.made_with
        values = {name: request[name] for name in SETTINGS if name in request}
        values |= {name: made_with[name] for name in MADE_WITH if name in made_with}
        if number == 0:
            found = values
        found = {name: value for name, value in found.items() if values.get(name) == value}
    if known.walk:
        wanted = ("walk", "stage", "to", *SETTINGS, *MADE_WITH)
        found = {name: known.walk[name] for name in wanted if name in known.walk}
    if not known.records and known.parameters:
        found = {"parameters": known.parameters}
    return {HEADINGS.get(name, name): _short(_plain(value)) for name, value in found.items()}


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return " x ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _short(text: str) -> str:
    return text if len(text) <= MAX_WORDS else text[:MAX_WORDS] + " ..."


def _beside(path: Path) -> str:
    """The caption in a .txt of the same name."""
    try:
        with path.with_suffix(".txt").open(encoding="utf-8", errors="replace") as file:
            return " ".join(file.read(MAX_WORDS + 1).split())
    except OSError:
        return ""


def _told(path: Path, folder: Path, tables: dict[Path, dict[str, str]]) -> str:
    """The caption in the nearest table that names the picture, up to the gallery's folder."""
    above = path.parents
    for parent in above[: above.index(folder) + 1]:
        if parent not in tables:
            tables[parent] = _tables(parent)
        if text := tables[parent].get(path.relative_to(parent).as_posix()):
            return text
    return ""


def _tables(folder: Path) -> dict[str, str]:
    """Captions by file, from the tables that lie in the folder."""
    found: dict[str, str] = {}
    for name in ROWS:
        try:
            table = (folder / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        for row in map(_row, table.split("\n")):  # not splitlines: a caption may hold U+2028
            file, text = row.get("file_name") or row.get("image"), row.get("text")
            if isinstance(file, str) and isinstance(text, str):
                found[file] = text
    return found


def _row(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}
