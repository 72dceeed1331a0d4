"""Sheets of samples: what a model makes of some prompts, so that one sees it learn."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from PIL import Image, ImageDraw, ImageFont

from unidiff_cli.engine.pipeline import UniDiffuser
from unidiff_cli.request import Request

COLUMNS = 4
TEXT = 34  # pixels under each picture
SMALLEST = 128


def sheet(model: UniDiffuser, prompts: Sequence[str], seed: int) -> Image.Image:
    """A picture for each prompt, the prompt under it; a sample that failed stays grey."""
    side = max(SMALLEST, min(256, model.parts.config.size))
    columns = min(COLUMNS, len(prompts))
    rows = -(-len(prompts) // columns)
    canvas = Image.new("RGB", (columns * side, rows * (side + TEXT)), "white")
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(size=11)
    requests = [Request(mode="t2i", prompt=prompt, seed=seed) for prompt in prompts]
    for place, result in enumerate(model.stream(requests)):
        x, y = place % columns * side, place // columns * (side + TEXT)
        pictures = result.images or [Image.new("RGB", (side, side), "grey")]
        canvas.paste(pictures[0].resize((side, side)), (x, y))
        lines = wrap(prompts[place], width=side // 6)[:2]
        draw.text((x + 3, y + side + 2), "\n".join(lines), fill="black", font=font)
    return canvas
