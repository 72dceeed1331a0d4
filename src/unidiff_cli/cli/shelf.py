"""Every command by name: what --help says of it, and where it is.

Its module is imported, and its options are built, when it is asked for: whoever types one command
does not wait for twenty.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from importlib import import_module
from textwrap import shorten
from typing import Any, NamedTuple

import typer
from typer.main import get_command

from unidiff_cli.cli.command import Command, Program
from unidiff_cli.core.modes import MODES, Mode

GENERATE, EDITS, WALKS, AFTERWARDS, BULK, TOOLS = (
    "Seven modes",
    "Pictures and words",
    "Walks",
    "Afterwards",
    "In bulk",
    "Models",
)
ALIASES = {"i": "image", "t": "text", "i2t2i": "vary", "t2i2t": "rewrite"}


class Row(NamedTuple):
    """A command."""

    section: str
    """Its heading in --help."""
    summary: str
    """The first sentence of its own help."""
    mode: Mode | None = None
    hidden: bool = False


def _modes() -> Iterator[tuple[str, Row]]:
    """Every mode, and the aliases that --help does not list."""
    for mode in MODES.values():
        section = EDITS if mode.revises else GENERATE
        for name in filter(None, (mode.name, ALIASES.get(mode.name))):
            yield name, Row(section, mode.help, mode, hidden=name != mode.name)


ROWS: Mapping[str, Row] = {
    **dict(_modes()),
    "score": Row(EDITS, "Say how well words fit a picture."),
    "chain": Row(WALKS, "Walk back and forth between picture and words."),
    "interpolate": Row(WALKS, "Walk between two pictures, or between two prompts."),
    "sweep": Row(WALKS, "Show what one or two options do, on a labelled sheet."),
    "info": Row(AFTERWARDS, "Show how a picture was made, if it says so, and who signed that."),
    "replay": Row(AFTERWARDS, "Make again what a record describes, or something like it."),
    "gallery": Row(AFTERWARDS, "Put a folder of pictures into one HTML page."),
    "batch": Row(BULK, "Run the jobs of a file; the same command resumes."),
    "schema": Row(BULK, "Print the JSON Schema of what is printed as JSON."),
    "bench": Row(TOOLS, "Measure how fast a model is here, and what suits it."),
    "train": Row(TOOLS, "Train a model, or fine-tune one on your pictures."),
    "tune": Row(TOOLS, "Learn where a model's steps should lie, and how each is made."),
    "models": Row(TOOLS, "List, fetch, check, convert and remove models."),
    "eval": Row(TOOLS, "Measure pictures, captions and models."),
    "keep": Row(TOOLS, "Helpers that keep a model loaded: list them, start or stop one."),
}


class Shelf(Mapping[str, Any]):
    """The commands, each made when it is first taken."""

    def __init__(self) -> None:
        self.made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        """A command, or a group of them; KeyError where there is none of that name."""
        if name not in self.made:
            self.made[name] = _make(name, ROWS[name])
        return self.made[name]

    def __iter__(self) -> Iterator[str]:
        """Names in the order of --help."""
        return iter(ROWS)

    def __len__(self) -> int:
        """How many there are, with the aliases."""
        return len(ROWS)


def _make(name: str, row: Row) -> Any:
    """Typer's command: of a mode, of the Typer of a module, or of its function of that name."""
    epilog: str | None
    if row.mode is not None:
        from unidiff_cli.cli.commands import generate

        function, epilog = generate.command_of(row.mode), generate.examples_of(row.mode)
    else:
        module = import_module(f"unidiff_cli.cli.commands.{name}")
        if hasattr(module, "app"):
            return get_command(module.app)
        function, epilog = getattr(module, name), getattr(module, "EXAMPLES", None)
    made = typer.Typer(add_completion=False, rich_markup_mode=None)
    made.command(name, cls=Command, epilog=epilog, hidden=row.hidden)(function)
    return get_command(made)


class Root(Program):
    """`unidiff` and all of its commands."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands: Any = Shelf()

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands under the headings they name."""
        sections: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        shown = {name: row for name, row in ROWS.items() if not row.hidden}
        width = max(map(len, shown))
        for name, row in shown.items():
            summary = shorten(row.summary, formatter.width - 6 - width, placeholder="...")
            sections[row.section].append((name.ljust(width), summary))
        for heading, rows in sections.items():
            with formatter.section(heading):
                formatter.write_dl(rows)
