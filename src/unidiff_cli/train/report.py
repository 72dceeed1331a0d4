"""Training progress: what the trainer reports, and the ways of showing it on a stream."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import IO, Literal, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One step's news."""

    step: int
    steps: int
    losses: Mapping[str, float]  # empty between two lines of the log
    rate: float  # steps a second in this run, sampling and saving included
    seconds_left: float


class Report(Protocol):
    """Receives what the trainer reports."""

    def progress(self, now: Progress) -> None:
        """A step was made."""

    def note(self, line: str) -> None:
        """Something happened: a checkpoint, a sample, a resumption."""


class Silent:
    """Nobody wants to know."""

    def progress(self, now: Progress) -> None:
        """Nothing."""

    def note(self, line: str) -> None:
        """Nothing."""


class Notes:
    """Only what happened."""

    def __init__(self, stream: IO[str]) -> None:
        self.stream = stream

    def progress(self, now: Progress) -> None:
        """Nothing."""

    def note(self, line: str) -> None:
        """A line."""
        self.stream.write(line + "\n")
        self.stream.flush()


class Lines(Notes):
    """Plain lines, one for each line of the log: for files and pipes."""

    def progress(self, now: Progress) -> None:
        """A line where there are losses."""
        if now.losses:
            self.note(
                f"step {now.step}/{now.steps}  {_losses(now.losses)}  "
                f"{now.rate:.2f} steps/s  {clock(now.seconds_left)} left"
            )


class Events(Notes):
    """A JSON object a line: for programs."""

    def progress(self, now: Progress) -> None:
        """{"event": "progress", "step": ..., "losses": {...}, "seconds_left": ...}"""
        if now.losses:
            super().note(json.dumps({"event": "progress", **asdict(now)}))

    def note(self, line: str) -> None:
        """{"event": "note", "text": ...}"""
        super().note(json.dumps({"event": "note", "text": line}, ensure_ascii=False))


class Bar:
    """A live bar, for terminals; needs rich."""

    def __init__(self, stream: IO[str]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as Live

        text = TextColumn("{task.fields[losses]}  {task.fields[rate]}  {task.fields[left]}")
        self.live = Live(
            BarColumn(), MofNCompleteColumn(), text, console=Console(file=stream), transient=True
        )
        self.task = self.live.add_task("", total=None, losses="", rate="", left="")
        self.live.start()

    def progress(self, now: Progress) -> None:
        if now.losses:
            self.live.update(self.task, losses=_losses(now.losses))
        pace, left = f"{now.rate:.2f} steps/s", f"{clock(now.seconds_left)} left"
        self.live.update(self.task, completed=now.step, total=now.steps, rate=pace, left=left)

    def note(self, line: str) -> None:
        self.live.console.print(line, markup=False, highlight=False)

    def close(self) -> None:
        """Take the bar off the terminal."""
        self.live.stop()


Kind = Literal["auto", "none", "json", "quiet"]


@contextmanager
def reporting(kind: Kind, stream: IO[str]) -> Iterator[Report]:
    """A report on `stream`; auto draws a bar on a terminal and writes lines elsewhere."""
    if kind == "auto" and stream.isatty():
        bar = Bar(stream)
        try:
            yield bar
        finally:
            bar.close()
    else:
        match kind:
            case "auto":
                yield Lines(stream)
            case "none":
                yield Notes(stream)
            case "json":
                yield Events(stream)
            case "quiet":
                yield Silent()


def clock(seconds: float) -> str:
    """Seconds as people say them: 3725 is "1 h 02 min"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _losses(losses: Mapping[str, float]) -> str:
    return " ".join(f"{name} {value:.4f}" for name, value in losses.items())
