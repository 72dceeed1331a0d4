"""The asking half: a connection to a helper, and what goes over it. No torch."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unidiff_cli.errors import UnidiffError
from unidiff_cli.keep import frames, peers
from unidiff_cli.keep.frames import Frame, Stranger
from unidiff_cli.keep.travel import from_json, to_json
from unidiff_cli.progress import Progress

if TYPE_CHECKING:
    from PIL import Image

SILENCE = 20.0
"""Seconds without a word after which a helper hangs; it says every few that it is alive."""

LONG = ("answers", "walk")
"""Calls that take a helper longer than a few milliseconds."""


class Lost(Exception):
    """The helper cannot be had, or is no more; says why."""


class Absent(Lost):
    """There is no helper, or one that was just going: nothing was asked of it."""


@dataclass
class Connection:
    """A socket with frames on it; whatever goes wrong with it is Lost."""

    socket: socket.socket

    @classmethod
    def to(cls, path: Path, patience: float | None = None) -> Connection:
        """A connection, or Absent where nobody listens."""
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connected.settimeout(SILENCE if patience is None else patience)
        try:
            connected.connect(str(path))
            if not peers.is_ours(connected):
                raise Lost("it is another user's")
        except (FileNotFoundError, ConnectionRefusedError):
            connected.close()
            raise Absent("there is none") from None
        except (OSError, Lost) as error:
            connected.close()
            raise Lost(_why(error)) from None
        return cls(connected)

    def close(self) -> None:
        """The helper stops what it does for us."""
        self.socket.close()

    def send(self, frame: Frame) -> None:
        """Say it, all of it."""
        try:
            self.socket.sendall(frame.pack())
            for blob in frame.blobs:
                self.socket.sendall(blob)
        except (OSError, Stranger) as error:
            raise Lost(_why(error)) from None

    def receive(self) -> Frame:
        """What is said next."""
        try:
            text, blobs = frames.lengths_of(self._exactly(frames.HEAD.size))
            return frames.unpack(self._exactly(text), self._exactly(blobs))
        except (OSError, Stranger) as error:
            raise Lost(_why(error)) from None

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            piece = self.socket.recv(min(size - len(data), 1 << 20))
            if not piece:
                raise ConnectionResetError(errno.ECONNRESET, "it ended")
            data += piece
        return bytes(data)


@dataclass
class Session:
    """One request's talk with a helper: calls, one after the other, and what comes meanwhile."""

    path: Path
    connection: Connection
    progress: Progress
    sketch: Callable[[Image.Image, int], None] | None
    waiting: Callable[[int], None]
    """Told how many requests are before ours, when that is not none, each time it changes."""
    meanwhile: Callable[[], None]
    """Called while the helper works: what is done here later can be made ready."""
    place: int = 0

    @classmethod
    def begin(
        cls,
        path: Path,
        keep: float | None,
        progress: Progress,
        sketch: Callable[[Image.Image, int], None] | None,
        waiting: Callable[[int], None],
        meanwhile: Callable[[], None],
    ) -> Session:
        """A session that the helper has taken up; Absent where there is none that does.

        `keep` is for how many seconds the helper is to stay; None leaves it at what it is.
        """
        connection = Connection.to(path)
        try:
            connection.send(Frame("begin", {"keep": keep, "preview": sketch is not None}))
            welcome = connection.receive()
        except Lost as lost:
            connection.close()
            # It ended before it took us up, so nothing was begun: another may be asked.
            ended = isinstance(lost.__context__, ConnectionError)
            raise (Absent if ended else Lost)(str(lost)) from None
        except BaseException:
            connection.close()
            raise
        if welcome.kind != "welcome":
            connection.close()
            raise Lost("it speaks otherwise")
        return cls(path, connection, progress, sketch, waiting, meanwhile)

    def call(self, name: str, threads: int | None, *arguments: Any) -> Any:
        """What comes of it: a value, or an UnidiffError that it raises.

        The helper computes with so many threads; None is its usual number.
        """
        return self._value(self._ask(name, threads, arguments))

    def walk(self, asked: Any, threads: int | None) -> Iterator[Any]:
        """Its stages; each is made when it is asked for."""
        frame = self._ask("walk", threads, (asked,))
        while frame.kind != "end":
            yield self._value(frame)
            self.connection.send(Frame("next", {"threads": threads}))
            frame = self._answer()

    def close(self) -> None:
        """The helper is free for others."""
        self.connection.close()

    def _ask(self, name: str, threads: int | None, arguments: tuple[Any, ...]) -> Frame:
        blobs: list[bytes] = []
        values = to_json(list(arguments), blobs)
        asked = {"name": name, "arguments": values, "threads": threads}
        self.connection.send(Frame("call", asked, blobs))
        if name in LONG:
            self.meanwhile()
        return self._answer()

    def _answer(self) -> Frame:
        """The answer; what is told before it is passed on."""
        while True:
            frame = self.connection.receive()
            if frame.kind == "tell":
                getattr(self.progress, frame.values["what"])(*frame.values["arguments"])
            elif frame.kind == "sketch" and self.sketch is not None:
                self.sketch(*from_json(frame.values["arguments"], frame.blobs))
            elif frame.kind == "behind":
                self._hear_place(frame.values["count"])
            elif frame.kind != "alive":
                return frame

    def _hear_place(self, count: int) -> None:
        if count != self.place:
            self.place = count
            self.waiting(count)

    def _value(self, frame: Frame) -> Any:
        if frame.kind == "trouble":
            raise Lost(frame.values["said"])
        value = from_json(frame.values["value"], frame.blobs)
        if frame.kind == "error":
            assert isinstance(value, UnidiffError)
            raise value
        return value


def _why(error: Exception) -> str:
    """In a few words."""
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, ConnectionError):
        return "it ended"
    if isinstance(error, Stranger):
        return f"it speaks otherwise: {error}"
    return str(getattr(error, "strerror", None) or error)
