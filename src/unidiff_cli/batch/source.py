"""Lines as they come: from a file at once, from standard input whenever somebody writes one."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from unidiff_cli.batch.jobs import MAX_LINE
from unidiff_cli.errors import InputError
from unidiff_cli.errors.system import cannot_read
from unidiff_cli.files.streams import read_some
from unidiff_cli.files.text import as_utf8

BLOCK = 2**16
AHEAD = 1000
"""Lines that are read of a pipe before anybody has asked for them."""


class Source(Protocol):
    """Where jobs come from."""

    live: bool
    """Whether somebody writes the lines while they are read."""
    ended: bool
    """Whether no line will come any more."""

    def take(self, patience: float | None) -> bytes | None:
        """The next line, without its end; None when none came within the seconds, or at the end.

        `None` waits for ever.
        """


class FileLines:
    """The lines of a file; never late."""

    live = False

    def __init__(self, path: Path) -> None:
        self.lines = lines(path)
        self.ended = False

    def take(self, patience: float | None) -> bytes | None:
        """The next line; None at the end."""
        line = next(self.lines, None)
        self.ended = line is None
        return line


class PipeLines:
    """The lines of a pipe, read beside the work by a thread."""

    live = True

    def __init__(self, descriptor: int) -> None:
        self.queue: queue.Queue[bytes | OSError | None] = queue.Queue(AHEAD)
        self.ended = False
        # Reading around sys.stdin: its lock, held by a thread that waits for input, would keep
        # the interpreter from ending.
        threading.Thread(target=self._read, args=(descriptor,), daemon=True).start()

    def take(self, patience: float | None) -> bytes | None:
        """The next line that came in time."""
        try:
            line = self.queue.get(timeout=patience) if patience != 0 else self.queue.get_nowait()
        except queue.Empty:
            return None
        if isinstance(line, OSError):
            raise InputError(
                "input.unreadable",
                f"Standard input cannot be read: {line.strerror}.",
                "Pipe jobs in.",
            )
        self.ended = line is None
        return line

    def _read(self, descriptor: int) -> None:
        end = None
        try:
            for line in cut(as_utf8(_blocks(descriptor))):
                self.queue.put(line)
        except OSError as error:
            end = error
        self.queue.put(end)


def _blocks(descriptor: int) -> Iterator[bytes]:
    while block := read_some(descriptor, BLOCK):
        yield block


def cut(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The lines in blocks of bytes; one that is too long is cut, but stays longer than MAX_LINE."""
    rest = b""
    for block in blocks:
        *whole, rest = (rest + block).split(b"\n")
        yield from whole
        rest = rest[: MAX_LINE + 1]
    if rest:
        yield rest


def lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, or an InputError."""
    try:
        with open(path, "rb") as file:
            yield from cut(as_utf8(iter(lambda: file.read(BLOCK), b"")))
    except OSError as error:
        raise cannot_read(path, error) from error
