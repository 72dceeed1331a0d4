"""Those who ask a helper, and whose turn it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from unidiff_cli.keep.frames import Frame
from unidiff_cli.keep.travel import to_json

if TYPE_CHECKING:
    from PIL import Image

    from unidiff_cli.engine.pipeline import UniDiffuser

GRACE = 2.0
"""Seconds for which a turn is kept for a guest that asks nothing: it may be writing a file."""


class Gone(BaseException):
    """The guest has hung up: nothing more is done for it."""


@dataclass(eq=False)
class Guest:
    """A request's talk, at the helper's end. What it says, it says in the loop's thread."""

    writer: asyncio.StreamWriter
    loop: asyncio.AbstractEventLoop
    settings: dict[str, Any]
    asked: Frame | None = None
    """What is to be done for it next."""
    busy: bool = False
    """Whether it is being done."""
    gone: bool = False
    heard: float = field(default_factory=time.monotonic)
    """When it was last answered, or came."""
    model: UniDiffuser | None = None
    """The model as this guest has it."""
    walk: Iterator[Any] | None = None
    """What it has begun and not seen to the end."""

    def say(self, frame: Frame) -> None:
        """To the guest; it never waits, for no guest may hold up the others."""
        if not self.gone and not self.writer.is_closing():
            self.writer.writelines([frame.pack(), *frame.blobs])

    def tell(self, frame: Frame) -> None:
        """The same, from the thread that works; Gone when there is nobody to tell."""
        if self.gone:
            raise Gone
        self.loop.call_soon_threadsafe(self.say, frame)


@dataclass(frozen=True)
class Teller:
    """A listener that tells a guest of everything. At every word the guest may be gone."""

    guest: Guest

    def stage(self, what: str) -> None:
        """As it is."""
        self._tell("stage", what)

    def begin(self, items: int, evaluations: int) -> None:
        """As it is."""
        self._tell("begin", items, evaluations)

    def evaluated(self, samples: int) -> None:
        """As it is."""
        self._tell("evaluated", samples)

    def finished(self, samples: int) -> None:
        """As it is."""
        self._tell("finished", samples)

    def sketch(self, picture: Image.Image, factor: int) -> None:
        """The picture as it forms, and how much larger it will be."""
        blobs: list[bytes] = []
        values = to_json([picture, factor], blobs)
        self.guest.tell(Frame("sketch", {"arguments": values}, blobs))

    def _tell(self, what: str, *arguments: Any) -> None:
        self.guest.tell(Frame("tell", {"what": what, "arguments": arguments}))


@dataclass
class Turns:
    """Who is served: the first that came, unless it keeps silent while others wait."""

    guests: list[Guest] = field(default_factory=list)
    """By the time that they came."""

    def next(self, now: float) -> Guest | None:
        """Whose call is answered now, if anybody's."""
        for guest in self.guests:
            if guest.asked is not None:
                return guest
            if now - guest.heard < GRACE:
                return None
        return None

    def tell_places(self) -> None:
        """Each that waits hears how many are before it."""
        for place, guest in enumerate(self.guests):
            if place:
                guest.say(Frame("behind", {"count": place}))
