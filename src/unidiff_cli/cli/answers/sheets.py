"""Sheets of many pictures as files: what they can say of themselves, and how large they may be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unidiff_cli.files.metadata import has_room
from unidiff_cli.files.output import FORMATS, bears, encode, exists, numbered

if TYPE_CHECKING:
    from PIL import Image

    from unidiff_cli.cli.terminal.console import Console
    from unidiff_cli.files.record import Record


def roomy(path: Path, sheet: Image.Image, console: Console) -> Path:
    """Where a sheet goes: there, or to a free .png beside if it is too large for the format."""
    if bears(path.suffix, sheet):
        return path
    console.note(
        f"the sheet is a .png: {sheet.width} x {sheet.height} pixels are too many for a "
        f"{path.suffix}"
    )
    return next(name for name in numbered(path.with_suffix(".png")) if not exists(name))


def encode_sheet(
    sheet: Image.Image, suffix: str, records: Sequence[Record], console: Console
) -> bytes:
    """A sheet as the bytes of a file; a note tells where its records do not fit in."""
    if records and not has_room(FORMATS[suffix.lower()], records):
        more = "; .png and .webp hold more" if suffix.lower() in (".jpg", ".jpeg") else ""
        console.note(
            f"the sheet does not say how it was made: {len(records)} records are too many for "
            f"a {suffix}{more}"
        )
    return encode(sheet, suffix, records)
