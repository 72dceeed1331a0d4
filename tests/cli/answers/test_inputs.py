"""What is given: prompts and pictures, on standard input, from pipes and folders."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
from PIL import Image

from tests.cli import fake
from tests.cli.conftest import Cli, Shell


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85", "\v", "\f"], ids=ascii)
def test_only_the_end_of_a_line_ends_a_prompt(cli: Cli, mark: str) -> None:
    assert cli("t2i2t", input=f"a fox{mark}in snow\r\n\nan owl").exit_code == 0
    assert [sample.prompt for sample in fake.SEEN] == [f"a fox{mark}in snow", "an owl"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_is_no_part_of_a_prompt(cli: Cli, encoding: str) -> None:
    assert cli("t2i2t", "-", input="a café\r\nan owl\r\n".encode(encoding)).exit_code == 0
    assert [sample.prompt for sample in fake.SEEN] == ["a café", "an owl"]


@pytest.fixture
def folder() -> Path:
    """Pictures and more."""
    Path("photos/sub").mkdir(parents=True)
    for name in ("b.png", "a.jpg", "sub/c.png"):
        Image.new("RGB", (20, 20), "red").save(Path("photos", name))
    Path("photos/film.mp4").touch()
    return Path("photos")


@pytest.mark.parametrize("mode", ["i2t", "i2t2i"])
def test_a_folder_stands_for_its_pictures(cli: Cli, folder: Path, mode: str) -> None:
    done = cli(mode, "photos/", "--json", "--seed", "1")
    assert done.exit_code == 0, done.stderr
    assert [json.loads(row)["image"] for row in done.stdout.splitlines()] == [
        "photos/a.jpg",
        "photos/b.png",
        "photos/sub/c.png",
    ]
    assert "left out" in done.stderr
    assert "1 .mp4" in done.stderr
    assert cli(mode, "photos", "--glob", "*.png", "--json").stdout.count("\n") == 2


def test_folders_of_info_and_replay(cli: Cli, folder: Path) -> None:
    done = cli("info", "photos", "--json", "--glob", "*.png")
    assert [json.loads(row)["file"] for row in done.stdout.splitlines()] == [
        "photos/b.png",
        "photos/sub/c.png",
    ]
    cli("i", "-n", "2", "--seed", "1", "-o", "made/")
    assert cli("replay", "made", "--json", "-o", "again/").stdout.count('"ok"') == 2
    assert cli("replay", "photos").exit_code == 3


def piped(data: bytes) -> str:
    """The name of a pipe that holds the bytes, and holds them once."""
    read, write = os.pipe()

    def fill() -> None:
        with open(write, "wb") as pipe:
            pipe.write(data)

    threading.Thread(target=fill, daemon=True).start()
    return f"/dev/fd/{read}"


def test_a_pipe_is_a_file(cli: Cli) -> None:
    Image.new("RGB", (400, 300), "red").save("a.png")
    picture = Path("a.png").read_bytes()
    for command in ("i2t", "i2t2i", "info"):
        assert cli(command, piped(picture)).exit_code == 0
    for command in ("chain", "interpolate"):
        again = (piped(picture),) if command == "interpolate" else ("--rounds", "1")
        cli(command, piped(picture), *again, "-o", f"{command}/")
    assert cli("t2i2t", piped(b"\xef\xbb\xbfa fox\n")).exit_code == 0
    assert fake.SEEN[-1].prompt == "a fox"
    record = cli("t", "--json", "--seed", "3").stdout.encode("utf-8-sig")
    assert cli("replay", piped(record)).stdout == "words of seed 3\n"
    cli("i", "--seed", "1", "-o", "made.png")
    made = Path("made.png").read_bytes()
    assert cli("replay", piped(made), "-o", "again.png").exit_code == 0


def test_a_file_in_dev_is_standard_input(shell: Shell) -> None:
    Image.new("RGB", (40, 30), "red").save("a.png")
    done = shell("cat a.png | unidiff i2t /dev/stdin -q --seed 1")
    assert (done.stdout, done.stderr) == (b"words of seed 1\n", b"")


def test_a_damaged_profile_is_noted_once(cli: Cli) -> None:
    for name in ("a.png", "b.png"):
        Image.new("RGB", (9, 9), "red").save(name, icc_profile=b"nothing")
    done = cli("i2t", "a.png", "b.png", "-n", "2")
    assert done.exit_code == 0
    for name in ("a.png", "b.png"):
        assert done.stderr.count(f"{name}: its colour profile is damaged and passed over") == 1
    assert "profile" not in cli("i2t", "a.png", "-q").stderr
