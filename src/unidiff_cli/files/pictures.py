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
from unidiff_cli.errors.system import cannot_read
from unidiff_cli.files.chunks import UNREAD_PROFILE, bearable
from unidiff_cli.files.colours import to_srgb
from unidiff_cli.files.formats import EXTRA, IDS, MORE, foreign, formats
from unidiff_cli.files.streams import open_bytes
from unidiff_cli.files.tars import Inside

if TYPE_CHECKING:
    from PIL import Image

BROKEN = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError),
    struct.error,
)
"""What Pillow raises on a broken EXIF header, which is no reason to refuse a picture."""
Source = str | Path | Inside | bytes | BinaryIO
"""Where a picture is: a file, a member of a tar, its bytes, or an open file."""
UNREAD = "unidiff_unread"
"""In a picture's `info`: the names of the texts in the file that are too large to be read."""
START = 32
"""Bytes by which a format is known."""
MAX_BYTES = 512 * 2**20
"""Bytes read from a pipe before it is taken to be endless."""


def open_picture(source: Source | Image.Image) -> Image.Image:
    """The picture as sRGB: turned as its EXIF says, over white where it is transparent.

    Colours are converted by the profile that it carries. 16-bit and floating-point greys are
    scaled to 8 bits, an animation is its first frame.
    Whatever cannot be read is an InputError that names it.
    """
    from PIL import Image

    if isinstance(source, Image.Image):
        name = str(getattr(source, "filename", "") or "The picture")
        with _explained(name):
            return _to_rgb(source, name)
    with opened(source) as picture:
        return _to_rgb(picture, _name(source))


def psnr(picture: Image.Image, other: Image.Image) -> float:
    """The peak signal-to-noise ratio of two RGB pictures of one size, in dB; inf where equal."""
    from PIL import ImageChops, ImageStat

    squares = sum(ImageStat.Stat(ImageChops.difference(picture, other)).sum2)
    values = 3 * picture.width * picture.height
    return 10 * math.log10(255**2 * values / squares) if squares else math.inf


@contextmanager
def opened(source: Source) -> Iterator[Image.Image]:
    """The picture, of which only the first bytes are read; trouble is an InputError."""
    name = _name(source)
    with _explained(name), _reading(source, name) as picture:
        yield picture


def _name(source: Source) -> str:
    named = isinstance(source, (str, Path, Inside))
    return str(source) if named else "The picture on standard input"


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
def _reading(source: Source, name: str) -> Iterator[Image.Image]:
    """The picture, opened but not decoded."""
    from PIL import Image, UnidentifiedImageError

    with _stream(source, name) as stream:
        if not stream.read(1):
            raise InputError(
                "input.empty", f"{name} is empty.", "Give it a picture: PNG, JPEG, WebP, ..."
            )
        stream, unread = bearable(stream)
        try:
            picture = Image.open(stream, formats=formats())
        except UnidentifiedImageError:
            stream.seek(0)
            raise _not_read(name, foreign(stream.read(START))) from None
        with picture:
            picture.info[UNREAD] = unread
            yield picture


def _not_read(name: str, format: str | None) -> InputError:
    """What is said of a file that is no picture for Pillow, or only with a plugin."""
    format = format or MORE.get(Path(name).suffix.lower())
    if format is None:
        return InputError(
            "input.not-a-picture",
            f"{name} is not a picture that can be read.",
            "PNG, JPEG, WebP, AVIF, TIFF, GIF, BMP, JPEG 2000 and TGA can; HEIF with an extra.",
        )
    if IDS[format] in formats():
        return InputError(
            "input.truncated", f"{name} is damaged or cut off.", "Fetch or export it again."
        )
    return InputError(
        "input.needs-package", f"{name} is {format}, which is not read here yet.", EXTRA[format]
    )


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Whatever Pillow raises on a picture becomes an InputError that names it."""
    from PIL import Image

    try:
        # Pillow warns about odd files and about pictures above 89 million pixels; what matters is
        # an error above twice that.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except InputError:
        raise
    except Image.DecompressionBombError:
        most = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 10**6
        raise InputError(
            "input.too-large", f"{name} has more than {most} million pixels.", "Shrink it."
        ) from None
    except IsADirectoryError:
        raise InputError(
            "input.folder",
            f"{name} is a folder.",
            f"Name the pictures in it: {name.rstrip('/')}/*.jpg",
        ) from None
    except PermissionError:
        raise InputError(
            "input.unreadable", f"{name} may not be read.", f"Try: ls -l {name}"
        ) from None
    # On a damaged file Pillow's readers raise whatever they stumble over, beside OSError.
    except Exception as error:
        if isinstance(error, OSError) and error.filename is not None:  # it could not be opened
            raise cannot_read(name, error) from None
        raise InputError(
            "input.truncated",
            f"{name} is damaged or cut off ({error}).",
            "Fetch or export it again.",
        ) from error


@contextmanager
def _stream(source: Source, name: str) -> Iterator[BinaryIO]:
    """The source as a file that seeks; pipes are read to their end first."""
    if isinstance(source, (bytes, Inside)):
        yield BytesIO(source if isinstance(source, bytes) else source.read())
    elif isinstance(source, (str, Path)):
        with open_bytes(source) as file:
            regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            yield file if regular else BytesIO(read_all(file, name))
    else:
        yield source if source.seekable() else BytesIO(read_all(source, name))


def read_all(stream: BinaryIO, name: str) -> bytes:
    """The rest of a stream, or an InputError when there is no end to it."""
    data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise InputError(
            "input.too-large",
            f"{name} is longer than {MAX_BYTES // 2**20} MiB.",
            "Is it a picture?",
        )
    return data


def _to_rgb(picture: Image.Image, name: str) -> Image.Image:
    """An upright, opaque, 8-bit sRGB copy."""
    from PIL import Image, ImageOps

    picture.load()
    with suppress(*BROKEN):
        picture = ImageOps.exif_transpose(picture)
    if UNREAD_PROFILE in picture.info.get(UNREAD, ()):
        from logging import getLogger

        getLogger(__name__).warning("%s: its colour profile is too large, and passed over", name)
    if picture.mode == "LAB":
        return _from_lab(picture)
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        profile = picture.info.get("icc_profile")
        picture = _to_8_bits(picture)
        picture.info["icc_profile"] = profile
    if picture.mode in ("La", "RGBa"):
        picture = picture.convert(picture.mode.upper())
    picture = to_srgb(picture, name)
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
