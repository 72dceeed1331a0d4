"""What every command prints as JSON is what its schema says: the real commands, on `tiny`.

Those of `eval` and `keep` are held against their schemas where they are tested.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from tests.cli.conftest import ROOT
from tests.fits import fits, removable
from unidiff_cli.cli.app import app
from unidiff_cli.schemas.index import SCHEMAS, schema

TINY = ("--model", "tiny", "--device", "cpu", "--dtype", "fp32")
MODES = {
    "t2i": ("a fox",),
    "i2t": ("a.png",),
    "joint": (),
    "i": (),
    "t": (),
    "i2t2i": ("a.png",),
    "t2i2t": ("a fox",),
    "edit": ("a.png", "a fox"),
}
ALIASES = {"image", "text", "vary", "rewrite"}
OTHERS = {
    *("chain", "interpolate", "sweep", "info", "replay", "score", "bench", "keep"),
    *("models list", "models info", "eval fid", "eval kid", "eval clip-score", "eval score"),
    *("eval caption", "eval guidance", "eval clipart"),
}


def unidiff(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), prog_name="unidiff")


def told(*arguments: str) -> list[dict[str, Any]]:
    done = unidiff(*arguments)
    assert done.exit_code in (0, 6), done.output
    return list(map(json.loads, done.stdout.splitlines()))


@pytest.fixture(autouse=True)
def _pictures() -> None:
    Image.radial_gradient("L").resize((64, 64)).convert("RGB").save("a.png")
    Image.linear_gradient("L").resize((64, 64)).convert("RGB").save("b.png")


@pytest.mark.parametrize("mode", MODES)
def test_records(mode: str) -> None:
    (values,) = told(mode, *MODES[mode], *TINY, "--steps", "1", "--json")
    own = {"edit": {"prompt", "strength"}, "joint": {"order"}}
    optional = {"v1_data"} | own.get(mode, set())
    assert removable("record", fits("record", values)) == optional


def test_records_of_what_went_wrong_and_of_the_best() -> None:
    Path("bad.png").write_text("words")
    good, bad = sorted(
        told("i2t", "a.png", "bad.png", *TINY, "--steps", "1", "--json"),
        key=lambda values: str(values["status"] == "error"),
    )
    fits("record", good), fits("record", bad)
    fits("error", bad["error"])
    (best,) = told("t2i", "a fox", "--best-of", "2", *TINY, "--steps", "1", "--json")
    assert set(fits("record", best)["outputs"][0]) == {"image", "seed", "fit"}


def test_answers_of_batch() -> None:
    jobs = '{"mode": "t", "steps": 1}\n{"mode": "t2i"}\n'
    pipe, end = os.pipe()
    os.write(end, jobs.encode())
    os.close(end)
    good, bad = told("batch", f"/dev/fd/{pipe}", "-o", "out", *TINY)
    os.close(pipe)
    assert removable("record", fits("record", good)) == {"custom_id", "v1_data"}
    assert removable("record", fits("record", bad)) == {"custom_id"}
    assert "mode" not in bad


@pytest.mark.parametrize(
    ("arguments", "optional"),
    [
        (("chain", "a fox", "--rounds", "1", "--steps", "1"), {"prompt"}),
        (("chain", "a.png", "--rounds", "1", "--steps", "1"), {"image"}),
        (("interpolate", "a.png", "b.png", "--ode-steps", "2", "-n", "3"), {"image", "ode_steps"}),
        (("interpolate", "a fox", "an owl", "-n", "3", "--animate", "a.gif"), {"prompt"}),
    ],
    ids=lambda value: " ".join(sorted(value) if isinstance(value, set) else value),
)
def test_walks(arguments: tuple[str, ...], optional: set[str]) -> None:
    lines = [fits("walk", each) for each in told(*arguments, *TINY, "--json")]
    assert removable("walk", lines[-1]) == {*optional, "v1_data"}
    assert "stage" in lines[0]
    assert ("animation" in lines[-1]) == ("--animate" in arguments)


def test_sweep() -> None:
    for values in told("sweep", "a fox", "--steps", "1,2", *TINY, "--json"):
        assert removable("sweep", fits("sweep", values)) <= {"v1_data"}


def test_info_and_replay() -> None:
    unidiff("t2i", "a fox", *TINY, "--steps", "1", "-o", "fox.png")
    unidiff("t2i", "a fox", *TINY, "--steps", "1", "-o", "bare.png", "--no-prompt")
    unidiff("chain", "a fox", *TINY, "--rounds", "1", "--steps", "1", "-o", "walk/")
    step = next(str(path) for path in Path("walk").glob("*-1.png"))
    own, bare, walk, other = told("info", "fox.png", "bare.png", step, "a.png", "--json")
    for values in (own, bare, walk, other):
        fits("info", values)
    assert removable("info", own) == {"found_in", "digital_source", "parameters"}
    assert walk["walk"]["stage"] == 1
    assert bare["records"][0]["prompt_withheld"] is True
    (again,) = told("replay", "fox.png", "--json", "-o", "again.png")
    assert removable("record", fits("record", again)) == {"v1_data"}
    for more in ((), ("--seed", "5")):
        (values,) = told("replay", "fox.png", "--check", "--json", *more)
        assert removable("check", fits("check", values)) == {"found_in", "psnr"} & values.keys()


def test_measures() -> None:
    (values,) = told("score", "a.png", "a fox", "an owl", "--draws", "1", *TINY, "--json")
    assert removable("score", fits("score", values)) == set()
    (values,) = told("bench", "--repeats", "1", "--batch-sizes", "1", *TINY, "--json")
    versions = set(values) - set(schema("bench")["required"])
    jsonschema.validate(values, schema("bench"))
    assert removable("bench", values) == versions
    Path("one").mkdir()
    Path("a.png").rename("one/a.png")
    Path("one/a.txt").write_text("a fox")
    (values,) = told("eval", "score", "one", *TINY, "--json")
    assert removable("eval", fits("eval", values)) == set()


def test_models() -> None:
    rows = told("models", "list", "--json")
    (known,) = told("models", "info", "starter", "--json")
    for values in rows:
        assert removable("models", fits("models", values)) == set()
    assert not {"name", "sampling", "text_tokens"} & removable("models", fits("models", known))


def test_events(tmp_path: Path) -> None:
    done = unidiff("t2i", "a fox", "-n", "2", *TINY, "--steps", "1", "--progress", "json")
    Path("bad.png").write_text("words")
    done_too = unidiff("i2t", "a.png", "bad.png", *TINY, "--steps", "1", "--progress", "json")
    Path("a.txt").write_text("a picture")
    training = unidiff("train", "--data", ".", "--model", "tiny", "--steps", "1", "-o", "run",
                       "--progress", "json")  # fmt: skip
    Path("jobs.jsonl").write_text('{"mode": "t", "steps": 1}\n{"mode": "t2i"}\n')
    batch = unidiff("batch", "jobs.jsonl", "-o", "out", *TINY, "--progress", "json")
    wrong = unidiff("t2i", "fox", "--stepz", "1", "--progress=json")
    assert [batch.exit_code, wrong.exit_code] == [6, 2]
    runs = (done, done_too, training, batch, wrong)
    lines = "".join(each.stderr for each in runs).splitlines()
    events = [fits("event", json.loads(line)) for line in lines]
    assert {each["event"] for each in events} == {"stage", "begin", "progress", "note", "error"}
    assert all(removable("event", each) <= {"custom_id"} for each in events)


def test_every_command_that_prints_json_is_held_to_a_schema() -> None:
    options = json.loads((ROOT / "tests" / "cli" / "options.json").read_text())
    printing = {name.removeprefix("unidiff ") for name in options if "--json" in options[name]}
    assert printing == OTHERS | MODES.keys() | ALIASES


def test_the_list_and_each_of_it() -> None:
    listed = [line.split()[0] for line in unidiff("schema").stdout.splitlines()]
    assert listed == list(SCHEMAS)
    assert json.loads(unidiff("schema", "record").stdout) == schema("record")
    for name in listed:
        values = schema(name)
        jsonschema.Draft202012Validator.check_schema(values)
        assert values["$id"] == f"urn:unidiff:schema:{name}:1"
        assert all("additionalProperties" in each for each in objects(values)), name
    assert json.loads(unidiff("batch", "--schema").stdout)["$id"] == "urn:unidiff:schema:job:1"
    wrong = unidiff("schema", "recrod")
    assert wrong.exit_code == 2
    assert "There is no schema 'recrod'" in wrong.stderr


def objects(values: Any) -> Iterator[dict[str, Any]]:
    """The schemas of objects inside a schema."""
    if isinstance(values, dict):
        if values.get("type") == "object":
            yield values
        values = list(values.values())
    if isinstance(values, list):
        for each in values:
            yield from objects(each)
