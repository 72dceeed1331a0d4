"""Our pictures in other programs' hands: what they read, and what they leave when they write."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from tests.files.pictures import PROMPT, ours, png, record
from unidiff_cli.files.metadata import read_metadata
from unidiff_cli.files.xmp import TRAINED


def tool(name: str, *arguments: str) -> str:
    """What a program says; the test is skipped where it is not there."""
    if shutil.which(name) is None:
        pytest.skip(f"no {name} here")
    done = subprocess.run([name, *arguments], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def vips(old: str, new: str) -> None:
    pyvips: Any = pytest.importorskip("pyvips")
    pyvips.Image.new_from_file(old).write_to_file(new)


def oxipng(old: str, new: str) -> None:
    library: Any = pytest.importorskip("oxipng")
    library.optimize(old, new, force=True)


KEEPING: dict[str, tuple[str, str, Callable[[str, str], object]]] = {
    "imagemagick": ("png", "png", lambda a, b: tool("convert", a, "-resize", "50%", b)),
    "imagemagick, jpeg to png": ("jpg", "png", lambda a, b: tool("convert", a, b)),
    "graphicsmagick, jpeg to png": ("jpg", "png", lambda a, b: tool("gm", "convert", a, b)),
    "imagemagick, jpeg": ("jpg", "jpg", lambda a, b: tool("convert", a, b)),
    "cwebp": ("png", "webp", lambda a, b: tool("cwebp", "-quiet", "-metadata", "all", a, "-o", b)),
    "exiftool": ("png", "png", lambda a, b: tool("exiftool", "-Artist=me", a, "-o", b)),
    "exiftool, jpeg": ("jpg", "jpg", lambda a, b: tool("exiftool", "-Artist=me", a, "-o", b)),
    "optipng": ("png", "png", lambda a, b: tool("optipng", "-quiet", a, "-out", b)),
    "libvips": ("png", "png", vips),
    "libvips, jpeg": ("jpg", "jpg", vips),
    "libvips, png to webp": ("png", "webp", vips),
    "oxipng": ("png", "png", oxipng),
}


@pytest.mark.parametrize("name", KEEPING)
def test_record_and_mark_survive(name: str) -> None:
    before, after, pass_on = KEEPING[name]
    ours(f"a.{before}")
    pass_on(f"a.{before}", f"b.{after}")
    known = read_metadata(f"b.{after}")
    assert known.records == (record(),), known
    assert known.digital_source == TRAINED


@pytest.mark.parametrize("before", ["png", "jpg"])
@pytest.mark.parametrize("after", ["png", "jpg"])
def test_the_mark_survives_where_all_metadata_is_dropped(before: str, after: str) -> None:
    ours(f"a.{before}")
    tool("ffmpeg", "-v", "error", "-i", f"a.{before}", f"b.{after}")
    known = read_metadata(f"b.{after}")
    assert (known.records, known.digital_source) == ((), TRAINED)


def test_the_mark_survives_stripping() -> None:
    library: Any = pytest.importorskip("oxipng")
    ours("a.png")
    library.optimize("a.png", "b.png", force=True, strip=library.StripChunks.safe())
    known = read_metadata("b.png")
    assert (known.records, known.digital_source) == ((), TRAINED)


def test_parameters_behind_the_pixels_are_read() -> None:
    png("a.png", parameters="a cat\nSteps: 20, Sampler: Euler a, Seed: 5")
    tool("convert", "a.png", "-resize", "50%", "b.png")
    assert read_metadata("b.png").settings["prompt"] == "a cat"


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_exiv2_shows_the_comment_as_text(suffix: str) -> None:
    ours(f"a.{suffix}")
    said = tool("exiv2", "-pa", f"a.{suffix}")
    assert re.search(r'UserComment +Undefined +\d+ +charset=Unicode {"format": "unidiff"', said)
    assert re.search(rf"AIPromptInformation +XmpText +\d+ +{PROMPT}", said)


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_piexif_writes_our_exif_again(suffix: str) -> None:
    piexif: Any = pytest.importorskip("piexif")
    helper: Any = pytest.importorskip("piexif.helper")
    known = piexif.load(str(ours(f"a.{suffix}")))
    text = helper.UserComment.load(known["Exif"][piexif.ExifIFD.UserComment])
    assert json.loads(text)["records"][0]["prompt"] == PROMPT
    assert piexif.load(piexif.dump(known))["Exif"] == known["Exif"]


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_exiftool_reads_all_and_warns_of_nothing(suffix: str) -> None:
    said = tool("exiftool", "-a", "-s", str(ours(f"a.{suffix}")))
    assert "Warning" not in said
    for row in (
        f"DigitalSourceType +: {TRAINED}",
        "AISystemUsed +: tiny",
        "AISystemVersionUsed +: random",
        f"AIPromptInformation +: {PROMPT}",
    ):
        assert re.search(row, said), row


@pytest.mark.parametrize("prompt", ["a fox", "a café — fox"])
def test_sd_parsers_reads_the_parameters(prompt: str) -> None:
    library: Any = pytest.importorskip("sd_parsers")
    found = library.ParserManager().parse(str(ours("a.png", record(prompt))))
    (sampler,) = found.samplers
    assert (sampler.name, sampler.model.name) == ("unipc", "tiny")
    assert [each.value for each in sampler.prompts] == [prompt]
