"""Ends that come early: Ctrl-C on a terminal, SIGTERM and SIGHUP."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.conftest import Shell
from tests.cli.test_shell import TestTerminal as Terminal
from tests.cli.test_shell import start

SHOWN, HIDDEN = b"\x1b[?25h", b"\x1b[?25l"


def end_after_first_line(
    program: subprocess.Popen[bytes], number: signal.Signals
) -> tuple[bytes, bytes]:
    assert program.stdout is not None
    first = program.stdout.readline()
    program.send_signal(number)
    rest, said = program.communicate(timeout=60)
    assert b"Traceback" not in said
    return first + rest, said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
class TestSignals:
    def test_keep_the_lines_that_are_finished(self, number: signal.Signals) -> None:
        program = start("t", "-n", "500", "--seed", "1", "-o", "w.txt", "--json", seconds=0.2)
        answers, said = end_after_first_line(program, number)
        assert program.returncode == 128 + number
        assert b"error: interrupted." in said
        lines = Path("w.txt").read_text().splitlines()
        assert lines[0] == "words of seed 1"
        assert 0 < len(lines) == answers.count(b"\n") < 500
        assert [path.name for path in Path().iterdir()] == ["w.txt"]

    @pytest.mark.parametrize(
        "command",
        [("i", "-n", "500", "--grid"), ("sweep", "a fox", "--seed", "1-500", "--json")],
        ids=["grid", "sweep"],
    )
    def test_keep_a_sheet_of_what_is_finished(
        self, command: tuple[str, ...], number: signal.Signals
    ) -> None:
        program = start(*command, "-o", "out/", seconds=0.2)
        end_after_first_line(program, number)
        assert program.returncode == 128 + number
        (sheet,) = Path("out").glob("*-grid.png" if command[0] == "i" else "sweep-*.png")
        with Image.open(sheet) as picture:
            picture.load()


def test_a_signal_that_is_ignored_stays_so(shell: Shell) -> None:
    """As nohup has it."""
    done = shell(
        'trap "" HUP; unidiff t -n 9 --seed 1 & sleep 1.5; kill -HUP $!; wait $!',
        env={"FAKE_SECONDS": "0.3"},
    )
    assert (done.returncode, done.stdout.count(b"\n")) == (0, 9)


@pytest.mark.parametrize(
    "command",
    [("i", "-n", "500", "--grid"), ("t", "-n", "500", "-o", "words.txt", "--json")],
    ids=["grid", "lines"],
)
def test_an_interrupt_leaves_the_cursor_there(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    ours, theirs = pty.openpty()
    program = start(*command, seconds=0.2, stderr=theirs)
    os.close(theirs)
    assert program.stdout is not None
    program.stdout.readline()
    program.send_signal(signal.SIGINT)
    shown = Terminal.read(ours)
    program.communicate(timeout=60)
    os.close(ours)
    assert program.returncode == 130
    assert HIDDEN in shown
    assert shown.rindex(SHOWN) > shown.rindex(HIDDEN)


def test_a_bar_that_was_interrupted_while_it_started_can_be_taken_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from rich.console import Console

    from unidiff_cli.cli.terminal.bar import Bar

    def interrupted(self: Console, *hook: object) -> None:
        raise KeyboardInterrupt

    bar = Bar()
    with monkeypatch.context() as patched:
        patched.setattr(Console, "push_render_hook", interrupted)
        with pytest.raises(KeyboardInterrupt):
            bar.drawing.start()
    with bar, bar.room():
        pass
