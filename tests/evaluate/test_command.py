"""`unidiff eval` as it is typed: tables, JSON, notes, exit codes; guidance on `tiny`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from tests.evaluate.conftest import Pictures
from tests.fits import fits
from unidiff_cli.cli.app import app

Eval = Callable[..., Result]


@pytest.fixture
def run() -> Eval:
    return lambda *arguments: CliRunner().invoke(
        app, ["eval", *map(str, arguments)], prog_name="unidiff"
    )


def answers(result: Result) -> list[dict[str, Any]]:
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return [fits("eval", json.loads(line)) for line in result.stdout.splitlines()]


def test_systems_in_one_table(run: Eval, pictures: Pictures, random_clip: str) -> None:
    pictures("real", 30, seed=1), pictures("ours", 20, seed=2)
    lines = [{"image": f"real/{n:03}.png"} for n in range(30)]
    Path("same.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    done = run("fid", "real", "ours", "same.jsonl", "--features", random_clip)
    assert done.exit_code == 0
    heading, _, *table = done.stdout.splitlines()
    assert heading.split() == ["SYSTEM", "FID", "95%", "N", "REFERENCES", "FEATURES"]
    assert [row.split()[0] for row in table] == ["ours", "same.jsonl"]
    assert [row.split()[3:] for row in table] == [
        ["20", "30", random_clip],
        ["30", "30", random_clip],
    ]
    assert "note: FID of 20 pictures is unreliable" in done.stderr
    ours, same = answers(
        run("fid", "real", "ours", "same.jsonl", "--features", random_clip, "--json")
    )
    assert (ours["n"], ours["n_references"], ours["width"]) == (20, 30, 16)
    assert abs(same["fid"]) < 1e-4 < ours["fid"]


def test_too_few_for_fid_are_enough_for_kid(
    run: Eval, pictures: Pictures, random_clip: str
) -> None:
    pictures("real", 16, seed=1), pictures("ours", 16, seed=2)
    refused = run("fid", "real", "ours", "--features", random_clip)
    assert refused.exit_code == 2
    assert "16 pictures are too few for FID with features of 16 numbers" in refused.stderr
    (one,) = answers(run("kid", "real", "ours", "--features", random_clip, "--json"))
    assert one["deviation"] is None
    assert one["notes"] == [
        "KID is of subsets of 16, not 1000: there are no more pictures",
        "16 pictures say little",
    ]
    (two,) = answers(
        run("kid", "real", "ours", "--features", random_clip, "--json", "--subset-size", 8)
    )
    assert two["deviation"] > 0


def test_absent_weights_are_said_before_anything_is_read(
    run: Eval, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(Path.cwd()))
    pictures("real", 2)
    done = run("kid", "real", "real")
    assert (done.exit_code, done.stdout) == (4, "")
    assert "InceptionV3 that FID was published with is not on this machine" in done.stderr
    assert run("clip-score", "real").exit_code == 3
    Path("real/000.txt").write_text("a"), Path("real/001.txt").write_text("b")
    done = run("clip-score", "real")
    assert done.exit_code == 4
    assert "hf download openai/clip-vit-large-patch14" in done.stderr


def test_without_torchmetrics(
    run: Eval, pictures: Pictures, random_clip: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("image.fid", "image.kid"):
        monkeypatch.setitem(sys.modules, f"torchmetrics.{name}", None)
    pictures("real", 2)
    done = run("kid", "real", "real", "--features", random_clip)
    assert done.exit_code == 2
    assert "pip install 'unidiff-cli[eval]'" in done.stderr


def test_clip_score(run: Eval, pictures: Pictures, random_clip: str) -> None:
    folder = pictures("ours", 5, words="a block")
    done = run("clip-score", folder, "--clip", random_clip, "--plot", "scores.png", "--json")
    (one,) = answers(done)
    assert (one["n"], one["clip"], done.exit_code) == (5, random_clip, 0)
    with Image.open("scores.png") as chart:
        assert chart.format == "PNG"
    assert run("clip-score", folder, "--clip", random_clip, "--plot", "scores.png").exit_code == 8
    (folder / "003.png").write_text("words")
    done = run("clip-score", folder, "--clip", random_clip)
    assert done.exit_code == 6
    assert "003.png is not a picture" in done.stderr
    assert done.stdout.splitlines()[2].split()[-2:] == ["4", random_clip]


def test_caption(run: Eval) -> None:
    line = {"status": "ok", "mode": "i2t", "image": "x.png", "outputs": [{"text": "a red fox"}]}
    Path("ours.jsonl").write_text(json.dumps(line) + "\n")
    Path("theirs.jsonl").write_text('{"image": "a/x.png", "text": "a dog", "nouns": ["dog"]}\n')
    Path("people.jsonl").write_text('{"image": "x.png", "references": ["A red fox.", "A fox"]}\n')
    done = run("caption", "ours.jsonl", "theirs.jsonl", "--references", "people.jsonl", "--json")
    ours, theirs = answers(done)
    assert (ours["exact"], ours["bleu-1"], ours["tokenizer"]) == (1, 1, "python")
    assert (theirs["exact"], theirs["noun"], theirs["bleu-4"]) == (0, 1, 0)
    done = run("caption", "ours.jsonl", "--references", "people.jsonl")
    table = [line.split() for line in done.stdout.splitlines()]
    assert table[0][:2] == ["SYSTEM", "CIDER-D"]
    assert [row[0] for row in table[2:]] == ["ours.jsonl", "95%", "perfect"]
    assert table[4][1:3] == [f"{ours['perfect'][name]:.4g}" for name in ("cider-d", "bleu-1")]
    assert "a set of 1 tells it little" in done.stderr
    assert run("caption", "ours.jsonl").exit_code == 3


def test_two_systems_on_the_same_items(run: Eval, pictures: Pictures, random_clip: str) -> None:
    pictures("real", 30, seed=1), pictures("ours", 26, seed=2, words="a")
    pictures("theirs", 30, seed=3, words="a")
    (Path("ours") / "025.png").write_text("no picture")
    for metric in ("fid", "kid"):
        done = run(
            metric, "real", "ours", "theirs", "--features", random_clip, "--paired", "--json"
        )
        ours, theirs, apart = answers(done)
        assert (ours["n"], theirs["n"], apart["n"], done.exit_code) == (25, 30, 25, 6)
        assert (apart["system"], apart["minus"]) == ("ours", "theirs")
        low, high = apart["interval"]
        assert low < apart[metric] < high
    shown = run("clip-score", "ours", "theirs", "--clip", random_clip, "--paired").stdout
    assert shown.splitlines()[-1].split()[:3] == ["ours", "-", "theirs"]
    *_, apart = answers(
        run("clip-score", "ours", "ours", "--clip", random_clip, "--paired", "--json")
    )
    assert (apart["clip-score"], apart["interval"], apart["n"]) == (0, [0, 0], 25)
    refused = run("fid", "real", "ours", "--features", random_clip, "--paired")
    assert refused.exit_code == 2
    assert "--paired compares two systems; there are 1" in refused.stderr
    Path("other").mkdir()
    Path("ours/000.png").rename("other/x.png")
    Path("other/x.txt").write_text("a")
    refused = run("clip-score", "ours", "other", "--clip", random_clip, "--paired")
    assert refused.exit_code == 3
    assert "ours and other have no item in common" in refused.stderr


def test_guidance_on_tiny(run: Eval, pictures: Pictures, random_clip: str) -> None:
    Path("prompts.txt").write_text("".join(f"thing {n}\n" for n in range(20)))
    pictures("real", 18, seed=1), pictures("few", 2, seed=2)
    settings = ("--model", "tiny", "--steps", 1, "--solver", "ddim", "--clip", random_clip)
    settings += ("--features", random_clip, "--references", "real", "--prompts", "prompts.txt")
    settings += ("--pictures", "few", "--limit", 17, "--device", "cpu", "--json")
    done = run("guidance", *settings, "--scales", "0,7", "-o", "study")
    (report,) = answers(done)
    assert done.exit_code == 0, done.stderr
    assert [each["guidance"] for each in report["scales"]] == [0, 7]
    for each in report["scales"]:
        assert (each["t2i"]["n"], each["i2t"]["n"]) == (17, 2)
        assert each["t2i"]["fid"] > 0
        assert each["t2i"]["kid"] is not None
    assert report["made_with"]["model"] == "tiny"
    assert json.loads(Path("study/guidance.json").read_text()) == report
    with Image.open("study/guidance.png") as chart:
        assert chart.width == 3 * chart.height * 560 // 440
    stamps = {path: path.stat().st_mtime_ns for path in Path("study/pictures").iterdir()}
    assert len(stamps) == 34
    (more,) = answers(run("guidance", *settings, "--scales", "7,0,3", "-o", "study"))
    assert [more["scales"][0], more["scales"][2]] == report["scales"]
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items())
    other = run("guidance", *settings, "--scales", "0", "-o", "study", "--seed", 5)
    assert other.exit_code == 2
    assert "study holds results of other prompts or settings" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "needs --prompts, --pictures or both"),
        (("--pictures", "x", "--references", "x"), "--references are for pictures of t2i"),
        (("--prompts", "p.txt", "--scales", "a"), "'a' is no list of scales"),
        (("--prompts", "p.txt", "--scales", "-1"), "guidance is a number from 0"),
    ],
)
def test_guidance_is_refused_at_once(run: Eval, arguments: tuple[str, ...], message: str) -> None:
    Path("p.txt").write_text("a fox\n")
    done = run("guidance", *arguments, "-o", "study")
    assert done.exit_code == 2
    assert message in done.stderr
    assert not Path("study").exists()
