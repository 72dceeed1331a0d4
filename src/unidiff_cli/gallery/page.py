"""Items as one HTML page: pictures inside it, no other file, no address, no outside script.

Whatever comes from a picture or a caption is escaped. Should one slip through, the page's own
policy lets the browser run nothing but the one script whose digest it states.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from io import BytesIO
from string import Template
from typing import TYPE_CHECKING

from unidiff_cli.gallery.collect import Item

if TYPE_CHECKING:
    from PIL import Image

QUALITY = 85
UNPRINTABLE = re.compile(r"[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
FLOWS = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
"""Marks that turn the direction of text: they could make one caption write over another."""


def page(title: str, cards: Sequence[str]) -> str:
    """The page that shows these cards."""
    style, script = _resource("page.css"), _resource("page.js")
    return Template(_resource("page.html")).substitute(
        title=text(title),
        style=style,
        script=script,
        style_digest=_digest(style),
        script_digest=_digest(script),
        cards="\n".join(cards),
    )


def text(words: str) -> str:
    """Words as HTML text or as an attribute's value in quotes, whatever is in them."""
    return escape(FLOWS.sub("", UNPRINTABLE.sub("\ufffd", words)), quote=True)


def embedded(picture: Image.Image, side: int) -> tuple[str, int, int]:
    """A data address of the picture as WebP, with its width and height."""
    from PIL import Image

    small = picture.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    small.save(buffer, "WEBP", quality=QUALITY, method=4)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f"data:image/webp;base64,{data}", small.width, small.height


def card(item: Item, side: int) -> str:
    """A picture, shrunk to `side` pixels if it is larger, with what is known of it.

    An InputError when the picture cannot be read.
    """
    address, width, height = embedded(item.picture(), side)
    words = item.caption or item.prompt
    label = f'<span class="words" dir="auto">{text(words or item.name)}</span>'
    rows = "".join(
        f'<div><dt>{text(name)}</dt><dd dir="auto">{text(value)}</dd></div>'
        for name, value in _rows(item)
    )
    return (
        f'<li><button type="button" class="card">'
        f'<img src="{address}" width="{width}" height="{height}" alt="" loading="lazy">'
        f"{label}</button><dl hidden>{rows}</dl></li>"
    )


def _rows(item: Item) -> Iterator[tuple[str, str]]:
    yield "file", item.name
    if item.prompt:
        yield "prompt", item.prompt
    if item.caption:
        yield "caption", item.caption
    yield from item.settings.items()


def _digest(code: str) -> str:
    return base64.b64encode(hashlib.sha256(code.encode()).digest()).decode("ascii")


def _resource(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")
