"""Checks of values from outside: nothing, or a UsageError that says what would be right."""

from __future__ import annotations

from typing import Any

from unidiff_cli.errors import UsageError

MAX_SIDE = 4096
SIZE_STEP = 16
"""Sides are multiples of this: 8 from the VAE, 2 from the patches."""
MAX_WORDS = 8
"""Further prompts of a request: each is one more point of every evaluation."""
MAX_WEIGHT = 100.0


def check_size(size: object) -> tuple[int, int]:
    """(width, height), both multiples of 16 within bounds, else a UsageError."""
    if not isinstance(size, (list, tuple)) or len(size) != 2:
        raise UsageError(
            "usage.form", f"size is a width and a height, got {size!r}.", "Example: --size 512x512"
        )
    for side in size:
        check_whole("size", side, SIZE_STEP, MAX_SIDE)
        if side % SIZE_STEP:
            near = max(SIZE_STEP, round(side / SIZE_STEP) * SIZE_STEP)
            raise UsageError(
                "usage.range",
                f"A picture's sides are multiples of {SIZE_STEP}, got {side}.",
                f"Try {near}.",
            )
    return (int(size[0]), int(size[1]))


def check_interval(interval: object) -> tuple[float, float]:
    """(lowest, highest) noise level, both from 0 to 1, else a UsageError."""
    if not isinstance(interval, (list, tuple)) or len(interval) != 2 or None in interval:
        raise UsageError(
            "usage.form",
            f"guidance_interval is two noise levels, got {interval!r}.",
            "Example: --guidance-interval 0.1,0.8",
        )
    for level in interval:
        check_number("guidance_interval", level, 0.0, 1.0)
    low, high = (float(level) for level in interval)
    if low > high:
        raise UsageError(
            "usage.range",
            f"guidance_interval goes from low to high, got {low:g},{high:g}.",
            f"Turn it around: {high:g},{low:g}",
        )
    return low, high


def check_whole(name: str, value: object, low: int, high: int) -> None:
    """Nothing, or a UsageError when the value is not a whole number in the range."""
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise UsageError(
            "usage.range", f"{name} is a whole number from {low} to {high}, got {value!r}."
        )


def check_number(name: str, value: object, low: float, high: float) -> None:
    """Nothing, or a UsageError when the value is not a finite number in the range."""
    if value is None:
        return
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not low <= value <= high:  # type: ignore[operator]
        raise UsageError(
            "usage.range", f"{name} is a number from {low:g} to {high:g}, got {value!r}."
        )


def check_choice(name: str, value: object, choices: Any) -> None:
    """Nothing, or a UsageError when the value is not among the choices."""
    if value is not None and value not in list(choices):
        raise UsageError(
            "usage.choice", f"There is no {name} {value!r}.", f"Choose from {', '.join(choices)}."
        )


def check_margins(extend: object) -> tuple[int, int, int, int]:
    """Pixels to add on the left, top, right and bottom, else a UsageError."""
    if not isinstance(extend, (list, tuple)) or len(extend) != 4:
        raise UsageError(
            "usage.form",
            f"extend is four numbers of pixels (left, top, right, bottom), got {extend!r}.",
            "Example: --extend 64,0,64,0",
        )
    for margin in extend:
        check_whole("extend", margin, 0, MAX_SIDE)
    if not any(extend):
        raise UsageError(
            "usage.range", "extend adds nothing: all its numbers are 0.", "Leave it out."
        )
    left, top, right, bottom = (int(margin) for margin in extend)
    return left, top, right, bottom


def check_words(also: object) -> tuple[tuple[str, float], ...]:
    """Prompts with their weights, else a UsageError."""
    if not isinstance(also, (list, tuple)) or not 0 < len(also) <= MAX_WORDS:
        raise UsageError(
            "usage.form", f"also is 1 to {MAX_WORDS} prompts with weights, got {also!r}."
        )
    found = []
    for one in also:
        if not isinstance(one, (list, tuple)) or len(one) != 2 or not isinstance(one[0], str):
            raise UsageError("usage.form", f"A further prompt is words and a weight, got {one!r}.")
        check_number("a weight", one[1], -MAX_WEIGHT, MAX_WEIGHT)
        if one[1] is None:
            raise UsageError("usage.form", f"A further prompt is words and a weight, got {one!r}.")
        found.append((one[0], float(one[1])))
    return tuple(found)
