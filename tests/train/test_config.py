import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from unidiff_cli.errors import InputError, UsageError
from unidiff_cli.train import parts
from unidiff_cli.train.config import TrainerConfig, read_toml, table


@dataclass(frozen=True, kw_only=True)
class Inner:
    width: int = 8


@dataclass(frozen=True, kw_only=True)
class Outer:
    path: Path
    rate: float = 0.5
    kind: Literal["a", "b"] = "a"
    sizes: tuple[int, ...] = ()
    name: str | None = None
    inner: Inner = field(default_factory=Inner)


def test_values_become_what_the_annotations_say() -> None:
    values = {"path": "x/y", "rate": 1, "sizes": [1, 2], "name": "n", "inner": {"width": 3}}
    made = table(Outer, values, "part")
    assert made == Outer(path=Path("x/y"), rate=1.0, sizes=(1, 2), name="n", inner=Inner(width=3))
    assert isinstance(made.rate, float)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"path": "x", "raet": 1.0}, r"Unknown key 'raet' in \[part\]"),
        ({"path": "x", "inner": {"widht": 1}}, r"Unknown key 'widht' in \[part.inner\]"),
        ({}, r"\[part\] needs the key 'path'"),
        ({"path": 3}, r"\[part\] path must be a path in quotes, not 3"),
        ({"path": "x", "rate": "fast"}, r"\[part\] rate must be a number, not 'fast'"),
        ({"path": "x", "rate": True}, r"\[part\] rate must be a number"),
        ({"path": "x", "kind": "c"}, r"\[part\] kind must be one of 'a', 'b'"),
        ({"path": "x", "sizes": [1, "2"]}, r"\[part\] sizes must be a whole number, not '2'"),
        ({"path": "x", "inner": 3}, r"\[part\] inner must be a table, not 3"),
    ],
)
def test_a_complaint_names_the_key(values: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        table(Outer, values, "part")


def test_a_near_miss_is_guessed() -> None:
    with pytest.raises(UsageError) as error:
        table(TrainerConfig, {"steps": 1, "warm_up": 3}, "trainer")
    assert error.value.hint == "Did you mean warmup?"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"steps": 0}, r"\[trainer\] steps must be 1 or more"),
        ({"steps": 1, "lr": 0}, r"\[trainer\] lr must be above 0"),
        ({"steps": 1, "betas": [0.9]}, r"\[trainer\] betas needs 2 values, not 1"),
        ({"steps": 1, "betas": [0.9, 1.0]}, r"\[trainer\] betas must lie in"),
        ({"steps": 1, "ema_decay": 1.0}, r"\[trainer\] ema_decay must lie in"),
        ({"steps": 1, "lr_end": 1.0}, r"\[trainer\] lr_end must lie between 0 and lr"),
    ],
)
def test_numbers_out_of_range(values: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        table(TrainerConfig, values, "trainer")


def test_file_errors_say_where(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no file"):
        read_toml(tmp_path / "none.toml")
    path = tmp_path / "broken.toml"
    path.write_text("[trainer]\nsteps = = 3\n")
    with pytest.raises(UsageError, match="line 2"):
        read_toml(path)


PLAN = """
[part]
kind = "uvit"
model = "tiny"
data = "./pictures"
[part.objective]
legs = 0.5
[trainer]
steps = 10
"""


def test_a_plan_is_read_with_options_over_it(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(PLAN)
    plan = parts.read(path, {"lora": 4}, {"steps": 20, "seed": 5})
    assert plan.kind == "uvit"
    assert plan.part.data == tmp_path / "pictures"  # relative to the file
    assert (plan.part.lora, plan.part.objective.legs) == (4, 0.5)
    assert (plan.trainer.steps, plan.trainer.seed) == (20, 5)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('kind = "uvit"', 'kind = "gan"', "kind must be one of uvit, vae, decoder"),
        ("[trainer]", "[train]", r"unknown table \[train\]"),
        ('data = "./pictures"', "", "data or store says what to train on"),
        ("legs = 0.5", "legs = 1.5", r"\[part.objective\] legs is a share"),
        ("legs = 0.5", "leg = 0.5", r"Unknown key 'leg' in \[part.objective\]"),
    ],
)
def test_a_wrong_plan_names_its_file(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(PLAN.replace(old, new))
    with pytest.raises(UsageError, match=rf"config.toml: .*{message}"):
        parts.read(path, {}, {})


def test_programs_are_told_of_an_error_by_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from unidiff_cli.train import __main__ as trainer

    monkeypatch.setattr("sys.argv", ["train", str(tmp_path / "none.toml"), "--progress", "json"])
    monkeypatch.setattr(trainer, "begin", lambda: None)
    assert trainer.main() == 3
    told = json.loads(capsys.readouterr().err)
    assert (told["event"], told["code"]) == ("error", "input.missing")
