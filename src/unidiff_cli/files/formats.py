"""Which pictures Pillow reads here, and what would have to be installed for others."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from importlib import import_module

LEFT_ALONE = ("EPS", "MPEG", "BUFR", "GRIB", "HDF5", "WMF")
"""EPS would run Ghostscript on a stranger's program; of the others Pillow only knows the names."""
MORE = {
    ".heic": "HEIF",
    ".heif": "HEIF",
    ".hif": "HEIF",
    ".jxl": "JPEG XL",
}
"""Formats that Pillow reads with a plugin, by the suffixes of their files."""
BRANDS = {b"ftyphei": "HEIF", b"ftyphev": "HEIF", b"ftypmif1": "HEIF", b"JXL ": "JPEG XL"}
"""What stands from byte 4 in such a file."""
BARE_JXL = b"\xff\x0a"
IDS = {"HEIF": "HEIF", "JPEG XL": "JXL"}
"""What the plugins call them."""
EXTRA = {"HEIF": "pip install 'unidiff-cli[heif]'", "JPEG XL": "pip install pillow-jxl-plugin"}
"""How to have them read. The plugin for JPEG XL has another licence (GPL), so it is no part."""

NAMED = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", *MORE)
"""Suffixes by which a word of the command line is the name of a picture, without asking Pillow."""


@cache
def formats() -> tuple[str, ...]:
    """The names of the formats that are read."""
    from PIL import Image

    Image.init()
    with suppress(ImportError):
        import_module("pillow_heif").register_heif_opener()
    with suppress(ImportError):
        import_module("pillow_jxl")  # to import it registers it
    return tuple(name for name in Image.ID if name not in LEFT_ALONE)


@cache
def suffixes() -> frozenset[str]:
    """The suffixes of their files, in lower case with the dot."""
    from PIL import Image

    known = formats()
    return frozenset(
        suffix for suffix, name in Image.registered_extensions().items() if name in known
    )


def foreign(start: bytes) -> str | None:
    """The format of a file that a plugin would read, by the file's first bytes."""
    if start.startswith(BARE_JXL):
        return "JPEG XL"
    return next((name for brand, name in BRANDS.items() if start[4:].startswith(brand)), None)
