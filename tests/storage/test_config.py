"""What a config.json must say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.storage import make
from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.model_config import KEYS, OPTIONAL, ModelConfig
from unidiff_cli.registry import MODELS, STARTER_FOLDER, tiny_config
from unidiff_cli.storage.open import open_checkpoint


def written(path: Path, change: dict[str, Any]) -> Path:
    """The tiny model's config with other values at dotted names; ... takes one away."""
    tiny_config().write(path)
    values = json.loads(path.read_text())
    for name, value in change.items():
        *parts, key = name.split(".")
        inside = values[parts[0]] if parts else values
        inside[key] = value
        if value is ...:
            del inside[key]
    path.write_text(json.dumps(values))
    return path


def refused(path: Path) -> str:
    with pytest.raises(ModelUnavailable) as caught:
        ModelConfig.read(path)
    assert "models convert" in caught.value.hint
    return caught.value.message


def test_configs_come_back(tmp_path: Path) -> None:
    rows = [row.config for row in MODELS.values() if row.config is not None]
    for config in (*rows, ModelConfig.read(STARTER_FOLDER / "config.json")):
        config.write(tmp_path / "config.json")
        assert ModelConfig.read(tmp_path / "config.json") == config


@pytest.mark.parametrize("name", KEYS)
def test_what_is_missing_is_named(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / "config.json", {name: ...})
    if name in OPTIONAL:
        ModelConfig.read(path)
    else:
        assert refused(path) == (f"{path} is not the config of a unidiff model (it has no {name}).")


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("value", [None, True, -0.5, "25", [], {}], ids=repr)
def test_what_is_of_another_kind_is_named(tmp_path: Path, name: str, value: object) -> None:
    kind, path = KEYS[name], written(tmp_path / "config.json", {name: value})
    right = {"text": str, "a number": float, "a list": list}.get(kind)
    if type(value) is right:
        ModelConfig.read(path)
    elif (kind, value) == ("an object", {}):
        if not name.startswith("sampling"):  # which may leave everything to the defaults
            assert f"it has no {name}." in refused(path)
    else:
        assert f"(its {name} is {kind}, got {value!r})" in refused(path)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (3, "its sampling.modes.t2i is an object, got 3"),
        ({"step": 8}, "its sampling.modes.t2i has an unknown step"),
        ({"modes": {}}, "its sampling.modes.t2i has an unknown modes"),
        ({"steps": "8"}, "its sampling.modes.t2i.steps is a whole number, got '8'"),
        ({"steps": 8, "solver": "unipc"}, None),
    ],
)
def test_defaults_of_a_mode(tmp_path: Path, row: object, said: str | None) -> None:
    path = written(tmp_path / "config.json", {"sampling.modes": {"t2i": row}})
    if said is not None:
        assert said in refused(path)
    else:
        assert ModelConfig.read(path).sampling.of("t2i").steps == 8


@pytest.mark.parametrize(
    "text", ["", "[]", "3", "{}", "null", '{"format": "unidiff"}', "[" * 99999]
)
def test_what_is_no_config(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    assert "is not the config of a unidiff model (" in refused(path)


def test_a_key_of_another_program(tmp_path: Path) -> None:
    assert "'colour'" in refused(written(tmp_path / "config.json", {"colour": "red"}))


@pytest.mark.parametrize(
    ("part", "key", "name"),
    [
        ("text_encoder", "vocab_size", "clip_text.vocab_size"),
        ("image_encoder", "image_size", "clip_image.image_size"),
    ],
)
def test_what_a_folder_of_diffusers_lacks(tmp_path: Path, part: str, key: str, name: str) -> None:
    path = make.diffusers_folder(tmp_path / "model") / part / "config.json"
    values = json.loads(path.read_text())
    del values[key]
    path.write_text(json.dumps(values))
    with pytest.raises(ModelUnavailable, match=f"it has no {name}"):
        _ = open_checkpoint(str(tmp_path / "model")).config
