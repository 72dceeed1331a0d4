"""What the package offers is what it says it offers."""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path

import pytest

import unidiff_cli

ROOT = Path(__file__).parents[1]


def test_all_is_sorted_and_there() -> None:
    assert sorted(unidiff_cli.__all__) == unidiff_cli.__all__
    for name in unidiff_cli.__all__:
        assert getattr(unidiff_cli, name) is not None


def test_nothing_else_is_made_up() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        unidiff_cli.Nonsense  # noqa: B018


def test_the_console_scripts_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(project["scripts"]) == {"unidiff", "unidiff-cli"}
    for target in project["scripts"].values():
        module, _, function = target.partition(":")
        assert callable(getattr(importlib.import_module(module), function))
