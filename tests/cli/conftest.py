"""The command line in this process (`cli`) and in one of its own (`shell`), with a fake model."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from tests.cli import fake
from unidiff_cli.cli.app import app

ROOT = Path(__file__).parents[2]
PROGRAM = f"{sys.executable} {Path(fake.__file__)}"

Cli = Callable[..., Result]
Shell = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run arguments; `input` is standard input."""
    for name, module in fake.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    fake.LOADED.clear()
    fake.SEEN.clear()

    def run(*arguments: str, input: str | bytes | None = None) -> Result:
        return CliRunner().invoke(app, list(arguments), input=input, prog_name="unidiff")

    return run


@pytest.fixture
def shell() -> Shell:
    """Run a line of bash in which `unidiff` is the program with the fake model."""

    def run(
        script: str, *, env: dict[str, str] | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[bytes]:
        function = f'unidiff() {{ {PROGRAM} "$@"; }}\n'
        return subprocess.run(
            ["bash", "-c", function + script],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=timeout,
            env=environment() | (env or {}),
            check=False,
        )

    return run


def environment() -> dict[str, str]:
    """This process's environment, from which the package and the tests can be imported."""
    paths = [str(ROOT / "src"), str(ROOT)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


@pytest.fixture
def photo() -> str:
    """A small picture in the current folder."""
    Image.new("RGB", (40, 30), (200, 100, 50)).save("photo.png")
    return "photo.png"
