"""Option values that are more than a word or a number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress

from unidiff_cli.checks.fields import check_margins
from unidiff_cli.errors import UsageError
from unidiff_cli.request import check_interval

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
OFF = ("off", "0")


def parse_size(size: str | None) -> tuple[int, int] | None:
    """(width, height) of "512x256", or of "512" for a square."""
    if size is None:
        return None
    match = re.fullmatch(r"(\d{1,9})(?:[xX](\d{1,9}))?", size.strip())
    if match is None:
        raise UsageError(
            "usage.form", f"size is WIDTHxHEIGHT, got {size!r}.", "Example: --size 512x512"
        )
    return int(match[1]), int(match[2] or match[1])


def parse_interval(interval: str | None) -> tuple[float, float] | None:
    """(low, high) of "0.1,0.8"."""
    if interval is None:
        return None
    try:
        low, high = map(float, interval.split(","))
    except ValueError:
        raise UsageError(
            "usage.form",
            f"guidance-interval is LO,HI, got {interval!r}.",
            "Example: --guidance-interval 0.1,0.8",
        ) from None
    return check_interval((low, high))


def parse_extend(margins: str | None) -> tuple[int, int, int, int] | None:
    """(left, top, right, bottom) of "64,0,64,0"."""
    if margins is None:
        return None
    try:
        return check_margins([int(margin) for margin in margins.split(",")])
    except ValueError:
        raise UsageError(
            "usage.form",
            f"extend is LEFT,TOP,RIGHT,BOTTOM in pixels, got {margins!r}.",
            "Example: --extend 64,0,64,0",
        ) from None


def parse_words(also: Sequence[str] | None) -> tuple[tuple[str, float], ...] | None:
    """(words, weight) of each "snow:0.5"; the weight is 1 where none is told."""
    if not also:
        return None
    found = []
    for one in also:
        words, _, weight = one.rpartition(":")
        number = None
        with suppress(ValueError):
            number = float(weight)
        found.append((one, 1.0) if number is None or not words else (words.strip(), number))
    return tuple(found)


def parse_time(time: str | None) -> float | None:
    """Seconds of "90s", "10m", "2h" or "1d"; 0 for "off"."""
    if time is None or time in OFF:
        return None if time is None else 0.0
    match = re.fullmatch(r"(\d{1,6})([smhd])", time.strip())
    if match is None or not int(match[1]):
        raise UsageError(
            "usage.form", f"A time is 90s, 10m, 2h, 1d or off, got {time!r}.", "Example: --keep 10m"
        )
    return int(match[1]) * UNITS[match[2]]
