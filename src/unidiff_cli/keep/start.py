"""Finding the helper that holds a model, or starting it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from unidiff_cli.keep import folder
from unidiff_cli.keep.client import Absent, Lost
from unidiff_cli.keep.holding import Holding
from unidiff_cli.keep.overview import look

Found = TypeVar("Found")
PROGRAM = """
import json, sys
sys.path[:] = json.loads(sys.argv[2])
from unidiff_cli.keep.__main__ import main
main()
"""
"""The same modules as here, wherever they come from; never those of the current folder."""
TRIES = 3
"""A helper that goes just now has given its name away: the next try starts another."""


def reach(
    holding: Holding, keep: float | None, meet: Callable[[Path], Found]
) -> tuple[Found, bool] | None:
    """What `meet` makes of the helper's socket, and whether it was started for that.

    Without `keep` a helper is only looked for, and None says that there is none. Lost tells why
    one cannot be had, Unsafe what is wrong with the folder of the sockets.
    """
    place = folder.checked(make=keep is not None)
    if place is None:
        return None
    path = folder.socket_path(place, holding.digest())
    if not path.exists():
        path = like(holding, path) or path
    for _ in range(TRIES):
        with suppress(Absent):
            return meet(path), False
        if keep is None:
            return None
        with folder.locked(place) as ours:
            if not ours:
                raise Lost("another one is being started, and does not come")
            with suppress(Absent):
                return meet(path), False
            spawn(path, holding, keep)
        with suppress(Absent):
            return meet(path), True
    raise Lost("it ends as soon as it is started")


def like(holding: Holding, path: Path) -> Path | None:
    """A helper that was to choose the device or the numbers itself, and chose these.

    A record states what was chosen, so whoever repeats it asks for that.
    """
    mine = path.name.split("-")[0]
    for other in sorted(path.parent.glob(f"{mine}-*{folder.SUFFIX}")):
        with suppress(Absent):
            status = look(other)
            if (status.device, status.dtype) == (holding.device, holding.dtype):
                return other
    return None


def spawn(path: Path, holding: Holding, keep: float) -> None:
    """Start a helper; when this returns, it listens. The name of a dead one is taken over."""
    path.unlink(missing_ok=True)
    asked = {"path": str(path), "holding": asdict(holding), "keep": keep}
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, json.dumps(asked), json.dumps(sys.path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise Lost(said[-1] if said else "it could not be started")
