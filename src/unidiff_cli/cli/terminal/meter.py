"""How far a batch is: jobs, failures, rate and time left, on stderr."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from unidiff_cli.cli.terminal.console import Console, event
from unidiff_cli.errors import again

if TYPE_CHECKING:
    from unidiff_cli.batch.run import Reply


@dataclass
class Tally:
    """What was counted so far."""

    total: int | None
    """None while nobody knows how many are to come."""
    made: int = 0
    stored: int = 0
    """Jobs that an earlier run had done."""
    failed: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def done(self) -> int:
        """Jobs that have a reply."""
        return self.made + self.stored + self.failed

    @property
    def rate(self) -> float:
        """Jobs a second; what earlier runs did does not count."""
        return (self.made + self.failed) / max(1e-9, time.monotonic() - self.started)

    @property
    def seconds_left(self) -> float | None:
        """None while it cannot be known."""
        if self.total is None or not self.made:
            return None
        return (self.total - self.done) / self.rate

    def count(self, reply: Reply) -> None:
        """One more."""
        if not reply.answer.ok:
            self.failed += 1
        elif reply.stored:
            self.stored += 1
        else:
            self.made += 1

    def __str__(self) -> str:
        before = f", {self.stored} done before" if self.stored else ""
        return f"{self.made} done{before}, {self.failed} failed"


@dataclass
class Meter:
    """Tells of every reply, as the console was asked to."""

    console: Console
    tally: Tally

    def tell(self, reply: Reply) -> None:
        """Count the reply, say what is wrong with it, draw."""
        self.tally.count(reply)
        if not reply.answer.ok:
            self._tell_error(reply.answer.custom_id, reply.answer.values["error"])
        if self.console.progress == "json" and not reply.stored:
            event(event="progress", **self._numbers())
        self.draw()

    def draw(self) -> None:
        """The bar on the terminal, if there is one."""
        if self.console.bar is None:
            return
        failed = f", {self.tally.failed} failed" if self.tally.failed else ""
        drawing, task = self.console.bar.drawing, self.console.bar.task
        drawing.update(
            task,
            description="jobs",
            total=self.tally.total,
            completed=self.tally.done,
            items=f"{self.tally.rate:.2g}/s{failed}",
        )

    def _tell_error(self, custom_id: str, error: dict[str, str]) -> None:
        if self.console.progress == "json":
            event(event="error", custom_id=custom_id, **{"hint": "", **error})
        else:
            self.console.problem(again(error).told(f"{custom_id}: {error['message']}"))

    def _numbers(self) -> dict[str, Any]:
        left = self.tally.seconds_left
        return {
            "items": [self.tally.done, self.tally.total],
            "failed": self.tally.failed,
            "rate": round(self.tally.rate, 3),
            "seconds_left": None if left is None else round(left, 1),
        }
