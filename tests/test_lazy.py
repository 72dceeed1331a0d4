"""What must answer at once imports none of the heavy libraries."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from unidiff_cli.core.modes import MODES

HEAVY = ("torch", "transformers", "diffusers", "huggingface_hub", "safetensors", "numpy", "rich")
SCRIPT = f"""
import json, sys
sys.argv[0] = "unidiff"
try:
    from unidiff_cli.cli.app import main
    main()
finally:
    found = [name for name in {HEAVY!r} if name in sys.modules]
    open("found.json", "w").write(json.dumps([found, "PIL.Image" in sys.modules]))
"""


def imported(*arguments: str, **env: str) -> tuple[list[str], bool, int]:
    """Which heavy libraries a command line imports, whether Pillow, and its exit code."""
    source = str(Path(__file__).parents[1] / "src")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": source, **env},
        check=False,
    )
    found, pillow = json.loads(Path("found.json").read_text())
    return found, pillow, done.returncode


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 0),
        (["--help"], 0),
        (["--version"], 0),
        (["t2i", "--help"], 0),
        (["info", "--help"], 0),
        (["eval", "--help"], 0),
        (["bench", "--help"], 0),
        (["schema"], 0),
        (["schema", "record"], 0),
        (["bench", "--batch-sizes", "0"], 2),
        (["eval", "guidance", "-o", "study"], 2),
        (["--show-completion"], None),
        (["t2i", "a fox", "--steps", "0"], 2),
        (["t2i", "a fox", "--guidance", "nan"], 2),
        (["t2i", "a fox", "--nonsense"], 2),
        (["t2i", "a fox", "-o", "out.xyz"], 2),
        (["t2i", "a fox", "--model", "nope"], 4),
        (["bench", "--model", "nope"], 4),
        (["tune", "nope"], 4),
        (["nonsense"], 2),
    ],
    ids=str,
)
def test_at_once(arguments: list[str], code: int | None) -> None:
    found, pillow, returned = imported(*arguments)
    assert found == []
    assert not pillow
    assert code in (None, returned)


SLOW = {"xml", "email", "http", "ssl", "logging", "unidiff_cli.files.record"}


def test_help_is_asked_for_most_and_imports_least() -> None:
    look = "from unidiff_cli.cli.app import app; import sys; print(*sys.modules)"
    source = str(Path(__file__).parents[1] / "src")
    done = subprocess.run(
        [sys.executable, "-c", look],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": source},
        check=True,
    )
    assert not SLOW & set(done.stdout.split())


EVERY_HELP = f"""
import sys
from typer.main import get_command
from typer.testing import CliRunner
from unidiff_cli.cli.app import app

def walk(command, *words):
    yield words
    for name, child in getattr(command, "commands", {{}}).items():
        yield from walk(child, *words, name)

for words in walk(get_command(app)):
    shown = CliRunner().invoke(app, [*words, "--help"])
    assert shown.exit_code == 0 and "Usage:" in shown.stdout, words
    found = [name for name in (*{HEAVY!r}, "PIL.Image") if name in sys.modules]
    assert not found, (words, found)
print(len(list(walk(get_command(app)))))
"""


def test_the_help_of_every_command() -> None:
    source = str(Path(__file__).parents[1] / "src")
    done = subprocess.run(
        [sys.executable, "-c", EVERY_HELP],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": source},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > len(MODES)


def test_completion() -> None:
    found, pillow, code = imported(
        _UNIDIFF_COMPLETE="complete_bash", COMP_WORDS="unidiff t2i --", COMP_CWORD="2"
    )
    assert (found, pillow, code) == ([], False, 0)


def test_info_and_bad_pictures_need_pillow_only() -> None:
    Image.new("RGB", (8, 8)).save("a.png")
    Path("bad.png").write_text("words")
    for arguments, code in ((["info", "a.png"], 0), (["i2t", "bad.png"], 3)):
        found, _, returned = imported(*arguments)
        assert (found, returned) == ([], code)
