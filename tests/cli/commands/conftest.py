"""The walks on the model of random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from unidiff_cli.cli.app import app

Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    """Run arguments on `tiny`."""

    def run(*arguments: str, input: bytes | None = None) -> Result:
        words = [*arguments, "--model", "tiny", "--device", "cpu", "--dtype", "fp32"]
        return CliRunner().invoke(app, words, input=input, prog_name="unidiff")

    return run


@pytest.fixture
def pictures() -> tuple[str, str]:
    """Two files."""
    Image.effect_mandelbrot((64, 64), (-2, -1.5, 1, 1.5), 50).convert("RGB").save("a.png")
    Image.radial_gradient("L").resize((80, 50)).convert("RGB").save("b.jpg")
    return "a.png", "b.jpg"


def names(pattern: str = "*") -> set[str]:
    return {path.name for path in Path().glob(pattern)}


def run_info(path: str) -> str:
    return CliRunner().invoke(app, ["info", path]).stdout
