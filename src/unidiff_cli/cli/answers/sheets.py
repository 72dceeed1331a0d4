"""Sheets of many pictures as files: what they can say of themselves, and how large they may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unidiff_cli.files.output import FORMATS, bears, encode, exists, numbered, save

if TYPE_CHECKING:
    from PIL import Image

    from unidiff_cli.cli.terminal.console import Console
    from unidiff_cli.files.record import Record
    from unidiff_cli.files.signing import Source
    from unidiff_cli.files.stamp import Stamp


def write_sheet(
    sheet: Image.Image,
    path: Path | None,
    records: Sequence[Record],
    console: Console,
    stamp: Stamp,
    *,
    force: bool = False,
    walk: Mapping[str, Any] | None = None,
    inputs: Sequence[Source] = (),
) -> Path | None:
    """The file that was written; without a path the sheet's bytes go to stdout.

    A sheet that is too large for the format becomes a free .png beside.
    """
    if path is None:
        _warn(".png", records, console, stamp)
        console.answer_bytes(encode(sheet, ".png", records, walk, stamp, inputs))
        return None
    if not bears(path.suffix, sheet):
        console.note(
            f"the sheet is a .png: {sheet.width} x {sheet.height} pixels are too many for a "
            f"{path.suffix}"
        )
        path = next(name for name in numbered(path.with_suffix(".png")) if not exists(name))
    _warn(path.suffix, records, console, stamp)
    return save(path, encode(sheet, path.suffix, records, walk, stamp, inputs), force)


def _warn(suffix: str, records: Sequence[Record], console: Console, stamp: Stamp) -> None:
    """A note where the records do not fit in."""
    from unidiff_cli.files.metadata import has_room

    if stamp.metadata and records and not has_room(FORMATS[suffix.lower()], records):
        more = "; .png and .webp hold more" if suffix.lower() in (".jpg", ".jpeg") else ""
        console.note(
            f"the sheet does not say how it was made: {len(records)} records are too many for "
            f"a {suffix}{more}"
        )
