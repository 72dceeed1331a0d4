"""Helpers as processes: how they start, end and are lost. Their model computes nothing."""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.keep import fake
from tests.keep.conftest import TINY, Running, begin, wait_until
from unidiff_cli.engine.pipeline import UniDiffuser
from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.keep import client, folder, machine, overview, server, start
from unidiff_cli.keep.client import Absent, Lost, Session
from unidiff_cli.keep.folder import Unsafe
from unidiff_cli.keep.holding import Holding
from unidiff_cli.keep.kept import Kept
from unidiff_cli.keep.overview import end, helpers
from unidiff_cli.progress import Silence
from unidiff_cli.request import Request
from unidiff_cli.storage import layout

HOLDING = Holding.of(TINY)


@pytest.fixture
def processes(sockets: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of sockets, whose helpers are processes with the fake model; all end with it."""
    monkeypatch.setattr(start, "PROGRAM", fake.PROGRAM)
    yield sockets
    for status in helpers():
        os.kill(status.process, signal.SIGKILL)


def reach(keep: float | None = 60.0, holding: Holding = HOLDING) -> tuple[Session, bool]:
    found = start.reach(holding, keep, begin)
    assert found is not None
    return found


def kept(session: Session, notes: list[str], progress: Any = None) -> Kept:
    listener = progress or Silence()
    session.progress = listener
    return Kept(session, listener, fake.FakeModel, notes.append)


def request(count: int = 1, steps: int = 2) -> Request:
    return Request(mode="t2i", prompt="a fox", seed=1, count=count, steps=steps)


def only() -> psutil.Process:
    (status,) = helpers()
    return psutil.Process(status.process)


def test_a_helper_belongs_to_nobody_and_leaves_nothing(processes: Path) -> None:
    session, new = reach(keep=0.2)
    assert new
    process = only()
    assert process.ppid() != os.getpid()
    assert os.getsid(process.pid) == process.pid
    assert process.terminal() is None
    assert process.cwd() == "/"
    assert {f.path for f in process.open_files()} <= {os.devnull}
    (path,) = processes.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    session.close()
    wait_until(lambda: not process.is_running() or process.status() == "zombie")
    assert list(processes.iterdir()) == []
    assert psutil.Process().children() == []


def test_the_next_one_finds_it_and_the_clock_starts_anew(processes: Path) -> None:
    session, _ = reach()
    session.close()
    again, new = reach(keep=None)
    assert not new
    assert again.call("usual_batch", None, request()) == 1
    (status,) = helpers()
    assert (status.requests, status.idle, status.left) == (1, 0.0, 60.0)
    again.close()
    wait_until(lambda: helpers()[0].requests == 0)
    assert helpers()[0].left > 59


def test_without_keep_none_is_started(processes: Path) -> None:
    assert start.reach(HOLDING, None, begin) is None
    assert helpers() == []


def test_two_models_are_two_helpers(processes: Path) -> None:
    one, _ = reach()
    other, new = reach(holding=Holding.of(replace(TINY, dtype="bf16")))
    assert new
    assert len(helpers()) == 2
    one.close()
    other.close()


def test_another_version_is_another_helper(
    processes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, _ = reach()
    session.close()
    monkeypatch.setattr("unidiff_cli.keep.holding.__version__", "99")
    assert start.reach(HOLDING, None, begin) is None
    monkeypatch.undo()
    monkeypatch.setenv("OMP_NUM_THREADS", "77")
    assert HOLDING.digest() not in {path.stem for path in processes.iterdir()}


class Killing(Silence):
    """Does something to the helper in the middle of the second sample."""

    def __init__(self, process: psutil.Process, number: int) -> None:
        self.process, self.number, self.evaluations, self.done = process, number, 0, 0

    def evaluated(self, samples: int) -> None:
        self.evaluations += 1
        if self.evaluations == 3:
            self.process.send_signal(self.number)
            time.sleep(0.2)

    def finished(self, samples: int) -> None:
        self.done += samples


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP])
def test_a_helper_lost_in_the_middle_loses_nothing(
    processes: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "SILENCE", 0.5)
    monkeypatch.setenv("FAKE_SECONDS", "0.05")
    session, _ = reach()
    process, notes = only(), []  # type: ignore[var-annotated]
    listener = Killing(process, number)
    results = list(kept(session, notes, listener).stream([request(count=4)]))
    assert [result.outputs[0].seed for result in results] == [1, 2, 3, 4]
    assert listener.done == 4
    why = "it does not answer" if number == signal.SIGSTOP else "it ended"
    assert notes == [f"the helper cannot be used ({why}): working without it"]
    if number == signal.SIGSTOP:
        monkeypatch.setattr(overview, "PROMPT", 0.2)
        (status,) = helpers()
        assert (status.hangs, status.process) == (True, process.pid)
        assert end(status.path)
    wait_until(lambda: not process.is_running() or process.status() == "zombie")
    assert helpers() == []
    assert list(processes.iterdir()) == []
    session, new = reach()  # and the next one is as good
    assert new
    session.close()


def test_a_dead_one_is_replaced(processes: Path) -> None:
    session, _ = reach()
    only().kill()
    with pytest.raises(Lost):
        session.call("usual_batch", None, request())
    session.close()
    assert len(list(processes.iterdir())) == 1  # nobody took its name away
    again, new = reach()
    assert new
    again.close()


def test_fifty_at_once_at_the_end_of_idling(processes: Path) -> None:
    """None is lost, however the helper's end and their coming fall together."""
    session, _ = reach(keep=0.2)
    session.close()
    answered: list[int] = []
    chance = random.Random(0)

    def ask(wait: float) -> None:
        time.sleep(wait)
        each, _ = reach(keep=0.05)
        answered.append(each.call("usual_batch", None, request()))
        each.close()

    waits = [0.2 + 0.02 * chance.random() for _ in range(40)] + [0.3 * k for k in range(10)]
    threads = [threading.Thread(target=ask, args=(wait,)) for wait in waits]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answered == [1] * 50
    wait_until(lambda: not list(processes.iterdir()))


def test_one_that_comes_while_it_goes_is_answered(running: Running) -> None:
    """Its name is gone already, and its connection was there before."""
    early = socket.socket(socket.AF_UNIX)
    early.connect(str(running.path))
    running.keep = 0
    assert running.helper is not None
    running.loop.call_soon_threadsafe(running.loop.create_task, running.helper.leave())
    wait_until(lambda: not running.path.exists())
    session = Session(
        running.path, client.Connection(early), Silence(), None, lambda count: None, int
    )
    session.connection.send(client.Frame("begin", {"keep": None, "preview": False}))
    assert session.connection.receive().kind == "welcome"
    assert session.call("usual_batch", None, request()) == 1
    session.close()
    running.thread.join(10)
    assert not running.thread.is_alive()


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", client.Frame("no").pack()]
)
def test_one_that_speaks_otherwise_is_not_used(sockets: Path, said: bytes) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder.socket_path(sockets, HOLDING.digest())))
    listener.listen()

    def answer() -> None:
        connection, _ = listener.accept()
        connection.recv(1 << 16)
        connection.sendall(said)
        connection.close()

    thread = threading.Thread(target=answer)
    thread.start()
    if said:
        with pytest.raises(Lost, match="speaks otherwise"):
            reach(keep=None)
    else:
        assert start.reach(HOLDING, None, begin) is None
    thread.join()
    listener.close()


def test_a_model_that_cannot_be_loaded_is_told_here(sockets: Path, tiny: UniDiffuser) -> None:
    def broken(holding: Holding) -> UniDiffuser:
        raise ModelUnavailable("model.damaged", "The file is damaged.")

    running = Running(sockets / "x.sock", loader=broken)
    notes: list[str] = []

    def alone() -> UniDiffuser:
        raise ModelUnavailable("model.damaged", "mine/uvit.safetensors is damaged.")

    model = Kept(begin(running.path), Silence(), alone, notes.append)
    with pytest.raises(ModelUnavailable, match="mine/"):
        model.resolve(request())
    assert notes == []
    running.thread.join(10)  # without a model it is of no use
    assert not running.thread.is_alive()


class TestFolder:
    def test_it_is_made_for_its_owner_alone(self, sockets: Path) -> None:
        assert sockets.stat().st_mode & 0o777 == 0o700

    def test_without_a_runtime_folder_it_is_below_the_cache(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
        assert folder.place() == Path("/elsewhere/unidiff/keep")
        monkeypatch.setenv("XDG_CACHE_HOME", "relative")
        assert folder.place() == Path.home() / ".cache/unidiff/keep"

    @pytest.mark.parametrize("mode", [0o770, 0o702, 0o777])
    def test_where_others_may_write_it_is_refused(self, sockets: Path, mode: int) -> None:
        sockets.chmod(mode)
        with pytest.raises(Unsafe, match="Others may write"):
            reach()

    def test_another_users_is_refused(self, sockets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        user = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: user + 1)
        with pytest.raises(Unsafe, match="another user"):
            reach()

    def test_a_link_and_a_file_are_refused(self, sockets: Path, tmp_path: Path) -> None:
        sockets.rmdir()
        sockets.symlink_to(tmp_path)
        with pytest.raises(Unsafe, match="no folder"):
            reach()
        sockets.unlink()
        sockets.touch()
        with pytest.raises(Unsafe):
            reach()

    def test_a_name_too_long_for_a_socket(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / ("x" * 100)))
        with pytest.raises(Unsafe, match="too long"):
            reach()

    def test_its_lock_is_waited_for(self, sockets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(start.folder.locked, "__defaults__", (0.05,), raising=False)
        with folder.locked(sockets) as ours, folder.locked(sockets, 0.02) as others:
            assert (ours, others) == (True, False)
        with folder.locked(sockets) as again:
            assert again
        assert list(sockets.iterdir()) == []


class TestEnds:
    """Reasons to end while nobody asks."""

    @pytest.fixture(autouse=True)
    def _often(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server, "TICK", 0.02)

    def ends(self, running: Running) -> None:
        running.thread.join(10)
        assert not running.thread.is_alive()
        assert not running.path.exists()

    def test_at_logout_when_its_folder_is_removed(self, running: Running) -> None:
        running.path.unlink()
        running.path.parent.rmdir()
        self.ends(running)

    def test_when_another_has_its_name(self, running: Running) -> None:
        running.path.unlink()
        running.path.touch()
        running.thread.join(10)
        assert not running.thread.is_alive()
        running.path.unlink()  # it left that of the other

    def test_when_memory_is_short(
        self, running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "meminfo").write_text("MemTotal: 1000 kB\nMemAvailable: 99 kB\n")
        monkeypatch.setattr(machine, "MEMINFO", tmp_path / "meminfo")
        self.ends(running)

    def test_when_a_file_of_the_model_changes(self, sockets: Path, tiny: UniDiffuser) -> None:
        model = Path("mine")
        model.mkdir()
        for name in layout.needed("ours", ())[1]:
            (model / name).write_text("{}")
        holding = Holding.of(replace(TINY, model="mine"))
        digest = holding.digest()
        running = Running(sockets / "x.sock", holding=holding, loader=lambda holding: tiny)
        time.sleep(0.1)
        assert running.thread.is_alive()
        (model / "picture.png").touch()  # which is no part of it
        assert holding.digest() == digest
        (model / "vae.safetensors").write_text("{ }")
        assert holding.digest() != digest
        self.ends(running)


FULL = {"memory.max": "1000", "memory.current": "990"}


@pytest.mark.parametrize(
    ("files", "short"),
    [
        ({"meminfo": "MemTotal: 1000 kB\nMemAvailable: 101 kB\n"}, False),
        ({"meminfo": "MemTotal: 1000 kB\nMemAvailable: 99 kB\n"}, True),
        (
            {"memory.max": "1000", "memory.current": "990", "memory.stat": "inactive_file 500"},
            False,
        ),
        ({"memory.max": "1000", "memory.current": "990", "memory.stat": "inactive_file 9"}, True),
        ({"memory.max": "max", "memory.current": "990"}, False),
        ({}, False),
    ],
)
def test_the_rule_of_memory(
    files: dict[str, str], short: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(machine, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    assert machine.memory_is_short() is short


def test_absent_is_no_other_loss(sockets: Path) -> None:
    with pytest.raises(Absent):
        begin(sockets / "none.sock")
