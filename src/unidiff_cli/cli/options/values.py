"""Option values that are more than a word or a number."""

from __future__ import annotations

import re

from unidiff_cli.errors import UsageError
from unidiff_cli.request import check_interval


def parse_size(size: str | None) -> tuple[int, int] | None:
    """(width, height) of "512x256", or of "512" for a square."""
    if size is None:
        return None
    match = re.fullmatch(r"(\d{1,9})(?:[xX](\d{1,9}))?", size.strip())
    if match is None:
        raise UsageError(f"size is WIDTHxHEIGHT, got {size!r}.", "Example: --size 512x512")
    return int(match[1]), int(match[2] or match[1])


def parse_interval(interval: str | None) -> tuple[float, float] | None:
    """(low, high) of "0.1,0.8"."""
    if interval is None:
        return None
    try:
        low, high = map(float, interval.split(","))
    except ValueError:
        raise UsageError(
            f"guidance-interval is LO,HI, got {interval!r}.",
            "Example: --guidance-interval 0.1,0.8",
        ) from None
    return check_interval((low, high))
