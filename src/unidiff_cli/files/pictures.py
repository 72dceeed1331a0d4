"""Pictures in: whatever Pillow reads becomes upright, opaque, 8-bit RGB, or an InputError."""

from __future__ import annotations

import math
import os
import stat
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from unidiff_cli.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".ppm")
"""Of the files in a folder that are taken for pictures."""
BROKEN = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError),
    struct.error,
)
"""What Pillow raises on a broken EXIF header, which is no reason to refuse a picture."""
MAX_BYTES = 512 * 2**20
"""Bytes read from a pipe before it is taken to be endless."""


def open_picture(source: str | Path | bytes | BinaryIO | Image.Image) -> Image.Image:
    """The picture as RGB: turned as its EXIF says, over white where it is transparent.

    16-bit and floating-point greys are scaled to 8 bits, an animation is its first frame.
    Whatever cannot be read is an InputError that names it.
    """
    from PIL import Image

    if isinstance(source, Image.Image):
        with _explained(str(getattr(source, "filename", "") or "The picture")):
            return _to_rgb(source)
    with opened(source) as picture:
        return _to_rgb(picture)


def pictures_in(folder: Path, deep: bool = True) -> list[Path]:
    """The pictures in a folder by their names, also in those inside it; nothing that is hidden."""
    found = folder.rglob("*") if deep else folder.glob("*")
    return sorted(
        path
        for path in found
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def psnr(picture: Image.Image, other: Image.Image) -> float:
    """The peak signal-to-noise ratio of two RGB pictures of one size, in dB; inf where equal."""
    from PIL import ImageChops, ImageStat

    squares = sum(ImageStat.Stat(ImageChops.difference(picture, other)).sum2)
    values = 3 * picture.width * picture.height
    return 10 * math.log10(255**2 * values / squares) if squares else math.inf


@contextmanager
def opened(source: str | Path | bytes | BinaryIO) -> Iterator[Image.Image]:
    """The picture, of which only the first bytes are read; trouble is an InputError."""
    name = str(source) if isinstance(source, (str, Path)) else "The picture on standard input"
    with _explained(name), _reading(source, name) as picture:
        yield picture


def square(picture: Image.Image, width: int, height: int) -> Image.Image:
    """The largest centred part of the picture's shape width : height, resized with Lanczos.

    For a square it is the published rule: a crop of the smaller side, its corner by integer
    division.
    """
    from PIL import Image

    across = min(picture.width, max(1, picture.height * width // height))
    down = min(picture.height, max(1, picture.width * height // width))
    left, top = (picture.width - across) // 2, (picture.height - down) // 2
    cropped = picture.crop((left, top, left + across, top + down))
    return cropped.resize((width, height), Image.Resampling.LANCZOS)


@contextmanager
def _reading(source: str | Path | bytes | BinaryIO, name: str) -> Iterator[Image.Image]:
    """The picture, opened but not decoded."""
    from PIL import Image

    with _stream(source, name) as stream:
        if not stream.read(1):
            raise InputError(f"{name} is empty.", "Give it a picture: PNG, JPEG, WebP, ...")
        stream.seek(0)
        with Image.open(stream, formats=_formats()) as picture:
            yield picture


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Whatever Pillow raises on a picture becomes an InputError that names it."""
    from PIL import Image, UnidentifiedImageError

    try:
        # Pillow warns about odd files and about pictures above 89 million pixels; what matters is
        # an error above twice that.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except InputError:
        raise
    except UnidentifiedImageError:
        raise InputError(
            f"{name} is not a picture that can be read.", "PNG, JPEG, WebP, TIFF and GIF can."
        ) from None
    except Image.DecompressionBombError:
        most = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 10**6
        raise InputError(f"{name} has more than {most} million pixels.", "Shrink it.") from None
    except FileNotFoundError:
        raise InputError(f"There is no file {name}.", "Check the path.") from None
    except IsADirectoryError:
        raise InputError(f"{name} is a folder.", f"Name the pictures in it: {name}/*.jpg") from None
    except PermissionError:
        raise InputError(f"{name} may not be read.", f"Try: ls -l {name}") from None
    # On a damaged file Pillow's readers raise whatever they stumble over, beside OSError.
    except Exception as error:
        if isinstance(error, OSError) and error.filename is not None:  # it could not be opened
            raise InputError(
                f"{name} cannot be read: {error.strerror}.", "Check the path."
            ) from None
        raise InputError(
            f"{name} is damaged or cut off ({error}).", "Fetch or export it again."
        ) from error


def _formats() -> list[str]:
    """All that Pillow reads but PostScript: it would run Ghostscript on a stranger's program."""
    from PIL import Image

    Image.init()
    return [name for name in Image.ID if name != "EPS"]


@contextmanager
def _stream(source: str | Path | bytes | BinaryIO, name: str) -> Iterator[BinaryIO]:
    """The source as a file that seeks; pipes are read to their end first."""
    if isinstance(source, bytes):
        yield BytesIO(source)
    elif isinstance(source, (str, Path)):
        with open(source, "rb") as file:
            regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            yield file if regular else BytesIO(read_all(file, name))
    else:
        yield source if source.seekable() else BytesIO(read_all(source, name))


def read_all(stream: BinaryIO, name: str) -> bytes:
    """The rest of a stream, or an InputError when there is no end to it."""
    data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise InputError(f"{name} is longer than {MAX_BYTES // 2**20} MiB.", "Is it a picture?")
    return data


def _to_rgb(picture: Image.Image) -> Image.Image:
    """An upright, opaque, 8-bit RGB copy."""
    from PIL import Image, ImageOps

    picture.load()
    with suppress(*BROKEN):
        picture = ImageOps.exif_transpose(picture)
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        return _to_8_bits(picture).convert("RGB")
    if picture.mode == "LAB":
        return _from_lab(picture)
    if picture.mode == "La":
        picture = picture.convert("LA")
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture.convert("RGBA"))
    return picture.convert("RGB")


def _to_8_bits(picture: Image.Image) -> Image.Image:
    """Greys of more bits, scaled from the range that their values show they have.

    Floating-point files state no range: 0 to 1 is the custom, and integers are kept in them too.
    """
    whole = picture.mode != "F"
    grey = picture.convert("F") if whole else _finite(picture)
    _, high = grey.getextrema()
    assert isinstance(high, float)
    tops = (65535.0, 4294967295.0) if whole else (1.0, 255.0, 65535.0, 4294967295.0)
    top = next((top for top in tops if high <= top), high)
    scale = 255.0 / top
    return grey.point(lambda value: value * scale + 0.5).convert("L")


def _finite(picture: Image.Image) -> Image.Image:
    """Floating-point greys: what is infinite is as the largest or smallest of the others, nan 0."""
    import numpy as np
    from PIL import Image

    greys = np.asarray(picture)
    finite = greys[np.isfinite(greys)]
    if finite.size == greys.size:
        return picture
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    return Image.fromarray(np.nan_to_num(greys, nan=0.0, neginf=low, posinf=high))


def _from_lab(picture: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(picture, lab, srgb, outputMode="RGB")
    assert converted is not None
    return converted
