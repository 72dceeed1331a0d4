"""The log of a training: a JSON object a line, and its picture."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont


class Log:
    """`log.jsonl`; after a resumption it goes on at `step`, what came after that is forgotten."""

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        self.rows = [row for row in read(path) if row["step"] <= step]
        partial = path.with_name(path.name + ".partial")
        partial.write_text("".join(json.dumps(row) + "\n" for row in self.rows))
        os.replace(partial, path)

    def write(self, row: Mapping[str, Any]) -> None:
        """Append one row; it is in the file when this returns."""
        self.rows.append(dict(row))
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a log; a last line cut short by a kill is left out."""
    if not path.exists():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return rows


WIDTH, HEIGHT = 960, 480
LEFT, RIGHT, TOP, BOTTOM = 80, 20, 40, 50
INK, FAINT, LINE = "#202020", "#d8d8d8", "#1f5fbf"
SMOOTHING = 0.9


def plot(rows: Sequence[Mapping[str, Any]], path: Path, key: str = "loss") -> None:
    """Draw `key` against the step, both raw and smoothed, on a logarithmic axis."""
    points = [(row["step"], row[key]) for row in rows if row.get(key, 0) > 0]
    if len(points) < 2:
        return
    steps = [float(step) for step, _ in points]
    raw = [math.log10(value) for _, value in points]
    low, high = min(raw), max(raw)
    margin = max((high - low) * 0.05, 0.01)
    frame = (steps[0], steps[-1], low - margin, high + margin)
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(picture)
    _axes(draw, frame, key)
    draw.line(_place(steps, raw, frame), fill=FAINT, width=1)
    draw.line(_place(steps, _smooth(raw), frame), fill=LINE, width=2)
    partial = path.with_name(path.name + ".partial")
    picture.save(partial, format="PNG")
    os.replace(partial, path)


def _smooth(values: Sequence[float]) -> list[float]:
    """A running mean that starts unbiased."""
    smooth, average, weight = [], 0.0, 0.0
    for value in values:
        average = SMOOTHING * average + (1 - SMOOTHING) * value
        weight = SMOOTHING * weight + (1 - SMOOTHING)
        smooth.append(average / weight)
    return smooth


Frame = tuple[float, float, float, float]  # left, right, bottom, top in the data's units


def _place(xs: Sequence[float], ys: Sequence[float], frame: Frame) -> list[tuple[float, float]]:
    left, right, bottom, top = frame
    across = (WIDTH - LEFT - RIGHT) / (right - left)
    down = (HEIGHT - TOP - BOTTOM) / (top - bottom)
    return [
        (LEFT + (x - left) * across, TOP + (top - y) * down) for x, y in zip(xs, ys, strict=True)
    ]


def _axes(draw: ImageDraw.ImageDraw, frame: Frame, title: str) -> None:
    left, right, bottom, top = frame
    font = ImageFont.load_default(size=14)
    for part in range(5):
        y = bottom + (top - bottom) * part / 4
        x = left + (right - left) * part / 4
        (_, row), (column, _) = _place([left, x], [y, bottom], frame)
        draw.line([(LEFT, row), (WIDTH - RIGHT, row)], fill=FAINT)
        draw.text((LEFT - 8, row), f"{10**y:.3g}", fill=INK, font=font, anchor="rm")
        draw.text((column, HEIGHT - BOTTOM + 12), f"{x:.0f}", fill=INK, font=font, anchor="mt")
    draw.rectangle((LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM), outline=INK)
    draw.text((LEFT, TOP - 10), title, fill=INK, font=font, anchor="ls")
    draw.text((WIDTH - RIGHT, HEIGHT - 10), "step", fill=INK, font=font, anchor="rs")
