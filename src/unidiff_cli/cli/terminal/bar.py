"""The bar on a terminal. It is imported only where there is one: rich takes its time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from unidiff_cli.cli.terminal.show import half_blocks

if TYPE_CHECKING:
    from PIL import Image


SKETCH = 16
"""Rows of the picture above the bar."""


class Drawing(Progress):
    """The bar, and above it the picture as it forms."""

    sketch: Text | None = None

    def get_renderables(self) -> Iterable[RenderableType]:
        """The picture, if there is one, then the bar."""
        if self.sketch is not None:
            yield self.sketch
        yield from super().get_renderables()


class Bar:
    """A listener that draws: the phase, evaluations, samples done, time left."""

    def __init__(self) -> None:
        # Answers are written around rich: were stdout redirected, they would land on stderr.
        self.drawing = Drawing(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[items]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self.task = self.drawing.add_task("starting", total=None, items="")
        self.items = self.done = 0

    def __enter__(self) -> Self:
        self.drawing.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        try:
            self.drawing.stop()
        except IndexError:  # rich's, when an interrupt came while the bar was being started
            self.drawing.console.show_cursor(True)

    @contextmanager
    def room(self) -> Iterator[None]:
        """The bar is off the terminal for a line, then drawn again."""
        self._stop()
        try:
            yield
        finally:
            self.drawing.start()

    def sketch(self, picture: Image.Image) -> None:
        """The picture above the bar, in place of the one before."""
        self.drawing.sketch = half_blocks(picture, 2 * SKETCH, SKETCH)
        self.drawing.refresh()

    def stage(self, what: str) -> None:
        """The words before the bar."""
        self.drawing.update(self.task, description=what)

    def begin(self, items: int, evaluations: int) -> None:
        """The bar's length, and how many samples it stands for."""
        self.items, self.done = items, 0
        self.drawing.update(self.task, total=evaluations, completed=0, items=self._count())

    def evaluated(self, samples: int) -> None:
        """A step further."""
        self.drawing.advance(self.task, samples)

    def finished(self, samples: int) -> None:
        """So many samples more."""
        self.done += samples
        self.drawing.update(self.task, items=self._count())

    def _count(self) -> str:
        return "" if self.items == 1 else f"sample {min(self.done + 1, self.items)} of {self.items}"
