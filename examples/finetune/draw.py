"""Draws the zorps of this folder: 20 pictures of a creature that no model has heard of.

    python examples/finetune/draw.py examples/finetune

A zorp has a round body with a pale belly, three eyes on stalks, two feet and a zigzag mouth.
Drawn with Pillow's shapes alone; the pictures are dedicated to the public domain (CC0 1.0).
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random

from PIL import Image, ImageDraw

SIDE, FINER = 128, 4  # drawn four times finer, then made smaller: smooth edges
COLOURS = {
    "red": "#e23b3b",
    "orange": "#f28a2e",
    "yellow": "#f6c927",
    "green": "#43a849",
    "blue": "#3b7de0",
    "purple": "#8b4fc9",
    "pink": "#f08bb4",
    "brown": "#8a5a3b",
}
BACKGROUNDS = {
    "white": "#ffffff",
    "blue": "#9cc8f5",
    "green": "#b5e0a5",
    "yellow": "#fbe79a",
    "pink": "#fbcfe0",
    "gray": "#c9c9c9",
}
INK = "#2b2b33"


@dataclass(frozen=True)
class Zorp:
    """One zorp, and where it stands."""

    colour: str
    background: str
    small: bool
    lean: float  # degrees
    shift: tuple[float, float]  # share of the side

    @property
    def caption(self) -> str:
        """What is seen, in the words of the starter's captions."""
        words = f"small {self.colour}" if self.small else self.colour
        article = "an" if words.startswith("orange") else "a"
        text = f"{article} {words} zorp"
        return text if self.background == "white" else f"{text} on a {self.background} background"


def zorps(count: int = 20, seed: int = 3) -> list[Zorp]:
    """Every colour at least twice; half of them on white."""
    draw, colours = Random(seed), list(COLOURS)
    found = []
    for number in range(count):
        colour = colours[number % len(colours)]
        others = [name for name in BACKGROUNDS if name not in ("white", colour)]
        background = "white" if (number + number // 8) % 2 else draw.choice(others)
        shift = (draw.uniform(-0.06, 0.06), draw.uniform(-0.04, 0.04))
        found.append(Zorp(colour, background, number % 5 == 4, draw.uniform(-12, 12), shift))
    return found


def picture(zorp: Zorp) -> Image.Image:
    """The zorp on its background, 128 x 128."""
    side = SIDE * FINER
    layer = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    body(ImageDraw.Draw(layer), side, COLOURS[zorp.colour])
    layer = layer.rotate(zorp.lean, Image.Resampling.BICUBIC)
    size = round(side * (0.55 if zorp.small else 1.0))
    layer = layer.resize((size, size), Image.Resampling.LANCZOS)
    canvas = Image.new("RGBA", (side, side), BACKGROUNDS[zorp.background])
    corner = tuple(round((side - size) / 2 + part * side) for part in zorp.shift)
    canvas.alpha_composite(layer, (max(0, corner[0]), max(0, corner[1])))
    return canvas.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def body(draw: ImageDraw.ImageDraw, side: int, colour: str) -> None:
    """A zorp that fills most of a square of this side."""

    def oval(x: float, y: float, across: float, down: float, fill: str) -> None:
        box = [(x - across) * side, (y - down) * side, (x + across) * side, (y + down) * side]
        draw.ellipse(box, fill=fill)

    def line(points: list[tuple[float, float]], width: float, fill: str) -> None:
        flat = [(x * side, y * side) for x, y in points]
        draw.line(flat, fill=fill, width=round(width * side), joint="curve")

    for x in (0.36, 0.64):
        oval(x, 0.88, 0.10, 0.055, INK)
    for angle in (-38, 0, 38):
        x = 0.5 + 0.36 * math.sin(math.radians(angle))
        y = 0.56 - 0.40 * math.cos(math.radians(angle))
        line([(0.5, 0.56), (x, y)], 0.055, colour)
        oval(x, y, 0.095, 0.095, colour)
        oval(x, y, 0.075, 0.075, "#ffffff")
        oval(x, y, 0.036, 0.036, INK)
    oval(0.5, 0.62, 0.31, 0.28, colour)
    oval(0.5, 0.72, 0.19, 0.15, "#fff3dc")
    teeth = [(0.34 + 0.04 * k, 0.52 + (0.05 if k % 2 else 0.0)) for k in range(9)]
    line(teeth, 0.022, INK)


def main(folder: Path) -> None:
    """Write the pictures, and the caption of each beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, zorp in enumerate(zorps()):
        path = folder / f"zorp-{number:02d}.png"
        picture(zorp).quantize(64).save(path, optimize=True)
        path.with_suffix(".txt").write_text(zorp.caption + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
