"""The squares of a picture that CLIP looks at."""

from __future__ import annotations

Box = tuple[int, int, int, int]
"""Left, upper, right, lower, in pixels."""
WHOLE, PARTS = 1, 5


def views(width: int, height: int, count: int) -> list[Box]:
    """All of the picture; with a `count` of 5 also four squares of it: at the middle of its left,
    right, upper and lower edge, each half as high and wide as its shorter side.

    A single embedding of a small encoder hardly tells two things apart. Things that stand side by
    side, or one above the other, have a square each.
    """
    if count not in (WHOLE, PARTS):
        raise ValueError(f"a picture has {WHOLE} view or {PARTS}, not {count}")
    boxes = [(0, 0, width, height)]
    if count == PARTS:
        side = min(width, height) // 2
        x, y = (width - side) // 2, (height - side) // 2
        corners = [(0, y), (width - side, y), (x, 0), (x, height - side)]
        boxes += [(left, upper, left + side, upper + side) for left, upper in corners]
    return boxes
