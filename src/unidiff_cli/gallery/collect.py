"""The pictures of a folder, and what is known of each: from itself, or from what lies beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unidiff_cli.errors import InputError
from unidiff_cli.files import dataset
from unidiff_cli.files.metadata import Metadata, read_metadata
from unidiff_cli.files.pictures import open_picture
from unidiff_cli.files.tars import Inside

if TYPE_CHECKING:
    from PIL import Image

Note = Callable[[str], None]
MAX_WORDS = 2000
"""Characters of a caption or a setting that a page shows."""
HEADINGS = {"v1_data": "v1 data", "dtype": "numbers"}
SETTINGS = ("mode", "seed", "steps", "solver", "times", "guidance", "v1_data")
MADE_WITH = ("model", "revision", "device", "dtype", "unidiff")


@dataclass(frozen=True, kw_only=True)
class Item:
    """One picture of a gallery."""

    source: Path | Inside
    name: str
    """Where it lies, seen from the folder."""
    caption: str = ""
    prompt: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    def picture(self) -> Image.Image:
        """The picture itself; an InputError when it cannot be read."""
        return open_picture(self.source)


def collect(folder: Path, note: Note) -> Iterator[Item | InputError]:
    """Every picture under the folder in the order of their names, or why one cannot be shown.

    Files and rows of tables that are no pictures are noted.
    """
    if not folder.is_dir():
        raise InputError(
            "input.missing", f"{folder} is not a folder.", "Name a folder of pictures."
        )
    found, left_out = dataset.read(folder)
    items = sorted(found, key=lambda item: natural(item.name))
    if left_out:
        note(left_out)
    if bad := [item for item in items if item.picture is None]:
        first = f"{bad[0].name}: {bad[0].problem}"
        note(f"{len(bad)} rows show no picture; the first is {first}")
    for item in items:
        if item.picture is None:
            continue
        try:
            known = read_metadata(item.picture)
        except InputError as error:
            yield error
        else:
            yield _item(item.picture, item.name, known, " / ".join(item.texts))


def natural(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts picture-10 after picture-9."""
    parts = re.split(r"(\d{1,18})", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def _item(source: Path | Inside, name: str, known: Metadata, words: str) -> Item:
    walk = {name: str(value) for name, value in known.walk.items()}
    prompts = dict.fromkeys(r.request.prompt for r in known.records if r.request.prompt)
    prompts |= {walk["prompt"]: None} if "prompt" in walk else {}
    prompts |= {str(known.settings["prompt"]): None} if "prompt" in known.settings else {}
    texts = dict.fromkeys(o.text for r in known.records for o in r.outputs if o.text)
    texts |= {walk["text"]: None} if "text" in walk else {}
    return Item(
        source=source,
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
    if not known.place:
        found = {name: value for name, value in known.settings.items() if name != "prompt"}
        found = found or ({"parameters": known.parameters} if known.parameters else {})
    return {HEADINGS.get(name, name): _short(_plain(value)) for name, value in found.items()}


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return " x ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _short(text: str) -> str:
    return text if len(text) <= MAX_WORDS else text[:MAX_WORDS] + " ..."
