"""The helper's process: python -m unidiff_cli.keep {"holding": ..., "path": ..., "keep": ...}

It has its socket before it lets go of whoever started it, and then belongs to nobody: a session
of its own, no terminal, no open file of others. Exit code 0 when it listens, else 1.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from unidiff_cli.errors import UnidiffError
from unidiff_cli.keep import machine
from unidiff_cli.keep.holding import Holding
from unidiff_cli.process import begin, spare_pages


def main() -> None:
    """Listen, let go, serve."""
    asked = json.loads(sys.argv[1])
    path, holding = Path(asked["path"]), Holding(**asked["holding"])
    os.umask(0o177)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
    except OSError:  # somebody else was sooner
        sys.exit(1)
    listener.listen(128)
    _let_go()
    begin()
    if holding.memory != "auto":
        spare_pages()
    machine.go_first()
    asyncio.run(_serve(listener, path, holding, asked["keep"]))
    os._exit(0)


def _let_go() -> None:
    """A process that nobody waits for: whoever started it sees its parent end."""
    if os.fork():
        os._exit(0)
    os.setsid()
    os.chdir("/")
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.close(nothing)


async def _serve(listener: socket.socket, path: Path, holding: Holding, keep: float) -> None:
    from unidiff_cli.keep.server import Helper
    from unidiff_cli.keep.work import Hand

    helper = Helper(listener, path, Hand(holding, _load), keep, reasons(holding))

    def end() -> None:
        helper.unlink()
        os._exit(0)

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end)
    await helper.run()


def reasons(holding: Holding) -> Callable[[], bool]:
    """Whether it is time to end: the model on the disk is another, or memory is short."""
    files = holding.files()

    def over() -> bool:
        try:
            changed = holding.files() != files
        except (OSError, UnidiffError):  # its folder is gone, or no model any more
            changed = True
        return changed or machine.memory_is_short()

    return over


def _load(holding: Holding) -> Any:
    from unidiff_cli.speed.lean import import_libraries

    import_libraries()
    from unidiff_cli.keep.held import load

    return load(holding)


if __name__ == "__main__":
    main()
