"""A helper in a thread of this process, and the parts of one for those that need less."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from unidiff_cli.engine.pipeline import UniDiffuser
from unidiff_cli.keep import folder
from unidiff_cli.keep.__main__ import reasons
from unidiff_cli.keep.client import Session
from unidiff_cli.keep.held import load
from unidiff_cli.keep.holding import Holding
from unidiff_cli.keep.server import Helper
from unidiff_cli.keep.work import Hand
from unidiff_cli.progress import Silence
from unidiff_cli.registry import Place

TINY = Place(model="tiny", device="cpu", dtype="fp32")


@dataclass
class Running:
    """A helper and its thread."""

    path: Path
    keep: float = 60.0
    holding: Holding = field(default_factory=lambda: Holding.of(TINY))
    loader: Callable[[Holding], UniDiffuser] = load
    helper: Helper | None = None

    def __post_init__(self) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(128)
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self.thread.start()
        wait_until(lambda: self.helper is not None)

    async def _run(self) -> None:
        hand = Hand(self.holding, self.loader)
        over = reasons(self.holding)
        helper = Helper(self.listener, self.path, hand, self.keep, over)
        self.loop, self.helper = asyncio.get_running_loop(), helper
        await helper.run()

    def stop(self) -> None:
        assert self.helper is not None
        if self.thread.is_alive():
            asyncio.run_coroutine_threadsafe(self.helper.leave(), self.loop)
            self.thread.join(10)
        assert not self.thread.is_alive()

    def begin(self, progress: Any = None, **options: Any) -> Session:
        return begin(self.path, progress, **options)


def begin(path: Path, progress: Any = None, waiting: Any = None, sketch: Any = None) -> Session:
    return Session.begin(
        path, None, progress or Silence(), sketch, waiting or (lambda count: None), int
    )


def wait_until(true: Callable[[], object], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.005)


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the sockets, in a place of its own; its name is short, wherever TMPDIR is."""
    with TemporaryDirectory(prefix="unidiff-", dir="/tmp", ignore_cleanup_errors=True) as runtime:
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        found = folder.checked(make=True)
        assert found is not None
        yield found


@pytest.fixture
def running(sockets: Path, tiny: UniDiffuser) -> Iterator[Running]:
    """A helper that holds the tiny model."""
    path = sockets / f"{Holding.of(TINY).digest()}.sock"
    found = Running(path, loader=lambda holding: tiny)
    yield found
    found.stop()


@pytest.fixture(scope="session")
def tiny() -> UniDiffuser:
    return UniDiffuser.load("tiny", device="cpu", dtype="fp32")
