"""Clip art's examination: what is read from a map, from pixels and from words, and the marks."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from typer.testing import CliRunner

from tests.fits import fits
from unidiff_cli.cli.app import app
from unidiff_cli.evaluate.clipart import claims, examination, flat, paint
from unidiff_cli.evaluate.clipart.claims import Claims, Thing
from unidiff_cli.evaluate.clipart.judge import CELLS, FEATURES, Judge, PlaceMap
from unidiff_cli.evaluate.clipart.marks import agreement, marks, shares, told
from unidiff_cli.evaluate.clipart.sight import Peak, Sight, look, places, sight

NOUNS = {n: n for n in ("fox", "car", "hot dog", "dog", "bread")} | {"foxes": "fox", "cars": "car"}
COLOURS = frozenset(("red", "blue", "orange", "green"))
PALETTE = {"white": (255, 255, 255), "blue": (64, 132, 242), "gray": (150, 152, 158)}
WORDS = ("fox", "car")


def read(caption: str) -> Claims:
    return claims.read(caption, NOUNS, COLOURS)


@pytest.mark.parametrize(
    ("caption", "things", "background", "relation"),
    [
        ("a red fox", [("fox", "red", 1)], "", ""),
        ("two small blue foxes on an orange background", [("fox", "blue", 2)], "orange", ""),
        ("a fox to the left of a red car", [("fox", "", 1), ("car", "red", 1)], "", "left of"),
        ("a hot dog below a fox, flat style", [("hot dog", "", 1), ("fox", "", 1)], "", "below"),
        ("a red fox and a car", [("fox", "red", 1), ("car", "", 1)], "", ""),
        ("Green bread.", [("bread", "green", 1)], "", ""),
        ("a man in the snow", [], "", ""),
        ("a foxy red carpet", [], "", ""),
    ],
)
def test_captions_are_read(caption: str, things: Any, background: str, relation: str) -> None:
    found = read(caption)
    assert found == Claims(tuple(Thing(*one) for one in things), background, relation)


def test_a_relation_is_true_from_the_other_side_too() -> None:
    said = read("a fox to the left of a car")
    assert said.relations("fox", "car") == {"left of", "next to"}
    assert said.relations("car", "fox") == {"right of", "next to"}
    assert read("a fox next to a car").relations("car", "fox") == {"next to"}
    assert read("a fox above a car").relations("car", "fox") == {"below"}
    assert not said.relations("car", "dog")


def painted(background: str, *discs: tuple[int, int, int, str]) -> Image.Image:
    """A picture of 128 px with discs (x, y, radius, colour)."""
    picture = Image.new("RGB", (128, 128), background)
    for x, y, radius, colour in discs:
        ImageDraw.Draw(picture).circle((x, y), radius, fill=colour)
    return picture


@pytest.mark.parametrize(
    ("rgb", "word"),
    [
        ((220, 40, 40), "red"),
        ((250, 146, 40), "orange"),
        ((250, 220, 60), "yellow"),
        ((60, 180, 80), "green"),
        ((60, 120, 240), "blue"),
        ((140, 80, 220), "purple"),
        ((250, 150, 190), "pink"),
        ((120, 76, 44), "brown"),
        ((128, 128, 128), ""),
    ],
)
def test_colours_are_named_by_their_pixels(rgb: tuple[int, int, int], word: str) -> None:
    black = np.zeros((60, 3), np.uint8)  # an outline has no say
    pixels = np.concatenate([np.full((40, 3), rgb, np.uint8), black])
    assert paint.colour(pixels) == word


def test_a_background_is_the_border_s_colour_and_must_be_near_a_name() -> None:
    blue = np.asarray(painted("#4084f2", (64, 64, 58, "red")))
    assert paint.background(blue, PALETTE) == "blue"
    assert paint.background(np.asarray(painted("#f5f5f5")), PALETTE) == "white"
    assert paint.background(np.asarray(painted("#e23a36")), PALETTE) == ""
    assert paint.things(blue).sum() == pytest.approx(np.pi * 58**2, rel=0.03)


def test_what_is_flat_spans_six_levels_at_most_in_every_channel() -> None:
    levels = np.full((128, 128, 3), 100, np.uint8)
    levels[64:, :, 2] = 106  # not seen
    assert flat.flat_share(Image.fromarray(levels)) == 1.0
    levels[64:, :, 2] = 107  # the rows on either side
    assert flat.flat_share(Image.fromarray(levels)) == 126 / 128
    levels[10, 20, 0] = 150  # a spot, with its neighbours
    assert flat.flat_share(Image.fromarray(levels)) == 126 / 128 - 9 / 128**2


def test_paint_is_of_all_pictures_and_corners_of_those_on_white() -> None:
    pale, blue = painted("#fbfbfb"), painted("#4084f2", (64, 64, 30, "red"))
    found = flat.paint([pale, blue], [True, False])
    assert found["corners"] == {"mean": 251.0, "interval": None, "n": 1, "spread": 0.0}
    shares = [flat.flat_share(pale), flat.flat_share(blue)]
    assert found["flat"]["mean"] == pytest.approx(np.mean(shares))
    away = 1.96 * abs(shares[0] - shares[1]) / 2  # of two, the standard error is half that
    assert np.diff(found["flat"]["interval"]) == pytest.approx(2 * away)
    assert "corners" not in flat.paint([blue], [False])


def fake_map(*peaks: tuple[int, int, int, float]) -> PlaceMap:
    """A map of one picture with things (noun, column, row, likelihood) and their slopes."""
    middles = torch.full((1, CELLS, CELLS), -9.0)
    nouns = torch.zeros(1, len(WORDS), CELLS, CELLS)
    y, x = np.mgrid[:CELLS, :CELLS]
    for noun, column, row, sure in peaks:
        slope = torch.tensor(sure * np.exp(-((x - column) ** 2 + (y - row) ** 2) / 2)).float()
        middles[0] = torch.maximum(middles[0], slope.clamp(1e-4, 1 - 1e-4).logit())
        near = torch.tensor(np.hypot(x - column, y - row) < 3)
        nouns[0, noun][near] = 5.0
    return PlaceMap(middles, nouns, torch.ones(1, FEATURES, CELLS, CELLS))


def test_two_peaks_are_two_things_and_a_faint_one_is_none() -> None:
    seen = fake_map((0, 3, 8, 0.9), (0, 12, 8, 0.8), (1, 8, 2, 0.2))
    found = sight(seen, 0, WORDS, PALETTE, np.asarray(painted("white")))
    assert found.nouns == Counter({"fox": 2})
    assert [(peak.x, peak.y) for peak in found.peaks] == [(3.0, 8.0), (12.0, 8.0)]


def test_a_middle_between_four_cells_is_one_thing() -> None:
    likely = np.zeros((CELLS, CELLS))
    likely[7:9, 7:9] = 0.78
    assert places(likely) == [(7, 7)]


def test_relations_on_the_map_are_not_swapped() -> None:
    beside = fake_map((0, 3, 8, 0.9), (1, 12, 9, 0.8))
    found = sight(beside, 0, WORDS, PALETTE, np.asarray(painted("white")))
    assert found.relations("fox", "car") == {"left of", "next to"}
    assert found.relations("car", "fox") == {"right of", "next to"}
    over = fake_map((1, 8, 3, 0.9), (0, 8, 12, 0.8))
    found = sight(over, 0, WORDS, PALETTE, np.asarray(painted("white")))
    assert found.relations("car", "fox") == {"above"}
    assert found.relations("fox", "car") == {"below"}


def test_each_thing_has_the_colour_of_its_own_pixels() -> None:
    picture = np.asarray(painted("#4084f2", (28, 68, 20, "#dc2828"), (100, 68, 20, "#3cb450")))
    seen = fake_map((0, 3, 8, 0.9), (1, 12, 8, 0.8))
    found = sight(seen, 0, WORDS, PALETTE, picture)
    assert (found.colour("fox"), found.colour("car")) == ("red", "green")
    assert found.background == "blue"
    assert found.colour("dog") in ("red", "green")


def test_pictures_of_any_size_are_looked_at() -> None:
    torch.manual_seed(0)
    judge = Judge(2, width=8).eval()
    pictures = [painted("white"), Image.new("RGB", (512, 512), "#4084f2")]
    seen = list(look(judge, WORDS, PALETTE, pictures))
    assert [one.background for one in seen] == ["white", "blue"]
    assert seen[0].features is not None
    assert float(np.linalg.norm(seen[0].features)) == pytest.approx(1, abs=1e-5)


def view(*peaks: tuple[str, float, float], **others: Any) -> Sight:
    return Sight(tuple(Peak(noun, 0.9, x, y) for noun, x, y in peaks), **others)


def test_marks_of_what_is_asked_and_of_nothing_else() -> None:
    red = view(("fox", 8, 8), background="blue", colours={"fox": "red"})
    assert marks(read("a fox"), red) == {"thing": True, "all": True}
    assert marks(read("a red fox on a blue background"), red) == {
        "thing": True,
        "colour": True,
        "thing and colour": True,
        "background": True,
        "all": True,
    }
    wrong = marks(read("a blue car on a white background"), red)
    assert not any(wrong.values())


def test_marks_of_numbers_and_of_two_things() -> None:
    two = view(("fox", 3, 8), ("fox", 12, 8))
    assert marks(read("two foxes"), two)["count"]
    assert not marks(Claims((Thing("fox", count=3),)), two)["count"]
    both = view(("fox", 3, 8), ("car", 12, 8))
    assert marks(read("a fox next to a car"), both)["relation"]
    assert marks(read("a car to the right of a fox"), both)["relation"]
    assert not marks(read("a car to the left of a fox"), both)["relation"]
    alone = marks(read("a fox next to a car"), two)
    assert (alone["two things"], alone["relation"]) == (False, False)


def test_a_caption_s_relation_counts_where_it_tells_one() -> None:
    truth = read("a fox to the left of a car")
    assert told(truth, read("a car to the right of a fox"))["relation"]
    assert told(truth, read("a fox next to a car"))["relation"]
    assert not told(truth, read("a car to the left of a fox"))["relation"]
    assert "relation" not in told(truth, read("a fox and a car"))
    assert told(truth, read("a fox and a car"))["all"]


def test_a_pair_agrees_when_its_caption_is_true_of_its_picture() -> None:
    seen = view(("fox", 8, 8), background="white", colours={"fox": "blue"})
    assert agreement(read("a fox on a white background"), seen)["agree"]
    assert not agreement(read("a fox on a blue background"), seen)["agree"]
    assert not agreement(read("a fox and a car"), seen)["agree"]
    assert agreement(read("nothing at all"), seen) == {"named": False, "agree": False}
    mistaken = agreement(read("a red fox"), seen)
    assert (mistaken["agree"], mistaken["colour"]) == (True, False)


def test_shares_are_of_those_that_have_the_mark() -> None:
    found = shares([{"thing": True}, {"thing": False, "count": True}])
    assert (found["thing"]["share"], found["thing"]["n"]) == (0.5, 2)
    assert (found["count"]["share"], found["count"]["n"]) == (1.0, 1)
    assert found["thing"]["interval"] == pytest.approx([0.0945, 0.9055], abs=1e-3)  # Wilson's
    assert found["count"]["interval"] == pytest.approx([0.2065, 1.0], abs=1e-3)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A judge that knows nothing, six prompts and six pictures, as unidiff's own."""
    from io import BytesIO

    from safetensors.torch import save_file

    torch.manual_seed(0)
    folder = tmp_path / "exam"
    folder.mkdir()
    tensors = {n: t.half() for n, t in Judge(2, 8).state_dict().items() if "batches" not in n}
    save_file(tensors, folder / "judge.safetensors")
    about = {"nouns": WORDS, "width": 8, "accuracy": {"known": 0.9, "unseen": 0.5}}
    (folder / "judge.json").write_text(json.dumps(about))
    groups = list(examination.GROUPS[:3]) * 2
    fox = {"things": [["fox", "red", 1]], "background": "blue"}
    told = {
        "palette": PALETTE,
        "colours": sorted(COLOURS),
        "words": NOUNS,
        "prompts": [{"text": "a red fox on a blue background", "group": g, **fox} for g in groups],
        "pictures": [{"captions": ["a red fox"], "group": g, **fox} for g in groups],
    }
    (folder / "examination.json").write_text(json.dumps(told))
    buffer = BytesIO()
    painted("#4084f2", (64, 64, 40, "red")).save(buffer, "WEBP")
    file = np.frombuffer(buffer.getvalue(), np.uint8)
    np.savez(
        folder / "examination.npz",
        data=np.tile(file, 6),
        offsets=np.arange(7) * len(file),
        features=np.eye(4, FEATURES, dtype=np.float16),
        thumbs=file,
    )
    monkeypatch.setattr(examination, "FOLDER", folder)
    return folder


def sit(*arguments: str) -> Any:
    common = ("--model", "tiny", "--steps", "2", "--progress", "none")
    return CliRunner().invoke(app, ["eval", "clipart", *common, *arguments], prog_name="unidiff")


def test_a_model_sits_the_examination(small: Path) -> None:
    amount = ("--quick", "--prompts", "6", "--pictures", "6", "--pairs", "2", "-o", "out")
    done = sit(*amount, "--json")
    assert done.exit_code == 0, done.output
    report = fits("eval", json.loads(done.stdout))
    assert {name: report["t2i"][name]["n"] for name in report["t2i"]} == {
        "trained": 2,
        "combination": 2,
        "drawing": 2,
    }
    assert report["t2i"]["trained"]["background"]["real"] == 1.0
    assert set(report["i2t"]["drawing"]) >= {"thing", "colour", "background", "cider-d"}
    assert report["joint"]["n"] == 2
    assert report["seeds"][0]["prompt"] == "a red fox"
    assert 0 < report["seeds"][0]["pixels"] < 1
    assert report["paint"]["made"]["flat"]["n"] == 6
    assert report["paint"]["real"]["flat"]["mean"] > 0.8 > report["paint"]["made"]["flat"]["mean"]
    assert "of what is drawn is flat" in report["notes"][-1]
    assert "the judge names 90% of the drawings that it learned from, and 50%" in report["notes"][0]
    assert {p.name for p in Path("out").glob("*.png")} == {"clipart.png", "nearest.png"}
    again = sit(*amount)
    assert again.exit_code == 0
    assert again.stdout.splitlines()[2].startswith("t2i, trained")
    assert json.loads(Path("out/clipart.json").read_text())["t2i"] == report["t2i"]


def test_another_examination_is_held_against_its_own_pictures(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examination, "FOLDER", Path(examination.__file__).parent)
    amount = ("--quick", "--prompts", "0", "--pairs", "0", "-o", "out")
    theirs = sit(*amount, "--pictures", "60", "--examination", str(small), "--json")
    assert theirs.exit_code == 0, theirs.output
    assert sum(group["n"] for group in json.loads(theirs.stdout)["i2t"].values()) == 6
    ours = sit(*amount, "--pictures", "2")
    assert ours.exit_code == 2
    assert "holds samples of another examination" in ours.stderr


def test_pairs_alone(small: Path) -> None:
    done = sit("--quick", "--prompts", "0", "--pictures", "0", "--pairs", "2", "-o", "out")
    assert done.exit_code == 0, done.stderr
    assert {p.name for p in Path("out").iterdir() if p.suffix != ".jsonl"} >= {"clipart.json"}
    assert not list(Path("out").glob("*.png"))


def test_nothing_asked_and_nothing_there(small: Path) -> None:
    nothing = sit("--prompts", "0", "--pictures", "0", "--pairs", "0")
    assert nothing.exit_code == 2
    (small / "examination.npz").unlink()
    absent = sit("--quick")
    assert absent.exit_code == 4
    assert "is not whole" in absent.stderr


def test_what_comes_with_the_package_is_whole_and_small() -> None:
    judge, about = examination.open_judge()
    whole = examination.Examination.open()
    assert (len(whole.prompts), len(whole.shots)) == (1000, 600)
    assert {thing.noun for shot in whole.shots for thing in shot.shows.things} <= set(
        about["nouns"]
    )
    assert judge(torch.zeros(1, 3, 128, 128)) is not None
    sizes = {path.name: path.stat().st_size for path in examination.FOLDER.iterdir()}
    assert sizes["judge.safetensors"] < 6 * 2**20
    assert sizes["examination.npz"] + sizes["examination.json"] < 3 * 2**20
