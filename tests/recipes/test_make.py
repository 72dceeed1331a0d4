"""The whole recipe, from drawings to an examined model, in a trial that teaches nothing."""

from __future__ import annotations

import io
import json
import lzma
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from unidiff_cli.engine import tuner
from unidiff_cli.train.report import Lines

THINGS = ("bear", "bird", "butterfly", "cat", "chicken", "crab")
STYLES = ("twemoji", "fluent-flat", "noto")


@pytest.fixture
def art(tmp_path: Path) -> Path:
    """Discs for drawings, as build.py would write them."""
    files, rows = [], []
    for number, (thing, style) in enumerate(product(THINGS, STYLES)):
        picture = Image.new("RGBA", (128, 128))
        ImageDraw.Draw(picture).ellipse((20, 20, 100, 108), (40 * (number % 6), 120, 200, 255))
        buffer = io.BytesIO()
        picture.save(buffer, "WEBP", lossless=True)
        files.append(buffer.getvalue())
        split = "val" if (thing, style) == ("bear", "noto") else "train"
        rows.append({"name": thing, "vendor": style, "tone": 0, "colours": [], "split": split})
    folder = tmp_path / "art"
    folder.mkdir()
    offsets = np.cumsum([0, *map(len, files)]).astype(np.int64)
    data = np.frombuffer(b"".join(files), np.uint8)
    np.savez(folder / "clipart128-webp.npz", data=data, offsets=offsets)
    with lzma.open(folder / "clipart.jsonl.xz", "wt") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)
    return folder


def test_from_drawings_to_an_examined_model(
    tmp_path: Path, art: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from make import configuration, make
    from stages import STAGES

    monkeypatch.setattr(tuner, "FINE", 16)
    out, said = tmp_path / "out", io.StringIO()
    make(out, configuration(small=True), art, Lines(said))
    config = json.loads((out / "starter" / "config.json").read_text())
    assert config["vae"]["decoder"]["block_out_channels"] == [16, 16, 16, 32]
    assert config["uvit"]["dim"] == 32
    assert "cat" in json.loads((out / "starter" / "words.json").read_text())
    report = json.loads((out / "examination" / "clipart.json").read_text())
    assert report["joint"]["n"] == 1
    kept = json.loads((out / "clock.json").read_text())
    assert all(kept[stage]["done"] for stage in STAGES)
    assert "stage 6 of 9, uvit; about " in said.getvalue()
    assert "t2i, 2 steps: off by" in said.getvalue()
    assert (out / "starter" / "tuned.json").exists()
    assert "step 2 of 2" in said.getvalue()

    again = io.StringIO()
    make(out, configuration(small=True), art, Lines(again))
    assert again.getvalue().splitlines() == [
        f"done: {out / 'starter'}, examined in {out / 'examination'}"
    ]


def test_a_sitting_goes_on_where_the_last_one_ended(
    tmp_path: Path, art: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import stages
    from make import configuration, make

    begun: list[str] = []

    def stopped(_: stages.Kitchen) -> None:
        begun.append("vae")
        raise KeyboardInterrupt

    monkeypatch.setattr("make.STAGES", {"scenes": stages.scenes, "vae": stopped})
    config = configuration(small=True)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            make(tmp_path / "out", config, art, Lines(io.StringIO()))
    assert begun == ["vae", "vae"]
    kept = json.loads((tmp_path / "out" / "clock.json").read_text())
    assert (kept["scenes"]["done"], kept["vae"]["done"]) == (True, False)


def test_the_clock_knows_what_is_left_at_the_pace_of_what_is_done(tmp_path: Path) -> None:
    from clock import Clock

    time = [0.0]
    clock = Clock(tmp_path / "clock.json", {"a": 10, "b": 20, "c": 30}, lambda: time[0])
    assert clock.line("a") == "stage 1 of 3, a; about 1 h 00 min left"
    with clock.running("a"):
        time[0] += 1200  # twice as long as was thought
    assert clock.left() == 2 * 50 * 60

    def interrupted() -> None:
        with clock.running("b"):
            time[0] += 600
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (clock.done("a"), clock.done("b")) == (True, False)
    assert clock.line("b") == "stage 2 of 3, b after 10 min 00 s; about 1 h 30 min left"


def test_what_is_no_folder_of_the_recipe_is_not_removed(tmp_path: Path) -> None:
    from make import cleared

    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(SystemExit, match="choose another"):
        cleared(tmp_path)
    (tmp_path / "clock.json").write_text("{}")
    cleared(tmp_path)
    assert not tmp_path.exists()


def test_a_trial_changes_sizes_and_no_more() -> None:
    from make import configuration

    def keys(table: Any) -> Any:
        return {k: keys(v) for k, v in table.items()} if isinstance(table, dict) else None

    whole, small = configuration(small=False), configuration(small=True)
    assert small["vae"]["part"]["net"]["latent_channels"] == 16
    assert [x["name"] for x in small["uvit"]["lessons"]] == [
        x["name"] for x in whole["uvit"]["lessons"]
    ]
    del small["examination"]["steps"]
    for table in (whole, small):
        del table["uvit"]["lessons"]
    assert keys(small) == keys(whole)
