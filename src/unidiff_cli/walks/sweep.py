"""The same request over the values of one setting or two: a labelled sheet of the results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any

from unidiff_cli.errors import UsageError
from unidiff_cli.request import Request, picture_name

if TYPE_CHECKING:
    from PIL import Image

    from unidiff_cli.request import Result

MOST_CELLS = 10_000
SAID = {"prompt": "prompt", "negative": "without", "also": "and"}
"""Axes of words, and what stands for these where they are not to be told."""


@dataclass(frozen=True)
class Axis:
    """An option, or the prompt, and the values that it takes."""

    name: str
    values: tuple[Any, ...]

    def label(self, value: Any) -> str:
        """A value, as the sheet names it."""
        if self.name == "also":
            return " ".join(f"and {words}:{weight:g}" for words, weight in value)
        if isinstance(value, tuple):
            value = ("x" if self.name == "size" else "-").join(f"{each:g}" for each in value)
        if self.name == "image":
            return picture_name(value) or ""
        if self.name in ("prompt", "solver"):
            return str(value)
        if self.name == "negative":
            return f"without {value}"
        shown = f"{value:g}" if isinstance(value, float) else value
        return f"{self.name.replace('_', ' ')} {shown}"


def two(axes: Sequence[Axis]) -> tuple[Axis, Axis]:
    """The columns and the rows: the axes with several values, one of which may be missing."""
    several = [axis for axis in axes if len(axis.values) > 1]
    if not several:
        raise UsageError(
            "usage.sheet",
            "A sweep has an option with several values.",
            "Try --guidance 0,1,3,7 --seed 1-3",
        )
    if len(several) > 2:
        names = " and ".join(axis.name for axis in several)
        raise UsageError(
            "usage.sheet", f"A sheet has two axes, these are {len(several)}: {names}.", "Fix one."
        )
    if math.prod(len(axis.values) for axis in several) > MOST_CELLS:
        raise UsageError(
            "usage.sheet", f"A sheet has at most {MOST_CELLS} pictures.", "Sweep over fewer values."
        )
    if len(several) == 2:
        return several[0], several[1]
    return several[0], next(axis for axis in axes if len(axis.values) == 1)


@dataclass
class Sheet:
    """The cells of a sweep as they come, column by column."""

    base: Request
    columns: Axis
    rows: Axis
    fixed: Mapping[str, Any]
    """Settings that are the same in all cells."""
    results: list[Result] = field(default_factory=list)

    @classmethod
    def of(cls, base: Request, axes: Sequence[Axis]) -> Sheet:
        """A sheet without results: two axes have several values at most, others one or none."""
        columns, rows = two(axes)
        fixed = {axis.name: axis.values[0] for axis in axes if len(axis.values) == 1}
        return cls(base, columns, rows, fixed)

    @cached_property
    def requests(self) -> list[Request]:
        """A request for each cell.

        Those of a column go through the network together where rows are seeds.
        """
        return [
            replace(self.base, **{**self.fixed, self.columns.name: column, self.rows.name: row})
            for column, row in product(self.columns.values, self.rows.values)
        ]

    def draw(self, resolved: Request, prompts: bool = True) -> Image.Image:
        """The table of all pictures, on request without prompts; errors are their sentences."""
        from unidiff_cli.walks.montage import labelled

        across, down = len(self.columns.values), len(self.rows.values)
        cells = [[self._cell(c * down + r) for c in range(across)] for r in range(down)]
        axes = (self.columns, self.rows)
        heads, names = (_labels(axis, prompts) if len(axis.values) > 1 else [""] for axis in axes)
        return labelled(cells, heads, names, self._title(resolved, prompts))

    def _cell(self, number: int) -> Image.Image | str:
        if number >= len(self.results):
            return ""
        result = self.results[number]
        return result.error.message if result.error else result.images[0]

    def _title(self, request: Request, prompts: bool) -> str:
        """What all cells have in common."""
        swept = {axis.name for axis in (self.columns, self.rows) if len(axis.values) > 1}
        settings = {
            "steps": f"{request.steps} steps",
            "solver": str(request.solver),
            "guidance": f"guidance {request.guidance:g}",
            "seed": f"seed {request.seed}",
        }
        given = [] if {"prompt", "image"} & swept else [request.given or ""]
        given = given if prompts or request.prompt is None else []
        return ", ".join(given + [words for name, words in settings.items() if name not in swept])


def _labels(axis: Axis, prompts: bool) -> list[str]:
    if axis.name in SAID and not prompts:
        return [f"{SAID[axis.name]} {number}" for number in range(1, len(axis.values) + 1)]
    return [axis.label(value) for value in axis.values]
