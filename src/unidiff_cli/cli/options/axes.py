"""The axes of a sweep: options with several values."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from unidiff_cli.errors import UsageError
from unidiff_cli.request import picture_name

MOST_CELLS = 10_000


@dataclass(frozen=True)
class Axis:
    """An option, or the prompt, and the values that it takes."""

    name: str
    values: tuple[Any, ...]

    def label(self, value: Any) -> str:
        """A value, as the sheet names it."""
        if isinstance(value, tuple):
            value = ("x" if self.name == "size" else "-").join(f"{each:g}" for each in value)
        if self.name == "image":
            return picture_name(value) or ""
        if self.name in ("prompt", "solver"):
            return str(value)
        shown = f"{value:g}" if isinstance(value, float) else value
        return f"{self.name.replace('_', ' ')} {shown}"


def two(axes: Sequence[Axis]) -> tuple[Axis, Axis]:
    """The columns and the rows: the axes with several values, one of which may be missing."""
    several = [axis for axis in axes if len(axis.values) > 1]
    if not several:
        raise UsageError(
            "A sweep has an option with several values.", "Try --guidance 0,1,3,7 --seed 1-3"
        )
    if len(several) > 2:
        names = " and ".join(axis.name for axis in several)
        raise UsageError(f"A sheet has two axes, these are {len(several)}: {names}.", "Fix one.")
    if math.prod(len(axis.values) for axis in several) > MOST_CELLS:
        raise UsageError(f"A sheet has at most {MOST_CELLS} pictures.", "Sweep over fewer values.")
    if len(several) == 2:
        return several[0], several[1]
    return several[0], next(axis for axis in axes if len(axis.values) == 1)


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
            f"{name} has numbers with commas between, got {text!r}.", f"Example: --{name} 0,1,3"
        ) from None


def whole_numbers(name: str, text: str | None) -> tuple[int, ...]:
    """The values between the commas, 1-3 standing for 1, 2, 3."""
    values: list[int] = []
    for part in (text or "").split(",") if text is not None else ():
        match = re.fullmatch(r"\s*(\d{1,18})(?:-(\d{1,18}))?\s*", part)
        if match is None:
            raise UsageError(
                f"{name} has whole numbers with commas between, got {text!r}.",
                f"Example: --{name} 1,2,5-8",
            )
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise UsageError(f"{part.strip()} goes down.", f"Turn it around: {last}-{first}")
        if last - first >= MOST_CELLS:
            raise UsageError(f"A sheet has at most {MOST_CELLS} pictures.", f"Shorten {part}.")
        values += range(first, last + 1)
    return tuple(dict.fromkeys(values))
