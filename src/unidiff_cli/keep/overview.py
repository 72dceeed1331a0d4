"""The helpers that there are, and their end."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from unidiff_cli.keep import folder, peers
from unidiff_cli.keep.client import Absent, Connection, Lost
from unidiff_cli.keep.frames import Frame

PROMPT = 2.0
"""Seconds within which a helper says how it is, whatever it does."""
ENDING = 10.0
"""Seconds within which one that does nothing ends."""


@dataclass(frozen=True, kw_only=True)
class Status:
    """What a helper says of itself."""

    path: Path
    process: int
    model: str = "?"
    """Of one that hangs, nothing more is known."""
    device: str = "?"
    dtype: str = "?"
    memory: int = 0
    """Bytes that are held, mapped files included."""
    requests: int = 0
    """How many ask it just now."""
    idle: float = 0.0
    """Seconds since the last request."""
    left: float = 0.0
    """Seconds after which it ends, if nobody asks."""
    leaving: bool = False
    """Whether it takes nobody new."""
    hangs: bool = False

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {**asdict(self), "path": str(self.path)}


def helpers() -> list[Status]:
    """All that are in the folder; the names of dead ones are removed."""
    place = folder.checked()
    found = []
    for path in sorted(place.glob(f"*{folder.SUFFIX}")) if place else []:
        try:
            found.append(look(path))
        except Absent:
            path.unlink(missing_ok=True)
    return found


def look(path: Path, kind: Literal["status", "stop"] = "status") -> Status:
    """How a helper is; told to stop, it takes nobody new. Absent where there is none."""
    connection = Connection.to(path, PROMPT)
    process = peers.process_of(connection.socket)
    try:
        connection.send(Frame(kind))
        values = dict(connection.receive().values)
    except Lost:
        return Status(path=path, process=process or 0, hangs=True)
    finally:
        connection.close()
    return Status(**{**values, "path": path, "process": process or values["process"]})


def end(path: Path) -> bool:
    """End a helper when it has answered what it is asked; whether it has ended by now.

    One that hangs is killed.
    """
    status = look(path, "stop")
    if status.hangs and status.process:
        os.kill(status.process, signal.SIGKILL)
        path.unlink(missing_ok=True)
    until = time.monotonic() + (0 if status.requests else ENDING)
    while is_there(status.process):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def is_there(process: int) -> bool:
    """Whether a process of ours has not ended."""
    with suppress(ProcessLookupError):
        os.kill(process, 0)
        return process != 0
    return False
