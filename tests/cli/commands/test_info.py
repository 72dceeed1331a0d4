"""`unidiff info`: our pictures, those of others, and what is no picture."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from tests.cli.conftest import Cli


def test_our_picture_tells_everything(cli: Cli) -> None:
    cli("t2i", "a fox", "--seed", "3", "-o", "a.png")
    done = cli("info", "a.png")
    assert done.exit_code == 0
    said = [" ".join(text.split()) for text in done.stdout.splitlines()]
    assert said[0] == "a.png: PNG, 32 x 32"
    for row in ("prompt a fox", "seed 3", "solver ddim", "model starter", "size 32 x 32"):
        assert row in said


def test_as_json(cli: Cli) -> None:
    cli("joint", "--seed", "3", "-o", "a.webp")
    (known,) = map(json.loads, cli("info", "a.webp", "--json").stdout.splitlines())
    assert (known["file"], known["format"]) == ("a.webp", "WEBP")
    assert known["records"][0]["seed"] == 3
    assert known["records"][0]["outputs"] == [{"text": "words of\nseed 3"}]


def test_a_foreign_picture_tells_what_it_has(cli: Cli, photo: str) -> None:
    assert "It says nothing of how it was made." in cli("info", photo).stdout
    info = PngImagePlugin.PngInfo()
    info.add_itxt("parameters", "a cat\nSteps: 20 \x1b[2J")
    info.add_text("workflow", "{}")
    Image.new("RGB", (8, 8)).save("b.png", pnginfo=info)
    done = cli("info", "b.png")
    assert "another program's parameters:\n  a cat\n" in done.stdout
    assert "workflow" in done.stdout
    assert "\x1b" not in done.stdout


def test_a_program_that_leaves_no_settings_is_named(cli: Cli) -> None:
    mark = PngImagePlugin.PngInfo()
    mark.add_text("Software", "NovelAI")
    Image.new("RGB", (8, 8)).save("mark.png", pnginfo=mark)
    assert cli("info", "mark.png").stdout.splitlines()[1:] == [
        "  It has no record of unidiff, but NovelAI made it."
    ]


def test_a_record_of_the_future_is_said_to_be(cli: Cli) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("unidiff", '{"format": "unidiff", "version": 9}')
    Image.new("RGB", (8, 8)).save("b.png", pnginfo=info)
    assert "cannot be understood: it is of version 9" in cli("info", "b.png").stdout


def test_a_bad_file_among_others(cli: Cli, photo: str) -> None:
    Path("bad.png").write_text("words")
    assert cli("info", "bad.png").exit_code == 3
    done = cli("info", photo, "bad.png")
    assert done.exit_code == 6
    assert "photo.png" in done.stdout
    assert "bad.png is not a picture" in done.stderr
    assert cli("info", "bad.png", "none.png").exit_code == 3


@pytest.mark.parametrize("arguments", [[], ["--nonsense"]])
def test_wrong_use(arguments: list[str], cli: Cli) -> None:
    done = cli("info", *arguments)
    assert done.exit_code == 2
    assert "try: unidiff info --help" in done.stderr


def test_an_interval_is_no_size(cli: Cli) -> None:
    assert cli("t2i", "a fox", "--guidance-interval", "0,0.8", "-o", "a.png").exit_code == 0
    said = cli("info", "a.png").stdout
    assert "  guidance interval 0.0 to 0.8\n" in said
    assert "  size              32 x 32\n" in said


def test_a_broken_exif_header_is_no_matter(cli: Cli) -> None:
    Image.new("RGB", (8, 8)).save("a.png", exif=b"Exif\0\0nonsense")
    done = cli("info", "a.png")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "a.png: PNG, 8 x 8" in done.stdout


def test_a_file_among_several_that_cannot_be_read_is_an_event_for_programs(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNIDIFF_PROGRESS", "json")
    Image.new("RGB", (8, 8)).save("there.png")
    done = cli("info", "there.png", "none.png", "--json")
    assert (done.exit_code, json.loads(done.stderr)["code"]) == (6, "input.missing")
