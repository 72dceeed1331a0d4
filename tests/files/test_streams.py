"""Standard streams that do not block, and a log that nobody reads."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from unidiff_cli.files.streams import Log, Patient, make_patient, read_some, settled

LARGE = bytes(range(256)) * 2000
"""More than a pipe holds."""


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Both ends of a pipe, neither of which blocks."""
    ends = os.pipe()
    for each in ends:
        os.set_blocking(each, False)
    yield ends
    for each in ends:
        with suppress(OSError):
            os.close(each)


def test_a_full_pipe_is_waited_for(pipe: tuple[int, int]) -> None:
    read, write = pipe
    got = bytearray()

    def late() -> None:
        while len(got) < len(LARGE):
            got.extend(read_some(read, 5000))

    thread = threading.Timer(0.1, late)
    thread.start()
    writer = io.BufferedWriter(Patient(write))
    writer.write(LARGE)
    writer.flush()
    thread.join()
    assert bytes(got) == LARGE


def test_an_empty_pipe_is_waited_for(pipe: tuple[int, int]) -> None:
    read, write = pipe

    def late() -> None:
        os.write(write, b"a red ")
        threading.Timer(0.05, lambda: (os.write(write, b"fox"), os.close(write))).start()

    threading.Timer(0.05, late).start()
    assert io.BufferedReader(Patient(read, reads=True)).read() == b"a red fox"


def test_a_log_that_nobody_reads_ends_nothing(pipe: tuple[int, int]) -> None:
    read, write = pipe
    os.close(read)
    with pytest.raises(BrokenPipeError):
        Patient(write).write(b"words")
    log = Log(write)
    assert [log.write(b"words"), log.write(b"more")] == [5, 4]


def test_what_an_interrupt_comes_behind_is_not_written_again(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    read, write = pipe
    real = os.write

    def interrupted(descriptor: int, data: bytes) -> int:
        monkeypatch.setattr(os, "write", real)
        real(descriptor, data)
        raise KeyboardInterrupt

    for name in ("stdin", "stderr"):
        monkeypatch.setattr(sys, name, None)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.FileIO(write, "w", closefd=False)))
    make_patient()
    monkeypatch.setattr(os, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sys.stdout.write("fox.png\n")
    sys.stdout.buffer.write(b"sheet.png\n")
    sys.stdout.flush()
    assert read_some(read, 100) == b"fox.png\nsheet.png\n"


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (b"\x89PNG\r\n", ".png"),
        (b"\xff\xd8\xff\xe0", ".jpg"),
        (' {"mode": "t"}\n'.encode("utf-16"), ".jsonl"),
        (b"0.png".ljust(257, b"\0") + b"ustar", ".tar"),
        (b"a red fox", ""),
        (LARGE, ""),
    ],
    ids=["png", "jpg", "jsonl", "tar", "words", "large"],
)
def test_what_can_be_read_once_is_kept(data: bytes, suffix: str) -> None:
    os.mkfifo("pipe")
    thread = threading.Thread(target=lambda: Path("pipe").write_bytes(data))
    thread.start()
    copy = settled(Path("pipe"))
    thread.join()
    assert (copy.name, copy.read_bytes(), copy.read_bytes()) == (f"pipe{suffix}", data, data)
    assert settled(copy) == copy
    assert settled(Path("gone")) == Path("gone")
