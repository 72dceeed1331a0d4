"""EXIF: the block that holds one comment, and the texts in anybody's."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import TYPE_CHECKING

from unidiff_cli.files.pictures import BROKEN

if TYPE_CHECKING:
    from PIL import Image

HEADER = b"Exif\0\0"
"""Stands before the block in a JPEG, and nowhere else."""
EXIF_IFD, EXIF_VERSION, USER_COMMENT = 0x8769, 0x9000, 0x9286
NAMES = {
    0x010D: "DocumentName",
    0x010E: "ImageDescription",
    0x010F: "Make",
    0x0110: "Model",
    0x0131: "Software",
    0x013B: "Artist",
    0x8298: "Copyright",
}
UNICODE = b"UNICODE\0"
LABELS = (UNICODE, b"ASCII\0\0\0", b"JIS\0\0\0\0\0", bytes(8))
"""The character codes that EXIF knows; some writers leave theirs out."""
LONG, UNDEFINED = 4, 7


def comment_block(text: str) -> bytes:
    """An EXIF block, from its TIFF header on, with the text as UserComment.

    Its type is UNDEFINED, as EXIF 2.32 has it. Pillow's writer makes it BYTE, which others show as
    numbers. Big-endian throughout: what reads UTF-16 there without looking expects that.
    """
    comment = UNICODE + text.encode("utf-16-be")
    first, second = 8, 26
    return b"".join(
        (
            struct.pack(">2sHI", b"MM", 42, first),
            struct.pack(">HHHIII", 1, EXIF_IFD, LONG, 1, second, 0),
            struct.pack(">HHHI4s", 2, EXIF_VERSION, UNDEFINED, 4, b"0232"),
            struct.pack(">HHIII", USER_COMMENT, UNDEFINED, len(comment), second + 30, 0),
            comment,
        )
    )


def exif_texts(exif: Image.Exif, longest: int) -> dict[str, str]:
    """The texts in an EXIF block by their names, those of a bearable length; none if it is broken.

    UserComment is decoded whichever of the usual ways it is written.
    """
    found: dict[str, str] = {}
    with suppress(*BROKEN):
        for tag, name in NAMES.items():
            if isinstance(value := exif.get(tag), str) and len(value) <= longest:
                found[name] = value.strip("\0 ")
    with suppress(*BROKEN):
        raw = exif.get_ifd(EXIF_IFD).get(USER_COMMENT)
        if isinstance(raw, (bytes, str)) and len(raw) <= longest:
            found["UserComment"] = raw if isinstance(raw, str) else _decoded(raw)
    return {name: text for name, text in found.items() if text}


def _decoded(comment: bytes) -> str:
    label, body = comment[:8], comment[8:]
    if label == UNICODE:
        # Latin text in the wrong byte order is full of characters U+xx00.
        order = "utf-16-le" if body[1:2] == b"\0" else "utf-16-be"
        return body.decode(order, "replace").rstrip("\0")
    return (body if label in LABELS else comment).decode("utf-8", "replace").strip("\0 ")
