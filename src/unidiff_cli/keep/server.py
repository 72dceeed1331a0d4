"""The answering half: one request at a time, in the order in which they came, until it is time.

Sockets are read and written in one thread, which never waits; the model works in another.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unidiff_cli.keep import folder, frames, machine, peers
from unidiff_cli.keep.frames import Frame, Stranger
from unidiff_cli.keep.guests import Guest, Turns
from unidiff_cli.keep.work import Hand

if TYPE_CHECKING:
    from unidiff_cli.keep.holding import Holding

PROMPTNESS = 20.0
"""Seconds within which a guest must say what it wants."""
ALIVE = 5.0
"""Seconds between two signs of life."""
TICK = 15.0
"""Seconds between two looks at the machine, when there is nothing to do: a millisecond each."""


@dataclass
class Helper:
    """A model that is held, and a socket to ask for it."""

    listener: socket.socket
    path: Path
    hand: Hand
    keep: float
    """Seconds after the last request until it ends."""
    over: Callable[[], bool]
    """Whether there is another reason to end: memory that is short, a model that has changed."""
    turns: Turns = field(default_factory=Turns)
    idle: float = field(default_factory=time.monotonic)
    """Since when nobody asks."""
    leaving: bool = False
    used: bool = False
    """Whether it holds memory that only the work needed."""
    meeting: int = 0
    """Connections that are open."""
    stirred: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.own = machine.identity(self.path)

    async def run(self) -> None:
        """Answer until it is time to go, and all that came before then."""
        server = await asyncio.start_unix_server(self._meet, sock=self.listener)
        with ThreadPoolExecutor(1) as thread:
            thread.submit(self.hand.load)
            try:
                while not (self.leaving and await self._nobody_left()):
                    await self._one(thread)
            finally:
                server.close()

    async def _one(self, thread: ThreadPoolExecutor) -> None:
        """Answer one call, or wait for one."""
        guest = self.turns.next(time.monotonic())
        if guest is not None:
            await self._serve(guest, thread)
            return
        if not self.turns.guests and not self.leaving and self._is_over():
            await self.leave()
            return
        if self.used and not self.turns.guests:
            self.used = False
            await asyncio.get_running_loop().run_in_executor(thread, self.hand.rest)
        left = self.idle + self.keep - time.monotonic()
        wait = 0.1 if self.leaving or self.turns.guests else min(TICK, max(0.0, left))
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stirred.wait(), wait)
        self.stirred.clear()

    def _is_over(self) -> bool:
        late = time.monotonic() > self.idle + self.keep
        # At logout the folder of the socket is removed, and somebody may have removed the socket.
        return late or machine.identity(self.path) != self.own or self.over()

    async def _serve(self, guest: Guest, thread: ThreadPoolExecutor) -> None:
        asked, guest.asked, guest.busy = guest.asked, None, True
        assert asked is not None
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(thread, self.hand.answer, guest, asked)
        guest.busy, guest.heard, self.used = False, time.monotonic(), True
        if answer is not None:
            guest.say(answer)
        if self.hand.failed:
            await self.leave()

    async def leave(self) -> None:
        """Take the name away, so that nobody new comes; those who are here are answered."""
        if not self.leaving:
            self.leaving = True
            await asyncio.to_thread(self.unlink)
            self.stirred.set()

    def unlink(self) -> None:
        """Remove the socket's name, if it is still ours; nobody starts another meanwhile."""
        with suppress(OSError), folder.locked(self.path.parent):
            if machine.identity(self.path) == self.own:
                self.path.unlink()

    async def _nobody_left(self) -> bool:
        """Whether all are answered, those included who are not yet let in."""
        await asyncio.sleep(0)
        return not self.meeting and not select.select([self.listener], [], [], 0)[0]

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from the first word to the last."""
        self.meeting += 1
        try:
            if not peers.is_ours(writer.get_extra_info("socket")):
                return
            first = await asyncio.wait_for(_read(reader), PROMPTNESS)
            if first.kind == "begin":
                await self._host(reader, writer, first)
            elif first.kind in ("status", "stop"):
                if first.kind == "stop":
                    await self.leave()
                writer.write(Frame("status", self.status()).pack())
                await writer.drain()
        except (OSError, Stranger, EOFError, TimeoutError):
            return
        finally:
            self.meeting -= 1
            self.stirred.set()
            writer.close()

    async def _host(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: Frame
    ) -> None:
        """A guest, until it hangs up."""
        guest = Guest(writer, asyncio.get_running_loop(), dict(first.values))
        if guest.settings.get("keep") is not None:
            self.keep = float(guest.settings["keep"])
        self.turns.guests.append(guest)
        guest.say(Frame("welcome"))
        self.turns.tell_places()
        alive = asyncio.create_task(_say_alive(guest))
        try:
            while True:
                asked = await _read(reader)
                if guest.asked is not None or guest.busy:
                    raise Stranger("two calls at once")
                guest.asked = asked
                self.stirred.set()
        finally:
            guest.gone = True
            alive.cancel()
            self.turns.guests.remove(guest)
            self.turns.tell_places()
            self.idle = time.monotonic()

    def status(self) -> dict[str, Any]:
        """What `unidiff keep` shows of this helper."""
        holding: Holding = self.hand.holding
        waiting = len(self.turns.guests)
        return {
            "process": os.getpid(),
            "model": holding.name,
            "device": self.hand.device or holding.device,
            "dtype": self.hand.dtype or holding.dtype,
            "memory": machine.resident(),
            "requests": waiting,
            "idle": 0.0 if waiting else time.monotonic() - self.idle,
            "left": self.keep if waiting else self.idle + self.keep - time.monotonic(),
            "leaving": self.leaving,
        }


async def _read(reader: asyncio.StreamReader) -> Frame:
    text, blobs = frames.lengths_of(await reader.readexactly(frames.HEAD.size))
    return frames.unpack(await reader.readexactly(text), await reader.readexactly(blobs))


async def _say_alive(guest: Guest) -> None:
    while True:
        await asyncio.sleep(ALIVE)
        if guest.asked is not None or guest.busy:
            guest.say(Frame("alive"))
