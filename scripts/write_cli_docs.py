"""docs/cli.md from what --help says: python scripts/write_cli_docs.py"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command
from typer.testing import CliRunner

from unidiff_cli.cli.app import app

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"
HEAD = """\
# The command line

What `--help` says, command by command. This page is written by `scripts/write_cli_docs.py`.
"""


def commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command that --help lists, the program itself first."""
    yield words
    for name, child in getattr(command, "commands", {}).items():
        if not child.hidden:
            yield from commands(child, (*words, name))


def page() -> str:
    """The text of docs/cli.md."""
    parts = [HEAD]
    for words in commands(get_command(app)):
        shown = CliRunner().invoke(app, [*words, "--help"], prog_name="unidiff")
        text = "\n".join(line.rstrip() for line in shown.stdout.splitlines())
        parts.append(f"## unidiff {' '.join(words)}".rstrip() + f"\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
