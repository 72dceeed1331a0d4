"""Pictures with texts in them, as our program and others write them."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin

from unidiff_cli.files.output import encode
from unidiff_cli.files.record import Record, Saved
from unidiff_cli.request import Request

PROMPT = "a café — fox"
SIZE = (32, 16)


def record(prompt: str = PROMPT, **made_with: str) -> Record:
    """The record of a picture that unidiff made."""
    request = Request(mode="t2i", prompt=prompt, seed=3, steps=5, solver="unipc", size=SIZE)
    return Record(
        request=request,
        outputs=(Saved(),),
        made_with={"model": "tiny", "revision": "random", **made_with},
    )


def ours(name: str, *records: Record) -> Path:
    """A picture of ours of the format that the name says."""
    path = Path(name)
    picture = Image.radial_gradient("L").resize(SIZE).convert("RGB")
    path.write_bytes(encode(picture, path.suffix, records or (record(),)))
    return path


def png(name: str = "foreign.png", **texts: str) -> Path:
    """A PNG with these texts."""
    info = PngImagePlugin.PngInfo()
    for keyword, text in texts.items():
        info.add_text(keyword.replace("_", "-") if keyword == "sd_metadata" else keyword, text)
    Image.new("RGB", SIZE).save(name, pnginfo=info)
    return Path(name)


def with_exif(name: str, tags: dict[int, str] | None = None, comment: bytes = b"") -> Path:
    """A picture with these EXIF tags, and this as UserComment."""
    exif = Image.Exif()
    exif.update(tags or {})
    if comment:
        exif.get_ifd(0x8769)[0x9286] = comment
    Image.new("RGB", SIZE).save(name, exif=exif.tobytes())
    return Path(name)


Chunk = tuple[bytes, bytes]


def chunks(path: Path) -> list[Chunk]:
    """The chunks of a PNG: kind and data."""
    data, found = path.read_bytes()[8:], []
    while data:
        length, kind = struct.unpack(">I4s", data[:8])
        found.append((kind, data[8 : 8 + length]))
        data = data[12 + length :]
    return found


def written(name: str, *parts: Chunk) -> Path:
    """A PNG of these chunks."""
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
    Path(name).write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return Path(name)


def texts_of(path: Path) -> dict[str, Any]:
    """The kind of chunk that each text of a PNG is in, by its keyword."""
    return {
        data.partition(b"\0")[0].decode(): kind.decode()
        for kind, data in chunks(path)
        if kind in (b"tEXt", b"zTXt", b"iTXt")
    }
