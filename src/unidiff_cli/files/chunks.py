"""PNG files whose texts or colour profile are larger than Pillow bears: read without these.

A workflow of ComfyUI may be longer than a mebibyte, for which Pillow refuses the whole picture;
and a few packed bytes may be made to unfold into gigabytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import SEEK_END, BytesIO
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TEXTS, PROFILE = (b"tEXt", b"zTXt", b"iTXt"), b"iCCP"
MOST = 2**20
"""Bytes of a text or profile, unpacked: what Pillow bears where they are packed."""
ALL = 2**24
"""Bytes of all texts of a file; a quarter of what Pillow bears."""
UNREAD_PROFILE = "the colour profile"
KEYWORD = 80
"""Bytes of a keyword and its end, at most."""
ASIDE = 256
"""Bytes of a chunk for a keyword and what else stands before the text."""
FRAME = 12
"""A chunk's length, kind and checksum."""


@dataclass(frozen=True)
class Chunk:
    """A piece of a PNG file."""

    kind: bytes
    start: int
    """Where its length stands."""
    size: int
    """Bytes of its content."""

    @property
    def end(self) -> int:
        """Where the next one begins."""
        return self.start + FRAME + self.size


def bearable(stream: BinaryIO) -> tuple[BinaryIO, tuple[str, ...]]:
    """The file at its start, without what is too large; and the names of what was left out."""
    names: list[str] = []
    out: list[Chunk] = []
    room = ALL
    for chunk in walk(stream, (*TEXTS, PROFILE)):
        name, text = content(stream, chunk)
        size = MOST + 1 if text is None else len(text)
        if size > min(MOST, room):
            names.append(UNREAD_PROFILE if chunk.kind == PROFILE else name)
            out.append(chunk)
        elif chunk.kind != PROFILE:
            room -= size
    stream.seek(0)
    if not out:
        return stream, ()
    pieces, start = [], 0
    for chunk in out:
        stream.seek(start)
        pieces.append(stream.read(chunk.start - start))
        start = chunk.end
    stream.seek(start)
    return BytesIO(b"".join([*pieces, stream.read()])), tuple(names)


def walk(stream: BinaryIO, kinds: Sequence[bytes]) -> Iterator[Chunk]:
    """The chunks of these kinds, also those behind the pixels; none where it is no PNG."""
    stream.seek(0)
    if stream.read(len(SIGNATURE)) != SIGNATURE:
        return
    at, end = len(SIGNATURE), stream.seek(0, SEEK_END)
    while at + FRAME <= end:
        stream.seek(at)
        head = stream.read(8)
        chunk = Chunk(head[4:], at, int.from_bytes(head[:4]))
        if chunk.kind == b"IEND" or chunk.end > end:  # Pillow says what is wrong with the rest
            return
        if chunk.kind in kinds:
            yield chunk
        at = chunk.end


def content(stream: BinaryIO, chunk: Chunk) -> tuple[str, bytes | None]:
    """Keyword and unpacked bytes of a text or profile: None where they are too many."""
    stream.seek(chunk.start + 8)
    if chunk.size > MOST + ASIDE:
        return stream.read(KEYWORD).partition(b"\0")[0].decode("latin-1"), None
    keyword, _, rest = stream.read(chunk.size).partition(b"\0")
    packed = chunk.kind != b"tEXt"
    if chunk.kind == b"iTXt":
        packed = rest[:1] == b"\1"
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    elif packed:
        rest = rest[1:]
    text = _unpacked(rest) if packed else rest
    return keyword.decode("latin-1"), text if len(text) <= MOST else None


def _unpacked(packed: bytes) -> bytes:
    """What they unfold into, or the beginning of it where that is too much."""
    try:
        return zlib.decompressobj().decompress(packed, MOST + 1)
    except zlib.error:
        return b""  # Pillow passes over it
