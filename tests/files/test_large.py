"""PNG files with large texts and profiles, and such as unfold."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from unidiff_cli.errors import InputError
from unidiff_cli.files import chunks
from unidiff_cli.files.metadata import read_metadata
from unidiff_cli.files.pictures import open_picture

LONG = "x" * (chunks.MOST + 300)


def png(path: str, **texts: PngImagePlugin.PngInfo) -> Path:
    Image.new("RGB", (8, 6), "red").save(path, pnginfo=texts.get("info"))
    return Path(path)


def with_texts() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("plain", LONG)
    info.add_text("packed", LONG, zip=True)
    info.add_itxt("international", LONG, zip=True)
    info.add_itxt("open", LONG)
    info.add_text("short", "words", zip=True)
    info.add_itxt("also short", "words", zip=True)
    return info


def test_large_texts_are_no_reason_to_refuse_a_picture() -> None:
    path = png("a.png", info=with_texts())
    assert open_picture(path).getpixel((7, 5)) == (255, 0, 0)
    known = read_metadata(path)
    assert known.unread == ("plain", "packed", "international", "open")
    assert known.texts == {"short": "words", "also short": "words"}


def test_all_texts_together_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "ALL", 14)
    info = PngImagePlugin.PngInfo()
    for name in "abc":
        info.add_text(name, "words")
    assert read_metadata(png("a.png", info=info)).unread == ("c",)
    assert open_picture("a.png").size == (8, 6)


def test_a_text_that_unfolds_is_not_unfolded() -> None:
    bomb = zlib.compress(bytes(2**26))
    content = b"Comment\0\0" + bomb
    data = png("a.png").read_bytes()
    chunk = struct.pack(">I", len(content)) + b"zTXt" + content
    chunk += struct.pack(">I", zlib.crc32(chunk[4:]))
    Path("b.png").write_bytes(data[:33] + chunk + data[33:])
    assert read_metadata("b.png").unread == ("Comment",)
    assert open_picture("b.png").size == (8, 6)


def test_a_picture_that_unfolds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(InputError, match="million pixels"):
        open_picture(png("a.png", info=with_texts()))


def test_a_large_profile_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    Image.new("RGB", (8, 6), "red").save("a.png", icc_profile=LONG.encode())
    assert open_picture("a.png").getpixel((0, 0)) == (255, 0, 0)
    assert caplog.messages == ["a.png: its colour profile is too large, and passed over"]
    assert read_metadata("a.png").unread == ("the colour profile",)


@pytest.mark.parametrize("cut", [20, 40, 60])
def test_what_is_cut_off_is_still_said(cut: int) -> None:
    data = png("a.png", info=with_texts()).read_bytes()
    Path("b.png").write_bytes(data[:cut])
    with pytest.raises(InputError):
        open_picture("b.png")
