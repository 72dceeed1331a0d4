"""Captions beside the pictures of a folder."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.conftest import Cli
from tests.cli.test_shell import start

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
    assert "--existing skip, overwrite or append" in refused.stderr
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
        (["photos/sub", *BESIDE], 3, "photos/sub holds no picture."),
        (["photos", "--glob", "*.gif", *BESIDE], 3, "photos holds no picture like *.gif."),
        (["photos", "--force", "--existing", "skip", *BESIDE], 2, "one or the other"),
        (["photos", "--suffix", "a/b", *BESIDE], 2, "'a/b' is no suffix"),
        (["photos", "--suffix", "png", *BESIDE], 2, "photos/a.png is a picture."),
        (["photos/a.png", "--prefix", "zorp, "], 2, "--prefix is for --captions beside."),
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


def test_folders_inside_are_captioned_too_and_what_is_left_out_is_said(
    cli: Cli, photos: Path
) -> None:
    Image.new("RGB", (20, 20)).save(photos / "sub" / "d.png")
    (photos / "film.mp4").touch()
    done = cli("i2t", "photos", *BESIDE)
    assert done.stdout.splitlines()[-1] == "photos/sub/d.txt"
    assert done.stderr.count("1 .mp4") == 1


def test_a_blank_caption_is_none(cli: Cli, photos: Path) -> None:
    (photos / "a.txt").write_text("")
    (photos / "b.txt").write_bytes(b"\xef\xbb\xbf \n")
    assert cli("i2t", "photos", *BESIDE, "--skip-existing").exit_code == 0
    assert [(photos / f"{name}.txt").read_text() for name in "abc"] == [
        "words of seed 5\n",
        "words of seed 6\n",
        "words of seed 7\n",
    ]


def test_captions_as_trainers_want_them(cli: Cli, photos: Path) -> None:
    (photos / "b.caption").write_text("by hand\n")
    wanted = ("--suffix", "caption", "--prefix", "zorp, ", "--existing", "append")
    done = cli("i2t", "photos", *BESIDE, *wanted)
    assert done.stdout.splitlines() == [f"photos/{name}.caption" for name in "abc"]
    assert (photos / "a.caption").read_text() == "zorp, words of seed 5\n"
    assert (photos / "b.caption").read_text() == "by hand, words of seed 6\n"
    cli("i2t", "photos", *BESIDE, "--suffix", ".caption", "--existing", "overwrite")
    assert (photos / "b.caption").read_text() == "words of seed 6\n"
    assert not [path for path in photos.iterdir() if path.name.startswith(".")]


def test_two_share_a_folder(photos: Path) -> None:
    """Each caption is made once, by whoever came first, and lies beside its own picture."""
    names = [f"photo{n}" for n in ("", *(f"-{k}" for k in range(1, 9)))]
    for name in names:
        Image.new("RGB", (20, 20)).save(photos / f"{name}.png")
    both = [start("i2t", "photos", *BESIDE, "--existing", "skip", seconds=0.05) for _ in range(2)]
    told = [each.communicate(timeout=60) for each in both]
    assert [each.returncode for each in both] == [0, 0]
    written = b"".join(answers for answers, _ in told).decode().split()
    assert sorted(written) == sorted(f"photos/{name}.txt" for name in (*names, *"abc"))
    assert {path.suffix for path in photos.iterdir()} == {
        ".png",
        ".JPG",
        ".webp",
        ".md",
        ".txt",
        "",
    }


def test_a_claim_ends_with_its_process(cli: Cli, photos: Path) -> None:
    program = start("i2t", "photos", *BESIDE, "--existing", "skip", seconds=30)
    lock = photos / ".a.txt.lock"
    while not lock.exists():
        assert program.poll() is None
        time.sleep(0.02)
    elsewhere = cli("i2t", "photos", *BESIDE, "--existing", "skip")
    assert elsewhere.stdout == "photos/b.txt\nphotos/c.txt\n"
    assert "1 of 3 are captioned by another process" in elsewhere.stderr
    program.kill()
    program.communicate()
    assert cli("i2t", "photos", *BESIDE, "--existing", "skip").stdout == "photos/a.txt\n"
    assert not lock.exists()


def test_a_claim_ends_with_a_failure_or_an_interrupt(photos: Path) -> None:
    (photos / "a.png").write_bytes(b"\x89PNG")
    program = start("i2t", "photos", *BESIDE, "--existing", "skip", seconds=0.5)
    while not (photos / ".b.txt.lock").exists():
        assert program.poll() is None
        time.sleep(0.02)
    program.send_signal(signal.SIGINT)
    program.communicate(timeout=60)
    assert program.returncode == 130
    assert not list(photos.glob(".*"))
