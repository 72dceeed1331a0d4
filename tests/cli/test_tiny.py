"""The whole way with the model tiny: real networks, random weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from unidiff_cli.cli.app import app
from unidiff_cli.core.modes import MODES
from unidiff_cli.files.metadata import read_metadata


def unidiff(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--model", "tiny", "-q"], prog_name="unidiff")


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_every_mode(mode) -> None:
    Image.effect_noise((50, 40), 80).save("photo.png")
    given = {"text": ["a fox"], "image": ["photo.png"], None: []}[mode.needs]
    done = unidiff(mode.name, *given, "--seed", "3", "--steps", "2", "--json")
    assert done.exit_code == 0, done.stderr
    record = json.loads(done.stdout)
    (output,) = record["outputs"]
    assert set(output) == set(mode.yields)
    assert record["made_with"]["model"] == "tiny"
    if "image" in output:
        with Image.open(output["image"]) as picture:
            assert picture.size == ((50, 40) if mode.revises else (32, 32))
        (stored,) = read_metadata(output["image"]).records
        assert stored.request.to_json().items() <= record.items()


def test_a_sample_is_the_same_in_every_batch() -> None:
    assert unidiff("i", "-n", "3", "--seed", "5", "--batch-size", "3").exit_code == 0
    assert unidiff("i", "--seed", "6", "-o", "alone.png").exit_code == 0
    with Image.open("i-6-1.png") as one, Image.open("alone.png") as other:
        assert one.tobytes() == other.tobytes()


def test_settings_change_the_picture() -> None:
    pictures = set()
    for extra in (
        [],
        ["--steps", "3"],
        ["--solver", "ddim"],
        ["--guidance", "0"],
        ["--absent", "fixed"],
        ["--unconditional", "empty"],
        ["--final-denoise"],
        ["--v1-data", "web"],
        ["--seed", "2"],
    ):
        arguments = extra if "--seed" in extra else ["--seed", "1", *extra]
        done = unidiff("t2i", "a fox", *arguments)
        assert done.exit_code == 0, done.stderr
        with Image.open(done.stdout.strip()) as picture:
            pictures.add(picture.tobytes())
    assert len(pictures) == 9


def test_sizes() -> None:
    assert unidiff("i", "--size", "64x48", "-o", "wide.png").exit_code == 0
    with Image.open("wide.png") as picture:
        assert picture.size == (64, 48)


def test_a_bad_picture_among_good_ones() -> None:
    Image.effect_noise((50, 40), 80).save("a.png")
    Path("cut.png").write_bytes(Path("a.png").read_bytes()[:900])
    done = unidiff("i2t", "a.png", "cut.png", "a.png", "--seed", "1", "--steps", "1")
    assert done.exit_code == 6
    assert len(done.stdout.splitlines()) == 2
    assert "cut.png is damaged" in done.stderr
