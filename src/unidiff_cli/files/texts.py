"""The texts in a picture's file, wherever they stand, of a bearable length. None is trusted."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from unidiff_cli.files.chunks import MOST, TEXTS, content, walk
from unidiff_cli.files.exif import HEADER, exif_texts
from unidiff_cli.files.pictures import BROKEN
from unidiff_cli.files.xmp import read_packet

if TYPE_CHECKING:
    from PIL import Image

MAX_TEXT = MOST
"""Longer texts in a picture are not looked at."""
EXIF = b"eXIf"
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
    stream: BinaryIO = picture.fp  # type: ignore[attr-defined]
    for chunk in walk(stream, (*TEXTS, EXIF)):
        if chunk.kind == EXIF:
            stream.seek(chunk.start + 8)
            block = HEADER + stream.read(min(chunk.size, MAX_TEXT))
            continue
        name, text = content(stream, chunk)
        if text is not None:
            texts[name] = _decoded(text)
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
