"""Captions beside the pictures of a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.conftest import Cli

BESIDE = ("--captions", "beside", "--seed", "5")


@pytest.fixture
def photos() -> Path:
    folder = Path("photos")
    (folder / "sub").mkdir(parents=True)
    for name in ("c.webp", "a.png", "b.JPG"):
        Image.new("RGB", (20, 20), "red").save(folder / name)
    (folder / "notes.md").write_text("no picture")
    return folder


def test_each_picture_of_a_folder_gets_a_file(cli: Cli, photos: Path) -> None:
    done = cli("i2t", "photos", *BESIDE)
    assert (done.exit_code, done.stdout) == (0, "photos/a.txt\nphotos/b.txt\nphotos/c.txt\n")
    assert (photos / "a.txt").read_text() == "words of seed 5\n"
    assert (photos / "c.txt").read_text() == "words of seed 7\n"


def test_what_has_a_caption_is_left_alone(cli: Cli, photos: Path) -> None:
    (photos / "b.txt").write_text("by hand\n")
    refused = cli("i2t", "photos", *BESIDE)
    assert refused.exit_code == 8
    assert "photos/b.txt exists already." in refused.stderr
    assert not (photos / "a.txt").exists()
    done = cli("i2t", "photos", *BESIDE, "--skip-existing")
    assert done.stdout == "photos/a.txt\nphotos/c.txt\n"
    assert (photos / "b.txt").read_text() == "by hand\n"
    # The seed is that of the picture's place, whatever is skipped.
    assert (photos / "c.txt").read_text() == "words of seed 7\n"
    again = cli("i2t", "photos", *BESIDE, "--skip-existing")
    assert (again.exit_code, again.stdout) == (0, "")
    assert "3 of 3 have a caption already" in again.stderr
    cli("i2t", "photos", *BESIDE, "--force")
    assert (photos / "b.txt").read_text() == "words of seed 6\n"


def test_a_damaged_picture_does_not_stop_the_others(cli: Cli, photos: Path) -> None:
    (photos / "b.JPG").write_bytes(b"\xff\xd8\xff")
    done = cli("i2t", "photos", *BESIDE, "--json")
    assert done.exit_code == 6
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["status"] for record in found] == ["ok", "error", "ok"]
    assert [(photos / f"{name}.txt").exists() for name in "abc"] == [True, False, True]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["photos", "-o", "x", *BESIDE], 2, "Leave out -o and -n"),
        (["photos", "-n", "2", *BESIDE], 2, "Leave out -o and -n"),
        (["photos/sub", *BESIDE], 3, "There is no picture in photos/sub."),
        (["missing", *BESIDE], 3, "There is no file missing."),
        ([*BESIDE], 2, "Nothing was named."),
        (["photos/a.png", "--skip-existing"], 2, "--skip-existing is for"),
    ],
)
def test_wrong_use(cli: Cli, photos: Path, arguments: list[str], code: int, words: str) -> None:
    done = cli("i2t", *arguments)
    assert done.exit_code == code
    assert words in done.stderr
    assert not list(photos.glob("*.txt"))


def test_one_caption_file_is_not_shared(cli: Cli, photos: Path) -> None:
    Image.new("RGB", (20, 20)).save(photos / "a.gif")
    done = cli("i2t", "photos", *BESIDE)
    assert done.exit_code == 2
    assert "photos/a.gif and photos/a.png" in done.stderr


def test_what_only_looks_like_a_picture_is_passed_over(cli: Cli, photos: Path) -> None:
    (photos / "._a.png").write_bytes(b"what macOS leaves beside it")
    (photos / "album.png").mkdir()
    done = cli("i2t", "photos", *BESIDE)
    assert (done.exit_code, done.stdout) == (0, "photos/a.txt\nphotos/b.txt\nphotos/c.txt\n")


def test_a_name_that_is_too_long_is_no_file(cli: Cli) -> None:
    assert cli("i2t", "a" * 300, *BESIDE).exit_code == 3
