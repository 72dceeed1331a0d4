"""The program as a shell sees it: pipes, signals, terminals, exit codes."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from array import array
from pathlib import Path

import pytest
from PIL import Image

from tests.cli import fake
from tests.cli.conftest import Shell, environment

PROGRAM = [sys.executable, str(Path(fake.__file__))]


def start(*arguments: str, seconds: float = 0.0, **streams: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
        [*PROGRAM, *arguments],
        env=environment() | {"FAKE_SECONDS": str(seconds)},
        **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        | streams,
    )


def test_a_round_trip_through_pipes(shell: Shell) -> None:
    done = shell('unidiff t2i "a fox" -o - -q | unidiff i2t - -q | unidiff t2i - -o out.png -q')
    assert (done.returncode, done.stdout, done.stderr) == (0, b"out.png\n", b"")
    with Image.open("out.png") as picture:
        assert "words of seed" in picture.info["parameters"]


def test_answers_and_everything_else_are_apart(shell: Shell) -> None:
    done = shell("unidiff t -n 2 --seed 1")
    assert done.stdout == b"words of seed 1\nwords of seed 2\n"
    assert done.stderr == (
        b"using the bundled model starter; for the published one: "
        b"unidiff models pull unidiffuser-v1\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("t", 0),
        ("t2i crash", 1),
        ("t --steps 0", 2),
        ("i2t none.png", 3),
        ("t --model missing", 4),
        ("t2i OutOfMemory", 5),
        ("t2i OutOfMemory fox", 6),
        ("t2i DegenerateResult", 7),
        ("i -o taken.png", 8),
    ],
)
def test_exit_codes(arguments: str, code: int, shell: Shell) -> None:
    Path("taken.png").write_text("")
    done = shell(f"unidiff {arguments}")
    assert done.returncode == code
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["unidiff t -n 2000", "unidiff t -n 2000 --json"])
def test_a_closed_pipe_is_141_and_quiet(command: str, shell: Shell) -> None:
    done = shell(f"{command} -q --seed 1 | head -1; exit ${{PIPESTATUS[0]}}")
    assert done.returncode == 141
    assert done.stdout.count(b"\n") == 1
    assert done.stderr == b""


@pytest.mark.parametrize("command", ["--help", "--version", "t2i --help"])
def test_help_into_a_closed_pipe_is_quiet(command: str, shell: Shell) -> None:
    done = shell(f"unidiff {command} | true; exit ${{PIPESTATUS[0]}}")
    assert done.returncode in (0, 141)
    assert done.stderr == b""


def interrupt_after_first_line(program: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    assert program.stdout is not None
    first = program.stdout.readline()
    program.send_signal(signal.SIGINT)
    rest, said = program.communicate(timeout=60)
    assert program.returncode == 130
    assert b"error: interrupted." in said
    assert b"Traceback" not in said
    return first + rest, said


def test_an_interrupt_keeps_the_pictures_that_are_finished() -> None:
    answers, said = interrupt_after_first_line(start("i", "-n", "500", "--grid", seconds=0.2))
    *told, sheet = answers.decode().split()
    assert sheet.endswith("-grid.png")
    kept = int(said.split(b"interrupted: ")[1].split()[0])
    finished = {str(path) for path in Path().iterdir()} - {sheet}
    # The signal may come between the writing of a file and the telling of it.
    assert 1 <= len(told) <= kept <= len(finished) <= len(told) + 1
    for name in [*finished, sheet]:
        with Image.open(name) as picture:
            picture.load()


def test_an_interrupt_keeps_the_lines_that_are_finished() -> None:
    program = start("t", "-n", "500", "--seed", "1", "-o", "words.txt", "--json", seconds=0.2)
    answers, _ = interrupt_after_first_line(program)
    lines = Path("words.txt").read_text().splitlines()
    assert lines[0] == "words of seed 1"
    assert 0 < len(lines) == answers.count(b"\n") < 500
    assert [path.name for path in Path().iterdir()] == ["words.txt"]


def test_a_full_pipe_that_does_not_block_gets_every_line() -> None:
    """As Node and CI hand it down. Nobody reads until it is full."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    program = start("t", "-n", "5000", "--seed", "1", "-q", stdout=write)
    os.close(write)
    waiting = array("i", [0])
    while waiting[0] < 65_000:
        assert program.poll() is None
        time.sleep(0.01)
        fcntl.ioctl(read, termios.FIONREAD, waiting)
    with open(read, "rb") as answers:
        lines = answers.read().splitlines()
    assert lines[::4999] == [b"words of seed 1", b"words of seed 5000"]
    assert len(lines) == 5000
    assert program.wait(60) == 0
    program.communicate()


def test_an_empty_pipe_that_does_not_block_is_waited_for() -> None:
    read, write = os.pipe()
    os.set_blocking(read, False)
    program = start("t2i2t", "-", "--seed", "1", "-q", stdin=read)
    os.close(read)
    time.sleep(0.3)
    with open(write, "wb") as prompts:
        prompts.write(b"a fox\n")
    assert program.communicate(timeout=60) == (b"words of seed 1\n", b"")


@pytest.mark.parametrize("progress", ["auto", "json"])
def test_the_work_goes_on_where_nobody_reads_the_log(progress: str) -> None:
    read, write = os.pipe()
    os.close(read)
    command = ("t", "-n", "3", "--seed", "1", "-o", "words.txt", "--progress", progress)
    program = start(*command, stderr=write)
    os.close(write)
    assert program.communicate(timeout=60)[0] == b"words.txt\n"
    assert program.returncode == 0
    assert Path("words.txt").read_text().count("\n") == 3


def test_an_open_standard_input_is_not_waited_for() -> None:
    program = start("t2i2t", "a fox", "--seed", "1", stdin=subprocess.PIPE)
    assert program.stdout is not None
    assert program.stdout.read() == b"words of seed 1\n"
    assert program.wait(60) == 0
    program.communicate()


def test_a_closed_standard_input_is_no_prompt(shell: Shell) -> None:
    done = shell("unidiff t2i <&-")
    assert done.returncode == 2
    assert b"t2i needs a prompt" in done.stderr


def test_closed_standard_input_asked_for_is_empty(shell: Shell) -> None:
    for command, words in (("t2i -", b"no prompt"), ("i2t -", b"is empty")):
        done = shell(f"unidiff {command} <&-")
        assert done.returncode == 3
        assert words in done.stderr


@pytest.mark.parametrize(
    ("to", "words"), [("/dev/full", b"output.disk-full"), ("&-", b"output.stdout")]
)
def test_stdout_that_takes_nothing_is_8(to: str, words: bytes, shell: Shell) -> None:
    done = shell(f"unidiff t -q --progress json >{to}")
    assert done.returncode == 8
    assert words in done.stderr
    assert b"Exception ignored" not in done.stderr


def test_help_that_nobody_can_read_is_one_sentence(shell: Shell) -> None:
    done = shell("unidiff --help >/dev/full")
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: ")
    assert b"Exception ignored" not in done.stderr


class TestTerminal:
    """With a terminal for stdin, stdout or stderr."""

    @staticmethod
    def read(end: int) -> bytes:
        parts = []
        try:
            while part := os.read(end, 1 << 16):
                parts.append(part)
        except OSError:  # the other end is closed
            pass
        return b"".join(parts)

    def test_a_terminal_for_input_is_not_waited_for(self) -> None:
        ours, theirs = pty.openpty()
        program = start("t2i", stdin=theirs)
        _, said = program.communicate(timeout=60)
        os.close(theirs)
        os.close(ours)
        assert program.returncode == 2
        assert b"try: unidiff t2i" in said

    def test_bytes_are_not_for_a_terminal(self) -> None:
        ours, theirs = pty.openpty()
        program = start("i", "-o", "-", stdout=theirs)
        _, said = program.communicate(timeout=60)
        os.close(theirs)
        assert program.returncode == 2
        assert b"A terminal cannot show" in said
        assert self.read(ours) == b""
        os.close(ours)

    @pytest.mark.parametrize(
        ("extra", "drawn"), [([], True), (["-q"], False), (["--progress", "none"], False)]
    )
    def test_a_bar_is_drawn_on_a_terminal_only(
        self, extra: list[str], drawn: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TERM", "xterm-256color")  # nothing can be redrawn on a dumb one
        ours, theirs = pty.openpty()
        program = start("t", "-n", "3", "--seed", "1", *extra, seconds=0.2, stderr=theirs)
        os.close(theirs)
        shown = self.read(ours)
        answers, _ = program.communicate(timeout=60)
        os.close(ours)
        assert answers == b"words of seed 1\nwords of seed 2\nwords of seed 3\n"
        assert (b"sample 3 of 3" in shown) == drawn
        assert program.returncode == 0

    @pytest.mark.parametrize("colour", [True, False])
    def test_errors_are_red_on_a_terminal_that_wants_colours(
        self, colour: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("NO_COLOR", raising=False)
        if not colour:
            monkeypatch.setenv("NO_COLOR", "1")
        ours, theirs = pty.openpty()
        program = start("t", "--steps", "0", stderr=theirs)
        os.close(theirs)
        shown = self.read(ours)
        program.communicate(timeout=60)
        os.close(ours)
        assert (b"\x1b[31merror: steps is" in shown) == colour
        assert b"error: steps is" in shown


def test_completion_completes(shell: Shell) -> None:
    done = shell(
        "unidiff",
        env={"_UNIDIFF_COMPLETE": "complete_bash", "COMP_WORDS": "unidiff t2", "COMP_CWORD": "1"},
    )
    assert done.stdout.split() == [b"t2i", b"t2i2t"]
    done = shell(
        "unidiff",
        env={
            "_UNIDIFF_COMPLETE": "complete_bash",
            "COMP_WORDS": "unidiff t2i --solver dpm",
            "COMP_CWORD": "3",
        },
    )
    assert done.stdout.split() == [b"dpm++3s", b"dpm++2m", b"dpm++3m"]


def test_file_names_that_are_no_text_go_through(shell: Shell) -> None:
    Image.new("RGB", (8, 8)).save("a.png")
    done = shell("cp a.png $'caf\\xe9.png' && unidiff i2t2i $'caf\\xe9.png' -o 'v-{name}.png' -q")
    assert (done.returncode, done.stdout) == (0, b"v-caf\xe9.png\n"), done.stderr
