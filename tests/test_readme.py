"""README is true: its table of modes, its Python, its commands and its files."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from unidiff_cli.cli.app import app
from unidiff_cli.core.modes import MODES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLE = {"text": ' "a red fox"', "image": " photo.jpg", None: ""}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_table_of_modes_is_the_table_of_modes() -> None:
    rows = [f"| `unidiff {m.name}{EXAMPLE[m.needs]}` | {m.help} |" for m in MODES.values()]
    assert "\n".join(rows) in README


def test_the_python_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (code,) = blocks("python")
    assert code.count("UniDiffuser.load()") == 1
    monkeypatch.chdir(tmp_path)
    exec(code.replace("UniDiffuser.load()", 'UniDiffuser.load("tiny")'), {})
    assert (tmp_path / "fox.png").stat().st_size > 0


def test_every_command_it_names_exists() -> None:
    lines = [line for block in blocks("sh") + blocks("console") for line in block.splitlines()]
    spoken = re.findall(r"`(unidiff [^`]*)`", README)
    commands = [re.sub(r".*?(?=unidiff [a-z0-9])", "", line, count=1) for line in lines] + spoken
    asked = 0
    for command in commands:
        for stage in command.split(" | "):
            words = shlex.split(stage)
            if words[:1] != ["unidiff"] or words[1].startswith("-"):
                continue
            asked += 1
            result = CliRunner().invoke(app, [words[1], "--help"])
            assert result.exit_code == 0, f"{stage}: {result.output}"
            for option in (word for word in words[2:] if re.fullmatch(r"--?[a-z][a-z-]*", word)):
                assert option in result.output, f"{stage}: no {option}"
    assert asked > 10


def test_every_file_it_links_exists() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / target).exists(), target
