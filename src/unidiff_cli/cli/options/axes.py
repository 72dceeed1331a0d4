"""Options with several values, as a sweep has them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from unidiff_cli.errors import UsageError


def listed(
    name: str, text: str | None, read: Callable[[str], Any], between: str = ","
) -> tuple[Any, ...]:
    """The values between the commas, no value twice."""
    if text is None:
        return ()
    try:
        return tuple(dict.fromkeys(read(part.strip()) for part in text.split(between)))
    except ValueError:
        raise UsageError(
            "usage.form",
            f"{name} has numbers with commas between, got {text!r}.",
            f"Example: --{name} 0,1,3",
        ) from None


def whole_numbers(name: str, text: str | None) -> tuple[int, ...]:
    """The values between the commas, 1-3 standing for 1, 2, 3."""
    from unidiff_cli.walks.sweep import MOST_CELLS

    values: list[int] = []
    for part in (text or "").split(",") if text is not None else ():
        match = re.fullmatch(r"\s*(\d{1,18})(?:-(\d{1,18}))?\s*", part)
        if match is None:
            raise UsageError(
                "usage.form",
                f"{name} has whole numbers with commas between, got {text!r}.",
                f"Example: --{name} 1,2,5-8",
            )
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise UsageError(
                "usage.range", f"{part.strip()} goes down.", f"Turn it around: {last}-{first}"
            )
        if last - first >= MOST_CELLS:
            raise UsageError(
                "usage.sheet", f"A sheet has at most {MOST_CELLS} pictures.", f"Shorten {part}."
            )
        values += range(first, last + 1)
    return tuple(dict.fromkeys(values))
