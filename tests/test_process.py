"""What each process does first."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from unidiff_cli.batch import crew
from unidiff_cli.cli import app
from unidiff_cli.engine import opening
from unidiff_cli.errors import InputError
from unidiff_cli.process import ending_in_order

BEGIN = "from unidiff_cli.process import begin; begin()"
LOOK = """
import gc, warnings
{first}
print(gc.get_threshold()[0] > 10_000, warnings.filters[0][0] == "ignore")
"""


AGAIN = """
import resource
{first}
import torch
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        torch.zeros(12 << 20)  # 48 MiB, freed at once
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""
GLIBC = platform.libc_ver()
RECENT = GLIBC[0] == "glibc" and tuple(map(int, GLIBC[1].split("."))) >= (2, 35)


def said(first: str, script: str = LOOK, **environment: str) -> str:
    command = [sys.executable, "-W", "default", "-c", script.format(first=first)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    return done.stdout.strip()


def test_garbage_is_looked_for_seldom_and_warnings_are_kept_to_developers() -> None:
    assert said("") == "False False"
    assert said(BEGIN) == "True True"
    assert said(BEGIN, UNIDIFF_DEBUG="1") == "True False"


@pytest.mark.skipif(not RECENT, reason="a libc whose allocator cannot be told")
def test_tensors_that_are_freed_leave_their_memory_to_the_next() -> None:
    small_pages = os.environ | {"THP_MEM_ALLOC_ENABLE": "0"}  # large ones are few by themselves
    plainly = int(said("", AGAIN, **small_pages))
    kept = int(said(BEGIN, AGAIN, **small_pages))
    spared = int(
        said(f"{BEGIN}; from unidiff_cli.process import spare_pages; spare_pages()", AGAIN)
    )
    assert plainly > 10_000
    assert kept < plainly / 4
    assert spared > plainly / 2


def test_where_memory_is_short_none_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spared: list[str] = []
    monkeypatch.setattr(opening, "spare_pages", lambda: spared.append(memory))
    for memory in ("auto", "low", "min"):
        made = str(tmp_path / f"{memory}.png")
        sizes = ["--model", "tiny", "--steps", "1", "--memory", memory]
        command = ["t2i", "a fox", *sizes, "-o", made]
        assert CliRunner().invoke(app.app, [*command, "-q"]).exit_code == 0
        assert CliRunner().invoke(app.app, ["replay", made, "--check", "-q"]).exit_code == 0
    assert spared == ["low", "low", "min", "min"]


def test_the_program_and_its_workers_begin_so(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    monkeypatch.setattr(app, "begin", lambda: begun.append("program"))
    monkeypatch.setattr(app, "app", lambda: None)
    app.main()

    def load() -> None:
        raise InputError("input.missing", "nothing here")

    spec: Any = SimpleNamespace(load=load)
    pipe: Any = SimpleNamespace(send=lambda _: None)
    monkeypatch.setattr(crew, "begin", lambda: begun.append("worker"))
    monkeypatch.setattr(crew.signal, "signal", lambda *_: None)  # pytest's own stays
    crew.serve(spec, pipe)
    assert begun == ["program", "worker"]


def test_a_signal_to_end_is_an_interrupt_once() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with ending_in_order() as came:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGHUP)  # the first is being obeyed
        assert came == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is before


def test_handlers_of_others_are_left_alone() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ending_in_order() as came:
            signal.raise_signal(signal.SIGHUP)
        assert came == []
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_elsewhere_than_in_the_main_thread_no_handler_is_set() -> None:
    found: list[Any] = []

    def look() -> None:
        with ending_in_order():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [signal.SIG_DFL]
