"""--show and --preview: on a terminal that answers, on one that does not, and on none."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.cli.conftest import PROGRAM, Cli, environment
from unidiff_cli.cli.app import app
from unidiff_cli.cli.terminal.show import half_blocks

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def test_a_character_is_two_pixels_one_above_the_other() -> None:
    picture = Image.new("RGB", (2, 2), (255, 0, 0))
    picture.putpixel((1, 1), (0, 0, 255))
    text = half_blocks(picture, 2, 1)
    assert text.plain == "▀▀\n"
    assert [str(span.style) for span in text.spans] == ["#ff0000 on #ff0000", "#ff0000 on #0000ff"]


@pytest.mark.parametrize(
    ("size", "columns", "rows", "wanted"),
    [((64, 64), 40, 10, (20, 10)), ((128, 32), 40, 20, (40, 5)), ((8, 64), 40, 10, (2, 10))],
)
def test_a_picture_keeps_its_shape_within_the_space(
    size: tuple[int, int], columns: int, rows: int, wanted: tuple[int, int]
) -> None:
    lines = half_blocks(Image.new("RGB", size), columns, rows).plain.splitlines()
    assert (len(lines[0]), len(lines)) == wanted


def test_without_a_terminal_nothing_is_drawn_and_nothing_loaded(cli: Cli) -> None:
    for option in (["--show"], ["--preview", "-"]):
        done = cli("t2i", "a fox", *option)
        assert done.exit_code == 2
        assert "draws on a terminal" in done.stderr
        assert done.stdout == ""


def test_a_preview_file_has_a_pictures_name(cli: Cli) -> None:
    assert cli("t2i", "a fox", "--preview", "now.txt").exit_code == 2
    done = cli("t2i", "a fox", "-o", "fox.png", "--preview", "./fox.png")
    assert done.exit_code == 2
    assert "cannot hold both the preview and the result" in done.stderr


def test_a_preview_file_is_there_in_full_size() -> None:
    words = ["t2i", "a fox", "--model", "tiny", "--preview", "now.png", "-o", "fox.png"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.stderr
    with Image.open("now.png") as preview, Image.open("fox.png") as picture:
        assert preview.size == picture.size
    assert {path.name for path in Path().iterdir()} == {"now.png", "fox.png"}


def terminal(
    command: list[str], answer: Callable[[bytes], bytes], size: tuple[int, int] = (40, 100)
) -> bytes:
    """What a program writes to a terminal that answers its questions."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    settings = environment() | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=settings, start_new_session=True
    )
    os.close(slave)
    written, end = b"", time.monotonic() + 120
    while time.monotonic() < end:
        if select.select([master], [], [], 0.2)[0]:
            try:
                chunk = os.read(master, 65536)
            except OSError:
                break
            written += chunk
            if reply := answer(chunk):
                os.write(master, reply)
        elif process.poll() is not None:
            break
    os.close(master)
    assert process.wait(30) == 0, written
    return written


SHOW = [*PROGRAM.split(), "t2i", "a fox", "--seed", "1", "--show"]


@pytest.mark.parametrize("size", [(40, 100), (0, 0)])
def test_a_terminal_that_knows_nothing_gets_half_blocks(size: tuple[int, int]) -> None:
    written = terminal(SHOW, lambda asked: b"", size).decode()
    assert written.count("▀") >= 64
    assert "38;2;1;0;99" in written.replace(";48;2;1;0;99", "")
    assert "t2i-1-0.png" in ANSI.sub("", written)


def test_a_terminal_with_sixel_gets_sixel() -> None:
    pytest.importorskip("textual_image", reason="the extra [show] is not installed")
    written = terminal(SHOW, lambda asked: b"\x1b[?62;4c" if b"\x1b[c" in asked else b"")
    assert b"\x1bP" in written
    assert "▀".encode() not in written


def test_kitty_gets_its_own_protocol() -> None:
    pytest.importorskip("textual_image", reason="the extra [show] is not installed")

    def kitty(asked: bytes) -> bytes:
        if b"\x1b[c" in asked:
            return b"\x1b[?62c"
        return b"\x1b_Gi=1;OK\x1b\\" if b"a=q" in asked else b""

    written = terminal(SHOW, kitty)
    assert b"\x1b_G" in written.replace(b"a=q", b"")
    assert b"f=100" in written


def test_a_preview_is_drawn_above_the_bar() -> None:
    program = [sys.executable, "-m", "unidiff_cli", "t2i", "a fox", "--model", "tiny"]
    written = terminal([*program, "--preview", "-", "-o", "fox.png"], lambda asked: b"").decode()
    assert written.count("▀") >= 64
    assert Path("fox.png").exists()
