"""Text in: UTF-8, or UTF-16 and UTF-32 where a byte order mark says so. The mark is taken off."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import BinaryIO

MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16's, which it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""What Notepad and PowerShell put before the first character, and what it says."""
LONGEST = max(map(len, MARKS))


def encoding(start: bytes) -> str:
    """The encoding that the first bytes of a text speak of; UTF-8 where they have no mark."""
    return next((name for mark, name in MARKS.items() if start.startswith(mark)), "utf-8")


def decode(data: bytes, errors: str = "strict") -> str:
    """The text; UnicodeDecodeError where it is none, unless `errors` says otherwise."""
    return data.decode(encoding(data), errors)


def read_text(path: Path, errors: str = "strict") -> str:
    """The text in a file, every line ended by a newline alone."""
    text = decode(path.read_bytes(), errors)
    return text.replace("\r\n", "\n")


def utf8_file(file: BinaryIO) -> BinaryIO:
    """The text in a file that seeks as UTF-8 without a mark, from its beginning."""
    start = file.read(LONGEST)
    name = encoding(start)
    file.seek(3 if name == "utf-8-sig" else 0)
    return file if name.startswith("utf-8") else BytesIO(decode(file.read(), "replace").encode())


def as_utf8(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Blocks of bytes as UTF-8 without a mark; what is not marked passes as it comes."""
    start = b""
    for block in blocks:
        start += block
        marked = any(mark.startswith(start[:LONGEST]) for mark in MARKS)
        if len(start) >= LONGEST or not marked:  # a live source may send less, and wait for us
            break
    name = encoding(start)
    if name == "utf-8":
        yield from filter(None, (start,))
        yield from blocks
        return
    decoder = codecs.getincrementaldecoder(name)(errors="replace")
    for block in chain((start,), blocks):
        if text := decoder.decode(block):
            yield text.encode()
    if text := decoder.decode(b"", final=True):
        yield text.encode()
