"""Standard streams and pipes that are not ready yet: whoever reads or writes here waits for them.

A parent that works with events (Node, a CI runner) may hand down pipes that do not block. Reading
one that is empty, or writing to one that is full, then fails at once, and Python's own streams
leave out what did not fit. The setting belongs to both ends' owners, so it is not changed: here
every read and write waits.
"""

from __future__ import annotations

import atexit
import io
import os
import select
import sys
from contextlib import suppress
from pathlib import Path
from shutil import copyfileobj, rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING, BinaryIO, TextIO, cast

from unidiff_cli.files.text import decode

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


STDIN = ("/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")

BEGINS = {
    b"\x89PNG": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"RIFF": ".webp",
    b"GIF8": ".gif",
}


class Patient(io.RawIOBase):
    """A descriptor that is waited for, and stays open when this is closed."""

    def __init__(self, descriptor: int, reads: bool = False) -> None:
        self.descriptor, self.reads = descriptor, reads

    def fileno(self) -> int:
        """The descriptor."""
        return self.descriptor

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self.descriptor)

    def readable(self) -> bool:
        """Whether it is read."""
        return self.reads

    def writable(self) -> bool:
        """Whether it is written."""
        return not self.reads

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Wait for bytes; 0 at the end."""
        view = memoryview(buffer).cast("B")
        data = read_some(self.descriptor, len(view))
        view[: len(data)] = data
        return len(data)

    def write(self, data: ReadableBuffer) -> int:
        """Write all of it, waiting for room.

        Nothing is buffered on the way: of what is written when an interrupt comes, Python's own
        buffer would not learn, and write it again.
        """
        rest = memoryview(data).cast("B")
        while rest:
            try:
                rest = rest[os.write(self.descriptor, rest) :]
            except BlockingIOError:
                select.select([], [self.descriptor], [])
        return memoryview(data).nbytes


class Log(Patient):
    """Standard error: when nobody reads it any more, the work goes on without it."""

    def write(self, data: ReadableBuffer) -> int:
        """Wait for room; what cannot be written is lost, as is all that follows."""
        try:
            return super().write(data)
        except OSError:
            with suppress(OSError), open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), self.descriptor)
            return memoryview(data).nbytes


def read_some(descriptor: int, size: int) -> bytes:
    """Up to `size` bytes, as soon as there are any; none at the end."""
    while True:
        try:
            return os.read(descriptor, size)
        except BlockingIOError:
            select.select([descriptor], [], [])


def open_bytes(path: str | os.PathLike[str]) -> BinaryIO:
    """The file, to be read; standard input under a name in /dev also where it is a socket."""
    if os.fspath(path) in STDIN and not os.path.isfile(path):
        return io.BufferedReader(Patient(0, reads=True))
    return open(path, "rb")


def is_pipe(path: str | os.PathLike[str]) -> bool:
    """Whether it can be read once only: no plain file, and no folder."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def settled(path: Path) -> Path:
    """The file itself; of what can be read once only a copy, until the program ends.

    The copy's suffix tells what it begins with.
    """
    if not is_pipe(path):
        return path
    folder = Path(mkdtemp(prefix="unidiff-"))
    atexit.register(rmtree, folder, ignore_errors=True)
    copy = folder / path.name
    with open_bytes(path) as pipe, open(copy, "wb") as file:
        copyfileobj(pipe, file)
    with open(copy, "rb") as file:
        start = file.read(512)
    return copy.rename(folder / f"{path.name}{_suffix(start)}")


def _suffix(start: bytes) -> str:
    """The suffix of a file that begins so."""
    found = next((suffix for begin, suffix in BEGINS.items() if start.startswith(begin)), None)
    if found:
        return found
    if start[257:262] == b"ustar":
        return ".tar"
    return ".jsonl" if decode(start, "ignore").lstrip().startswith("{") else ""


def make_patient() -> None:
    """Standard input, output and error of this process wait; one that is closed stays None."""
    for name, kind in (("stdin", Patient), ("stdout", Patient), ("stderr", Log)):
        stream: TextIO | None = getattr(sys, name)
        if stream is None or (sys.platform == "win32" and stream.isatty()):
            continue  # Windows' consoles have a file of their own kind, which never fails so
        with suppress(OSError, ValueError):  # no file: somebody has put something in its place
            setattr(sys, name, _again(stream, kind(stream.fileno(), name == "stdin")))


def _again(stream: TextIO, raw: Patient) -> TextIO:
    """The stream as Python made it, upon another file."""
    buffer: BinaryIO = io.BufferedReader(raw) if raw.reads else cast("BinaryIO", raw)
    return io.TextIOWrapper(
        buffer, encoding=stream.encoding, errors=stream.errors, write_through=not raw.reads
    )
