"""Sheets of many pictures as files: what they can say of themselves, and how large they may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unidiff_cli.files.metadata import has_room
from unidiff_cli.files.output import FORMATS, bears, encode, exists, numbered, save

if TYPE_CHECKING:
    from PIL import Image

    from unidiff_cli.cli.terminal.console import Console
    from unidiff_cli.files.record import Record


def write_sheet(
    sheet: Image.Image,
    path: Path | None,
    records: Sequence[Record],
    console: Console,
    *,
    force: bool = False,
    walk: Mapping[str, Any] | None = None,
) -> Path | None:
    """The file that was written; without a path the sheet's bytes go to stdout.

    A sheet that is too large for the format becomes a free .png beside.
    """
    if path is None:
        console.answer_bytes(_encoded(sheet, ".png", records, console, walk))
        return None
    if not bears(path.suffix, sheet):
        console.note(
            f"the sheet is a .png: {sheet.width} x {sheet.height} pixels are too many for a "
            f"{path.suffix}"
        )
        path = next(name for name in numbered(path.with_suffix(".png")) if not exists(name))
    return save(path, _encoded(sheet, path.suffix, records, console, walk), force)


def _encoded(
    sheet: Image.Image,
    suffix: str,
    records: Sequence[Record],
    console: Console,
    walk: Mapping[str, Any] | None,
) -> bytes:
    """A sheet as the bytes of a file; a note tells where its records do not fit in."""
    if records and not has_room(FORMATS[suffix.lower()], records):
        more = "; .png and .webp hold more" if suffix.lower() in (".jpg", ".jpeg") else ""
        console.note(
            f"the sheet does not say how it was made: {len(records)} records are too many for "
            f"a {suffix}{more}"
        )
    return encode(sheet, suffix, records, walk)
