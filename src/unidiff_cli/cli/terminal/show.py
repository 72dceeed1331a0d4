"""A picture in the terminal: as finely as the terminal can, else in half blocks."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from PIL import Image

MOST_ROWS = 24
"""Of text, that a picture takes."""


def draw(picture: Image.Image) -> bool:
    """Draw on standard output; whether finer drawing was possible but not installed."""
    console = Console(file=sys.stdout, highlight=False)
    rows = max(4, min(MOST_ROWS, console.height - 4))
    with _terminal_input():
        finest = _finest()
        if finest is not None:
            console.print(finest(picture, width="auto", height=rows))
            return False
    console.print(half_blocks(picture, min(console.width, 2 * rows), rows))
    return not _installed()


def half_blocks(picture: Image.Image, columns: int, rows: int) -> Text:
    """The picture in characters that show two pixels each, one above the other."""
    from PIL import Image

    scale = min(columns / picture.width, 2 * rows / picture.height)
    width = max(1, round(picture.width * scale))
    height = max(2, round(picture.height * scale / 2) * 2)
    small = picture.convert("RGB").resize((width, height), Image.Resampling.BOX)
    levels = small.tobytes()

    def colour(x: int, y: int) -> str:
        red, green, blue = levels[3 * (y * width + x) :][:3]
        return f"#{red:02x}{green:02x}{blue:02x}"

    text = Text(no_wrap=True, end="")
    for y in range(0, height, 2):
        for x in range(width):
            text.append("▀", f"{colour(x, y)} on {colour(x, y + 1)}")
        text.append("\n")
    return text


def _installed() -> bool:
    from importlib.util import find_spec

    return find_spec("textual_image") is not None


def _finest() -> Any:
    """The way that the terminal draws pictures itself: Kitty's or Sixel; None without one."""
    # The library divides by the size, which some terminals do not know.
    if not _installed() or 0 in os.get_terminal_size(sys.stdout.fileno()):
        return None
    # Importing it asks the terminal what it can draw, and waits a moment for the answer.
    from textual_image.renderable import Image, SixelImage, TGPImage

    return Image if Image in (SixelImage, TGPImage) else None


@contextmanager
def _terminal_input() -> Iterator[None]:
    """The terminal's answers can be read, also while standard input is a pipe."""
    if sys.__stdin__ is not None and sys.__stdin__.isatty():
        yield
        return
    before, output = sys.__stdin__, sys.__stdout__
    try:
        terminal = open("/dev/tty", encoding="utf-8")  # noqa: SIM115
    except OSError:
        terminal = None
    try:
        # Without a way to ask, the library must not try: it takes a closed stdout for a sign.
        sys.__stdin__ = terminal  # type: ignore[misc]
        if terminal is None:
            sys.__stdout__ = None  # type: ignore[misc]
        yield
    finally:
        sys.__stdin__, sys.__stdout__ = before, output  # type: ignore[misc]
        if terminal is not None:
            terminal.close()
