"""`unidiff edit` and what bends a path, as commands on the model of random weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.cli.commands.conftest import Run
from unidiff_cli.cli.commands.info import lines
from unidiff_cli.files.metadata import read_metadata
from unidiff_cli.files.pictures import open_picture

QUICK = ["--steps", "2", "--seed", "3"]


@pytest.fixture
def mask() -> str:
    """A file: the right half of b.jpg may change."""
    picture = Image.new("L", (80, 50), 0)
    ImageDraw.Draw(picture).rectangle((40, 0, 79, 49), fill=255)
    picture.save("mask.png")
    return "mask.png"


def info(name: str) -> str:
    """What `unidiff info` tells of a picture."""
    return "\n".join(lines(name, read_metadata(name)))


def test_pictures_and_a_prompt_are_told_apart(run: Run, pictures: tuple[str, str]) -> None:
    done = run("edit", *pictures, "a red fox", "-n", "2", *QUICK, "--json")
    assert done.exit_code == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(r["image"], r["prompt"], r["seed"], r["strength"]) for r in records] == [
        ("a.png", "a red fox", 3, 0.6),
        ("a.png", "a red fox", 4, 0.6),
        ("b.jpg", "a red fox", 5, 0.6),
        ("b.jpg", "a red fox", 6, 0.6),
    ]
    sizes = [open_picture(r["outputs"][0]["image"]).size for r in records]
    assert sizes == [(64, 64), (64, 64), (80, 50), (80, 50)]


def test_a_folder_stands_for_its_pictures_and_words_may_be_missing(run: Run) -> None:
    Path("photos").mkdir()
    for name in "ab":
        Image.effect_noise((40, 40), 50).save(f"photos/{name}.png")
    done = run("edit", "photos", *QUICK, "-o", "out/{name}.png")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines() == ["out/a.png", "out/b.png"]


def test_a_picture_comes_from_stdin(run: Run, pictures: tuple[str, str]) -> None:
    data = Path(pictures[0]).read_bytes()
    done = run("edit", "-", "a fox", *QUICK, "-o", "out.png", input=data)
    assert done.exit_code == 0, done.stderr
    named = run("edit", pictures[0], "a fox", *QUICK, "-o", "same.png")
    assert named.exit_code == 0
    assert open_picture("out.png").tobytes() == open_picture("same.png").tobytes()


def test_the_pixels_outside_a_mask_are_the_inputs(
    run: Run, pictures: tuple[str, str], mask: str
) -> None:
    done = run(
        "edit", pictures[1], "a fox", "--mask", mask, "--feather", "3", *QUICK, "-o", "m.png"
    )
    assert done.exit_code == 0, done.stderr
    made, given = (np.asarray(open_picture(each)) for each in ("m.png", pictures[1]))
    assert np.array_equal(made[:, :40], given[:, :40])
    assert not np.array_equal(made[:, 40:], given[:, 40:])
    (record,) = read_metadata("m.png").records
    assert (record.request.mask, record.request.strength) == (mask, 1.0)
    assert f"was made of the picture '{pictures[1]}'" in run("replay", "m.png", "--check").stderr
    again = ["replay", "m.png", "--check", "--image", pictures[1]]
    assert "is not opened on a record's word" in run(*again).stderr
    assert run(*again, "--mask", mask).stdout == "m.png: same pixels\n"


def test_a_mask_comes_from_stdin_unless_the_picture_does(
    run: Run, pictures: tuple[str, str], mask: str
) -> None:
    data = Path(mask).read_bytes()
    done = run("edit", pictures[1], "a fox", "--mask", "-", *QUICK, "-o", "m.png", input=data)
    assert done.exit_code == 0, done.stderr
    for arguments in (["-", "a fox"], ["a fox"]):
        done = run("edit", *arguments, "--mask", "-", *QUICK, input=data)
        assert done.exit_code == 2
        assert "cannot be its mask too" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["a.png", "x", "y"], 2, "one prompt"),
        (["nowhere.png", "x"], 3, "no file nowhere.png"),
        (["a.png", "x", "--strength", "2"], 2, "from 0 to 1"),
        (["a.png", "x", "--extend", "1,2"], 2, "four numbers"),
        (["a.png", "x", "--extend", "a,b,c,d"], 2, "LEFT,TOP,RIGHT,BOTTOM"),
        (["a.png", "x", "--mask", "nowhere.png"], 3, "no file nowhere.png"),
        (["a.png", "x", "--feather", "2"], 2, "there is none"),
        (["a.png", "--best-of", "2"], 2, "no such pair"),
        (["a.png", "x", "--negative", "y", "--unconditional", "empty"], 2, "not from both"),
    ],
)
def test_what_is_wrong_is_a_sentence(
    run: Run, pictures: tuple[str, str], arguments: list[str], code: int, sentence: str
) -> None:
    done = run("edit", *arguments)
    assert done.exit_code == code, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_words_besides_the_prompt_are_recorded_and_replayed(run: Run) -> None:
    words = ["--negative", "a white ground", "--and", "snow:0.5", "--and", "an owl"]
    done = run("t2i", "a fox", *words, "--text-level", "0.2", *QUICK, "-o", "made.png")
    assert done.exit_code == 0, done.stderr
    known = read_metadata("made.png")
    request = known.records[0].request
    assert request.negative == "a white ground"
    assert request.also == (("snow", 0.5), ("an owl", 1.0))
    assert request.text_level == 0.2
    assert "\n  and               snow:0.5; an owl:1\n" in info("made.png")
    assert "\nNegative prompt: a white ground\n" in (known.parameters or "")
    assert run("replay", "made.png", "--check").stdout == "made.png: same pixels\n"
    other = run("replay", "made.png", "--negative", "night", "-o", "other.png", "--json")
    assert json.loads(other.stdout)["negative"] == "night"


def test_a_prompt_that_is_not_told_takes_all_words_with_it(run: Run) -> None:
    done = run("t2i", "a fox", "--negative", "secret", "--no-prompt", *QUICK, "-o", "made.png")
    assert done.exit_code == 0, done.stderr
    assert b"secret" not in Path("made.png").read_bytes()


def test_strengths_and_levels_are_swept(run: Run, pictures: tuple[str, str]) -> None:
    done = run("sweep", pictures[0], "a fox", "--strength", "0.3,0.9", *QUICK, "--json")
    *cells, _sheet = map(json.loads, done.stdout.splitlines())
    assert [(c["mode"], c["prompt"], c["strength"]) for c in cells] == [
        ("edit", "a fox", 0.3),
        ("edit", "a fox", 0.9),
    ]
    done = run(
        "sweep", "a fox", "--negative", "snow;night", "--text-level", "0,0.5", *QUICK, "--json"
    )
    *cells, _sheet = map(json.loads, done.stdout.splitlines())
    assert [(c["negative"], c["text_level"]) for c in cells] == [
        ("snow", 0.0),
        ("snow", 0.5),
        ("night", 0.0),
        ("night", 0.5),
    ]
    done = run("sweep", "a fox", "--and", "snow;snow:0.5; ice:-1", *QUICK, "--json")
    *cells, _sheet = map(json.loads, done.stdout.splitlines())
    assert [c["also"] for c in cells] == [[["snow", 1]], [["snow", 0.5]], [["ice", -1]]]
    alone = run("sweep", "a fox", "--strength", "0.3,0.9")
    assert alone.exit_code == 2
    assert "Name the picture too" in alone.stderr


def test_the_best_of_several_is_recorded(run: Run) -> None:
    done = run("t2i", "a fox", "--best-of", "3", *QUICK, "--json", "-o", "best.png")
    assert done.exit_code == 0, done.stderr
    record = json.loads(done.stdout)
    (output,) = record["outputs"]
    assert record["best_of"] == 3
    run("t2i", "a fox", "--steps", "2", "--seed", str(output["seed"]), "-o", "alone.png")
    assert open_picture("best.png").tobytes() == open_picture("alone.png").tobytes()
    assert read_metadata("best.png").records[0].outputs[0].fit == output["fit"]
    told = info("best.png")
    assert f"  kept seed         {output['seed']}\n" in told
    assert "\n  fit  " in told


def test_score_tells_the_texts_in_order(run: Run, pictures: tuple[str, str]) -> None:
    Path("labels.txt").write_text("a fox\nan owl\n\na hare\n")
    done = run("score", *pictures, "a fox", "--labels", "labels.txt", "--top", "2", "--json")
    assert done.exit_code == 0, done.stderr
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert (first["image"], second["image"]) == pictures
    assert first["made_with"]["model"] == "tiny"
    assert len(first["fits"]) == 2
    assert first["fits"][0]["score"] >= first["fits"][1]["score"]
    table = run("score", pictures[0], "a fox", "an owl").stdout
    assert table.startswith("a.png\nTEXT")
    assert {"a fox", "an owl"} <= set(table.replace("  ", "\n").splitlines())
    piped = run("score", pictures[0], "--labels", "-", "--json", input=b"a fox\n\n a hare \n")
    (line,) = piped.stdout.splitlines()
    assert {fit["text"] for fit in json.loads(line)["fits"]} == {"a fox", "a hare"}
    both = run("score", "-", "--labels", "-", input=Path(pictures[0]).read_bytes())
    assert (both.exit_code, "read only once" in both.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["a.png"], 2, "no text to score"),
        (["a fox"], 2, "no picture to score"),
        (["a.png", "a fox", "--labels", "nowhere.txt"], 2, "nowhere.txt"),
        (["a.png", "a fox", "--top", "0"], 2, "from 1"),
    ],
)
def test_score_says_what_is_missing(
    run: Run, pictures: tuple[str, str], arguments: list[str], code: int, sentence: str
) -> None:
    done = run("score", *arguments)
    assert done.exit_code in (code, 3), done.stderr
    assert sentence in done.stderr


def test_a_bad_picture_leaves_the_others_scored(run: Run, pictures: tuple[str, str]) -> None:
    Path("bad.png").write_bytes(b"\x89PNG nothing")
    done = run("score", "bad.png", pictures[0], "a fox")
    assert done.exit_code == 6
    assert done.stdout.startswith("a.png")


def test_eval_score_is_a_judge(run: Run, pictures: tuple[str, str]) -> None:
    rows = [{"image": name, "text": "a fox"} for name in pictures]
    Path("ours.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done = run("eval", "score", "ours.jsonl", "--json")
    assert done.exit_code == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["metric"], answer["n"], answer["model"]) == ("score", 2, "tiny")
