"""The texts in a picture's file, wherever they stand, of a bearable length. None is trusted."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from unidiff_cli.files.exif import HEADER, exif_texts
from unidiff_cli.files.pictures import BROKEN
from unidiff_cli.files.xmp import read_packet

if TYPE_CHECKING:
    from PIL import Image

MAX_TEXT = 2**20
"""Longer texts in a picture are not looked at."""
MAX_TEXTS = 2**24
"""Bytes of all texts together."""
XMP_KEYWORD = "XML:com.adobe.xmp"
RAW_XMP, RAW_EXIF = ("Raw profile type xmp", "Raw profile type APP1"), "Raw profile type exif"
"""How ImageMagick and GraphicsMagick keep XMP and EXIF in a PNG: the length, then hex."""
RAW = "Raw profile type "
APP1_XMP = b"http://ns.adobe.com/xap/1.0/\0"


@dataclass(frozen=True)
class Texts:
    """What a file says in words."""

    own: Mapping[str, str] = field(default_factory=dict)
    """The text chunks of a PNG; of other formats the comment."""
    exif: Mapping[str, str] = field(default_factory=dict)
    xmp: Mapping[str, str] = field(default_factory=dict)
    """The few properties that `xmp` knows."""


def read_texts(picture: Image.Image) -> Texts:
    """The texts of an opened picture. Of a PNG no pixel is decoded for those behind them."""
    if picture.format == "PNG":
        return _png_texts(picture)
    own = _text(picture.info.get("comment"))
    packet = picture.info.get("xmp", b"")
    packet = packet.encode() if isinstance(packet, str) else packet
    exif: dict[str, str] = {}
    with suppress(*BROKEN):
        exif = exif_texts(picture.getexif(), MAX_TEXT)
    return Texts(
        {"comment": own} if own else {},
        exif,
        read_packet(packet) if len(packet) <= MAX_TEXT else {},
    )


def _text(value: object) -> str:
    if not isinstance(value, (bytes, str)) or len(value) > MAX_TEXT:
        return ""
    return (_decoded(value) if isinstance(value, bytes) else value).strip("\0 ")


def _png_texts(picture: Image.Image) -> Texts:
    from PIL import Image

    texts: dict[str, str] = {}
    block = b""
    stream: IO[bytes] = picture.fp  # type: ignore[attr-defined]
    for kind, data in _chunks(stream):
        if kind == b"eXIf":
            block = HEADER + data
        elif (pair := _pair(kind, data)) is not None:
            texts[pair[0]] = pair[1]
    packet = texts.pop(XMP_KEYWORD, "").encode(errors="replace")
    for name in RAW_XMP:
        profile = _profile(texts.get(name, "")).removeprefix(APP1_XMP)
        packet = packet or (profile if profile.lstrip().startswith(b"<") else b"")
    block = block or _profile(texts.get(RAW_EXIF, ""))
    exif = Image.Exif()
    with suppress(*BROKEN):
        exif.load(block)
    own = {name: text for name, text in texts.items() if not name.startswith(RAW)}
    return Texts(own, exif_texts(exif, MAX_TEXT), read_packet(packet))


def _chunks(stream: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of a PNG that hold text or EXIF, also those behind the pixels.

    Pillow finds the latter only by decoding the picture.
    """
    stream.seek(8)
    left = MAX_TEXTS
    while len(head := stream.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IEND":
            return
        # A keyword and what else stands before the text take a little more.
        if kind in (b"tEXt", b"zTXt", b"iTXt", b"eXIf") and length <= min(MAX_TEXT + 256, left):
            left -= length
            yield kind, stream.read(length)
            stream.seek(4, 1)
        else:
            stream.seek(length + 4, 1)


def _pair(kind: bytes, data: bytes) -> tuple[str, str] | None:
    """Keyword and text of a chunk; None where it is broken or too long."""
    keyword, _, rest = data.partition(b"\0")
    packed = kind == b"zTXt"
    if packed:
        rest = rest[1:]
    elif kind == b"iTXt":
        packed = rest[:1] == b"\1"
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    if packed:
        try:
            rest = zlib.decompressobj().decompress(rest, MAX_TEXT + 1)
        except zlib.error:
            return None
    return (keyword.decode("latin-1"), _decoded(rest)) if len(rest) <= MAX_TEXT else None


def _decoded(text: bytes) -> str:
    """UTF-8, else Latin-1. The format says Latin-1 for two of its three kinds of chunk.

    libvips and others write UTF-8 into those all the same, and no Latin text of more than ASCII is
    UTF-8 by chance.
    """
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _profile(text: str) -> bytes:
    """The bytes of a raw profile: an empty line, its kind, its length, lines of hex."""
    with suppress(ValueError):
        return bytes.fromhex("".join(text.strip("\n").split("\n")[2:]))
    return b""
