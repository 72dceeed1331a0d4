"""`unidiff tune` and `--solver tuned`, on a network of no size."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner, Result

from unidiff_cli.cli.app import app
from unidiff_cli.core.tuned import Tuned
from unidiff_cli.engine import tuner
from unidiff_cli.engine.pipeline import UniDiffuser
from unidiff_cli.errors import ModelUnavailable, UsageError
from unidiff_cli.keep.kept import Kept
from unidiff_cli.progress import Silence
from unidiff_cli.request import Request


def run(*command: str) -> Result:
    return CliRunner().invoke(app, list(command), prog_name="unidiff")


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuner, "FINE", 16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model in a folder of its own, tuned for two steps of two modes."""
    place = tmp_path_factory.mktemp("models") / "tuned"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuner, "FINE", 16)
        assert run("models", "convert", "tiny", str(place), "-q").exit_code == 0
        done = tune(place, "--steps", "3,2", "--modes", "t2i,i2t,joint")
        assert done.exit_code == 0, done.stderr
    return place


def tune(model: Path | str, *options: str) -> Result:
    return run("tune", str(model), "--samples", "8", "--device", "cpu", *options)


def test_what_is_learned_lies_beside_the_model(folder: Path) -> None:
    found = Tuned.from_json(json.loads((folder / "tuned.json").read_text()))
    assert {leg: list(steps) for leg, steps in found.legs.items()} == {
        leg: [2, 3] for leg in ("t2i", "i2t", "joint")
    }
    assert found.about["samples"] == 8
    assert not list(folder.glob(".tuned*"))
    model = UniDiffuser.load(str(folder), device="cpu")
    assert model.tuned == found


def test_the_same_command_again_learns_nothing_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (folder / "tuned.json").read_bytes()
    monkeypatch.delattr(tuner, "nudged")
    done = tune(folder, "--steps", "2", "--modes", "t2i")
    assert done.exit_code == 0, done.stderr
    assert (folder / "tuned.json").read_bytes() == before
    other = tune(folder, "--steps", "2", "--modes", "t2i", "--seed", "9")
    assert other.exit_code == 2
    assert "another seed" in other.stderr


def test_what_was_walked_is_not_walked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = tmp_path / "whole.json", tmp_path / "broken.json"
    options = ("--steps", "2", "--modes", "t", "-o")
    assert tune("tiny", *options, str(whole)).exit_code == 0

    def fail(*_: object) -> None:
        raise UsageError("usage.range", "stopped here")

    with monkeypatch.context() as patch:
        patch.setattr(tuner, "nudged", fail)
        assert tune("tiny", *options, str(broken)).exit_code == 2
    monkeypatch.delattr(tuner.Tuner, "_walked")
    assert tune("tiny", *options, str(broken)).exit_code == 0
    assert broken.read_bytes() == whole.read_bytes()


def test_a_sample_is_the_same_in_every_batch_and_made_again_from_its_record(folder: Path) -> None:
    model = UniDiffuser.load(str(folder), device="cpu")
    asked = Request(mode="t2i", prompt="a fox", solver="tuned", count=3, seed=4)
    alone, together = (list(model.stream([asked], batch_size=size)) for size in (1, 3))
    pictures = [[r.outputs[0].image.tobytes() for r in each] for each in (alone, together)]  # type: ignore[union-attr]
    assert pictures[0] == pictures[1]
    recorded = alone[1].request
    assert (recorded.steps, recorded.times) == (3, None)
    assert model.tuned is not None
    assert recorded.solver == model.tuned.name
    again = model.run(Request.from_json(recorded.to_json()))
    assert again.images[0].tobytes() == pictures[0][1]
    fewer = model.run(replace(asked, count=1, steps=2))
    assert fewer.images[0].tobytes() != pictures[0][0]


def test_a_variation_walks_both_legs_in_learned_steps(folder: Path) -> None:
    model = UniDiffuser.load(str(folder), device="cpu")
    made = model.run(Request(mode="t2i2t", prompt="a fox", solver="tuned", steps=2, seed=1))
    assert made.request.steps == 2


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"mode": "t2i", "prompt": "a", "steps": 9}, "has 2, 3 steps in t2i, not 9"),
        ({"mode": "t"}, "is not for t"),
        ({"mode": "joint", "times": "log-snr"}, "times of its own"),
        ({"mode": "joint", "solver": "tuned:0123456789ab"}, "made with the solver tuned:0123"),
    ],
)
def test_what_it_was_not_learned_for_is_refused(
    folder: Path, settings: dict[str, object], said: str
) -> None:
    model = UniDiffuser.load(str(folder), device="cpu")
    with pytest.raises(UsageError, match=said):
        model.resolve(Request(**{"solver": "tuned", **settings}))  # type: ignore[arg-type]


def test_a_model_without_one_says_how_to_learn_it() -> None:
    model = UniDiffuser.load("tiny", device="cpu")
    with pytest.raises(UsageError, match="has no tuned solver") as refused:
        model.resolve(Request(mode="t", solver="tuned"))
    assert "unidiff tune tiny" in refused.value.hint
    assert tune("tiny").exit_code == 2  # it has no folder


def test_a_damaged_file_hurts_only_who_asks_for_it(tmp_path: Path) -> None:
    place = tmp_path / "model"
    assert run("models", "convert", "tiny", str(place), "-q").exit_code == 0
    (place / "tuned.json").write_text("{}")
    model = UniDiffuser.load(str(place), device="cpu")
    assert model.resolve(Request(mode="t")).solver == "dpm++2m"
    with pytest.raises(ModelUnavailable, match="no tuned solver"):
        model.resolve(Request(mode="t", solver="tuned"))


@pytest.mark.parametrize("dtype", ["fp32", "fp16"])
def test_a_converted_model_keeps_it(folder: Path, tmp_path: Path, dtype: str) -> None:
    done = run("models", "convert", str(folder), str(tmp_path / "again"), "--dtype", dtype, "-q")
    assert done.exit_code == 0, done.stderr
    again = UniDiffuser.load(str(tmp_path / "again"), device="cpu").tuned
    before = UniDiffuser.load(str(folder), device="cpu").tuned
    assert again is not None
    assert before is not None
    assert again.legs == before.legs
    assert (again.network == before.network) == (dtype == "fp32")


@pytest.fixture
def trained_on(folder: Path, tmp_path: Path) -> Path:
    """The model with another network beside the solver that was learned before."""
    place = tmp_path / "on"
    shutil.copytree(folder, place)
    weights = load_file(place / "uvit.safetensors")
    weights[max(weights)] += 0.01
    save_file(weights, place / "uvit.safetensors")
    return place


def test_it_is_refused_with_other_weights(trained_on: Path, tmp_path: Path) -> None:
    model = UniDiffuser.load(str(trained_on), device="cpu")
    assert model.resolve(Request(mode="t")).solver == "dpm++2m"
    with pytest.raises(ModelUnavailable, match="learned from other weights") as refused:
        model.resolve(Request(mode="joint", solver="tuned"))
    assert f"unidiff tune {trained_on} --force" in refused.value.hint
    again = tune(trained_on, "--steps", "2", "--modes", "joint")
    assert again.exit_code == 2
    assert "another network" in again.stderr
    done = run("models", "convert", str(trained_on), str(tmp_path / "new"))
    assert "left out is tuned.json" in done.stderr
    assert not (tmp_path / "new" / "tuned.json").exists()


def test_another_decoder_changes_nothing(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "on"
    shutil.copytree(folder, place)
    weights = load_file(place / "vae.safetensors")
    save_file({name: 2 * tensor for name, tensor in weights.items()}, place / "vae.safetensors")
    assert UniDiffuser.load(str(place), device="cpu").tuned is not None


def test_a_helper_tells_only_those_who_ask_for_it(trained_on: Path) -> None:
    here = UniDiffuser.load(str(trained_on), device="cpu")
    kept = Kept(None, Silence(), lambda: here, print)
    assert kept.resolve(Request(mode="t")).solver == "dpm++2m"
    with pytest.raises(ModelUnavailable, match="learned from other weights"):
        kept.resolve(Request(mode="joint", solver="tuned"))


@pytest.mark.parametrize("steps", ["1", "33", "x", "5,,7"])
def test_wrong_numbers_of_steps(steps: str) -> None:
    done = tune("tiny", "--steps", steps, "-o", "never.json")
    assert done.exit_code == 2
    assert "--steps takes whole numbers" in done.stderr


def test_walks_between_pictures_and_words_take_its_steps(folder: Path, tmp_path: Path) -> None:
    out = f"{tmp_path}/walk/"
    done = run("chain", "a fox", "--model", str(folder), "--solver", "tuned", "-o", out, "-q")
    assert done.exit_code == 0, done.stderr
