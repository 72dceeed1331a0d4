"""What is said and where: answers on stdout, all else on stderr, a bar only on a terminal."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TextIO

import typer

from unidiff_cli.errors import OutputError, UnidiffError, UsageError, written
from unidiff_cli.errors.system import FULL, cannot_write
from unidiff_cli.progress import Progress, Silence

if TYPE_CHECKING:
    from PIL import Image

    from unidiff_cli.cli.terminal.bar import Bar


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody sits at the stream; one that the caller closed is None."""
    return stream is not None and stream.isatty()


def say_error(message: str, hint: str = "") -> None:
    """One red sentence on stderr, and what to try."""
    plain = "NO_COLOR" in os.environ or not is_terminal(sys.stderr)
    typer.secho(f"error: {message}", fg=None if plain else "red", err=True)
    if hint:
        typer.echo(f"try: {hint.removeprefix('Try').lstrip(' :')}", err=True)


def printable(value: object) -> str:
    """The value as text that a terminal only shows: what steers one is written as an escape."""
    if isinstance(value, list):  # a size in pixels, or an interval of levels
        whole = all(isinstance(each, int) for each in value)
        return (" x " if whole else " to ").join(map(str, value))
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(value))


def drop_stdout() -> None:
    """What is left in stdout's buffer goes nowhere: it failed once, and would again at the end."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (AttributeError, OSError, ValueError):  # closed, or not a file
        return


def usual_progress() -> Literal["auto", "json"]:
    """What --progress is where nobody says it, as far as it matters without a bar."""
    return "json" if os.environ.get("UNIDIFF_PROGRESS") == "json" else "auto"


@dataclass
class Console:
    """The voice of one command."""

    quiet: bool = False
    progress: Literal["auto", "none", "json"] = field(default_factory=usual_progress)
    """Of commands without the option, what its variable says."""
    show: bool = False
    """Whether pictures are also drawn on the terminal."""
    bar: Bar | None = field(default=None, init=False)
    after: ExitStack = field(default_factory=ExitStack, init=False)
    """What is to be done when the listening ends."""
    hinted: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        if self.show:
            check_terminal(sys.stdout, "--show", "standard output")
        from unidiff_cli.cli.terminal.ear import listen

        listen(self.note)

    def answer(self, line: str) -> None:
        """A line on stdout, at once."""
        self.answer_bytes(line.encode("utf-8", "surrogateescape") + b"\n")

    def answer_bytes(self, data: bytes) -> None:
        """Bytes on stdout, at once; OutputError when it does not take them."""
        if sys.stdout is None:
            raise OutputError(
                "output.stdout",
                "Standard output is closed.",
                "Leave it open: the answers go there.",
            )
        try:
            with self._room():
                sys.stdout.flush()
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            drop_stdout()
            said = "Standard output cannot be written"
            if error.errno in FULL:
                raise cannot_write(said, error) from error
            raise OutputError(
                "output.stdout", f"{said}: {error.strerror or error}.", "Send it elsewhere."
            ) from error

    def note(self, text: str) -> None:
        """Something good to know, on stderr."""
        if self.quiet:
            return
        if self.progress == "json":
            event(event="note", text=text)
        else:
            with self._room():
                typer.echo(text, err=True)

    def tell(self, text: str) -> None:
        """The same, if there is something."""
        if text:
            self.note(text)

    def problem(self, error: UnidiffError) -> None:
        """An error that does not end the run."""
        if self.progress == "json":
            error_event(error)
            return
        with self._room():
            say_error(error.message, error.hint)

    def picture(self, picture: Image.Image) -> None:
        """The picture on the terminal, if that was asked for."""
        if not self.show:
            return
        from unidiff_cli.cli.terminal.show import draw

        with self._room():
            sys.stdout.flush()
            coarse = draw(picture)
        if coarse and not self.hinted:
            self.hinted = True
            self.note("for finer pictures: pip install 'unidiff-cli[show]'")

    def sketch(self, picture: Image.Image) -> None:
        """The picture above the bar, until the next one."""
        if self.bar is not None:
            self.bar.sketch(picture)

    @contextmanager
    def listening(self) -> Iterator[Progress]:
        """The listener that draws, tells or keeps silent, as was asked."""
        with self.after, self._listener() as listener:
            yield listener

    @contextmanager
    def _listener(self) -> Iterator[Progress]:
        drawn = self.progress == "auto" and _can_draw()
        if self.quiet or not (drawn or self.progress == "json"):
            yield Silence()
        elif self.progress == "json":
            yield Events()
        else:
            from unidiff_cli.cli.terminal.bar import Bar

            with Bar() as self.bar:
                try:
                    yield self.bar
                finally:  # what is said after an interrupt must not draw it again
                    self.bar = None

    @contextmanager
    def _room(self) -> Iterator[None]:
        """The bar out of the way."""
        if self.bar is None:
            yield
        else:
            with self.bar.room():
                yield


def check_stdout(json: bool) -> None:
    """An error when the bytes of a picture cannot go to stdout."""
    if json:
        raise UsageError(
            "usage.stdout-shared",
            "Stdout takes the picture or the records, not both.",
            "Try -o fox.png",
        )
    if sys.stdout is None:
        raise OutputError(
            "output.stdout", "Standard output is closed.", "Leave it open: the picture goes there."
        )
    if is_terminal(sys.stdout):
        raise UsageError(
            "usage.terminal", "A terminal cannot show a picture's bytes.", "Try: -o - > fox.png"
        )


def check_terminal(stream: TextIO | None, option: str, name: str) -> None:
    """A UsageError when the stream is no terminal that colours can be drawn on."""
    if not is_terminal(stream) or os.environ.get("TERM") == "dumb":
        raise UsageError(
            "usage.terminal",
            f"{option} draws on a terminal, and {name} is none.",
            f"Leave {option} out.",
        )


def _can_draw() -> bool:
    return is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb"


def event(**values: Any) -> None:
    """A JSON object on a line of stderr."""
    typer.echo(json.dumps(values, ensure_ascii=False), err=True)


def error_event(error: UnidiffError) -> None:
    """{"event": "error", "type": ..., "code": ..., "message": ..., "hint": ...}"""
    event(event="error", **written(error))


class Events:
    """A listener that prints every event as JSON."""

    def __init__(self) -> None:
        self.items = self.evaluations = self.items_done = self.evaluations_done = 0
        self.started = time.monotonic()

    def stage(self, what: str) -> None:
        """{"event": "stage", "what": ...}"""
        event(event="stage", what=what)

    def begin(self, items: int, evaluations: int) -> None:
        """{"event": "begin", "items": ..., "evaluations": ...}"""
        self.items, self.evaluations = items, evaluations
        self.items_done = self.evaluations_done = 0
        self.started = time.monotonic()
        event(event="begin", items=items, evaluations=evaluations)

    def evaluated(self, samples: int) -> None:
        """{"event": "progress", "evaluations": [done, all], "items": ..., "seconds_left": ...}"""
        self.evaluations_done += samples
        self._tell()

    def finished(self, samples: int) -> None:
        """The same."""
        self.items_done += samples
        self._tell()

    def _tell(self) -> None:
        done = min(self.evaluations_done, self.evaluations)
        took = time.monotonic() - self.started
        event(
            event="progress",
            evaluations=[done, self.evaluations],
            items=[self.items_done, self.items],
            seconds_left=round(took / done * (self.evaluations - done), 1) if done else None,
        )
