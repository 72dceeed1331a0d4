"""What other programs leave of a picture's record and mark: the table of docs/outputs.md.

    python scripts/write_survival_docs.py [--print]

Needs the programs (Debian: imagemagick graphicsmagick webp optipng pngquant libimage-exiftool-perl
ffmpeg) and `pip install 'unidiff-cli[tools]'`; a row whose program is missing is left out. The
table stands between the marks <!-- survival --> and <!-- /survival -->.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from PIL import Image

from unidiff_cli.files.metadata import read_metadata
from unidiff_cli.files.output import encode
from unidiff_cli.files.record import Record, Saved
from unidiff_cli.request import Request

PAGE = Path(__file__).parents[1] / "docs" / "outputs.md"
RECORD = Record(
    request=Request(mode="t2i", prompt="a café — fox", seed=3, steps=5, size=(64, 64)),
    outputs=(Saved(),),
    made_with={"model": "starter", "revision": "1"},
)


@dataclass(frozen=True)
class Row:
    """A program, and what it does to a file."""

    program: str
    version: tuple[str, ...] | str
    """How it is asked for its version, or the package that it is."""
    shown: str
    """What is done, as the table has it."""
    pairs: tuple[tuple[str, str], ...]
    """From which format to which."""
    command: tuple[str, ...] | Callable[[str, str], None]
    """With IN and OUT for the files."""


def oxipng(strip: str) -> Callable[[str, str], None]:
    """oxipng as a library, since Debian has no package of it."""

    def run(old: str, new: str) -> None:
        import oxipng

        oxipng.optimize(old, new, force=True, strip=getattr(oxipng.StripChunks, strip)())

    return run


def vips(old: str, new: str) -> None:
    """libvips, which web servers shrink pictures with."""
    import pyvips

    pyvips.Image.new_from_file(old).resize(0.5).write_to_file(new)


def pillow(old: str, new: str) -> None:
    """Opened and saved, with nothing said of metadata."""
    with Image.open(old) as picture:
        picture.save(new)


SAME = (("png", "png"), ("jpg", "jpg"), ("webp", "webp"))
LOSSY = (("png", "jpg"), ("jpg", "png"))
PNG = SAME[:1]
HALF = ("IN", "-resize", "50%", "OUT")
ROWS = (
    Row("ImageMagick", ("convert", "-version"), "`convert -resize 50%`", SAME + LOSSY,
        ("convert", *HALF)),
    Row("GraphicsMagick", ("gm", "version"), "`gm convert -resize 50%`", SAME + LOSSY,
        ("gm", "convert", *HALF)),
    Row("libvips", "pyvips-binary", "resized and written", SAME + LOSSY, vips),
    Row("cwebp", ("cwebp", "-version"), "`cwebp -metadata all`", (("png", "webp"), ("jpg", "webp")),
        ("cwebp", "-quiet", "-metadata", "all", "IN", "-o", "OUT")),
    Row("exiftool", ("exiftool", "-ver"), "`exiftool -Artist=me`", SAME[:2],
        ("exiftool", "-q", "-Artist=me", "IN", "-o", "OUT")),
    Row("optipng", ("optipng", "--version"), "`optipng`", PNG,
        ("optipng", "-quiet", "IN", "-out", "OUT")),
    Row("pngquant", ("pngquant", "--version"), "`pngquant`", PNG,
        ("pngquant", "IN", "-o", "OUT")),
    Row("oxipng", "pyoxipng", "`oxipng`", PNG, oxipng("none")),
    Row("oxipng", "pyoxipng", "`oxipng --strip safe`", PNG, oxipng("safe")),
    Row("ffmpeg", ("ffmpeg", "-version"), "`ffmpeg -i`", SAME + LOSSY,
        ("ffmpeg", "-v", "error", "-i", "IN", "OUT")),
    Row("Pillow", "pillow", "opened and saved", SAME + LOSSY, pillow),
)  # fmt: skip


def measured(row: Row) -> Iterator[tuple[str, bool, bool]]:
    """For each pair of formats, whether the settings and the mark are still there."""
    for before, after in row.pairs:
        with tempfile.TemporaryDirectory() as folder:
            old, new = f"{folder}/old.{before}", f"{folder}/new.{after}"
            picture = Image.radial_gradient("L").resize((64, 64)).convert("RGB")
            Path(old).write_bytes(encode(picture, f".{before}", [RECORD]))
            if callable(row.command):
                row.command(old, new)
            else:
                names = {"IN": old, "OUT": new}
                subprocess.run([names.get(word, word) for word in row.command], check=True)
            known = read_metadata(new)
            name = before if before == after else f"{before} to {after}"
            yield name, known.records == (RECORD,), known.digital_source is not None


def version_of(row: Row) -> str:
    """The number of the program's version; nothing where it is not there."""
    if isinstance(row.version, str):
        try:
            return version(row.version)
        except ImportError:
            return ""
    if shutil.which(row.version[0]) is None:
        return ""
    said = subprocess.run(row.version, capture_output=True, text=True, check=True)
    number = re.search(r"\d+(\.\d+)+(-\d+)?", said.stdout + said.stderr)
    return number.group() if number else "?"


def cell(found: dict[str, bool]) -> str:
    """yes, no, or for which formats."""
    if len(set(found.values())) == 1:
        return "yes" if all(found.values()) else "no"
    return ", ".join(name for name, kept in found.items() if kept)


def table() -> str:
    """The table in Markdown."""
    lines = ["| program | version | what it does | formats | settings | mark |", "| --- " * 6 + "|"]
    for row in ROWS:
        number = version_of(row)
        if number:
            found = list(measured(row))
            formats = ", ".join(name for name, _, _ in found)
            settings = cell({name: kept for name, kept, _ in found})
            mark = cell({name: kept for name, _, kept in found})
            cells = (row.program, number, row.shown, formats, settings, mark)
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--print", action="store_true", help="print it, write nothing")
    if parser.parse_args().print:
        print(table())
    else:
        text = PAGE.read_text()
        marks = r"(<!-- survival -->\n).*(<!-- /survival -->)"
        PAGE.write_text(re.sub(marks, rf"\g<1>{table()}\n\g<2>", text, flags=re.S))
