"""The surface of the command line is what it was, and its page in the docs tells of it."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
from collections.abc import Iterator
from itertools import groupby, takewhile
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.main import get_command

from tests.cli.conftest import ROOT
from unidiff_cli.cli.app import app
from unidiff_cli.cli.options.options import Options, _types
from unidiff_cli.core.modes import MODES
from unidiff_cli.core.solver import SOLVERS, TIMES
from unidiff_cli.core.tuned import NAME
from unidiff_cli.request import PRESETS

FROZEN = Path(__file__).parents[1] / "options.json"


def surface(command: Any, words: str = "unidiff") -> dict[str, list[str]]:
    """Every command and the names of its options."""
    names = sorted(
        name
        for parameter in command.params
        if parameter.param_type_name == "option"
        for name in (*parameter.opts, *parameter.secondary_opts)
    )
    found = {words: names}
    for name, child in getattr(command, "commands", {}).items():
        found |= surface(child, f"{words} {name}")
    return found


def test_options_are_frozen() -> None:
    """A change here is a change for users: write it into options.json and the changelog."""
    assert surface(get_command(app)) == json.loads(FROZEN.read_text())


@pytest.mark.parametrize("name", ["write_cli_docs", "write_error_docs"])
def test_the_page_is_what_its_script_writes(name: str) -> None:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.PAGE.read_text() == script.page(), f"run: python scripts/{name}.py"


@pytest.mark.parametrize(
    ("field", "names"),
    [("solver", [*SOLVERS, NAME]), ("times", TIMES), ("preset", PRESETS)],
    ids=["solver", "times", "preset"],
)
def test_choices_are_those_of_their_tables(field: str, names: dict[str, object]) -> None:
    choice, _option = get_args(_types()[field])
    assert set(get_args(get_args(choice)[0])) == set(names)


def examples(command: Any) -> Iterator[list[str]]:
    """The arguments of `unidiff` in the examples of its help, and of its commands' helps."""
    text = f"{command.help or ''}\n{command.epilog or ''}".replace("\\\n", " ")
    for line in re.findall(r"^ +((?:\S+ \| )?unidiff .*)", text, re.MULTILINE):
        words = shlex.split(line)
        for pipe, group in groupby(words, lambda word: word == "|"):
            program, *arguments = takewhile(lambda word: word not in "<>", group)
            if not pipe and program == "unidiff":
                yield arguments
    for child in getattr(command, "commands", {}).values():
        yield from examples(child)


EXAMPLES = {shlex.join(words): words for words in examples(get_command(app))}


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_parse(example: str) -> None:
    """The command exists, and every option and value is one of its own."""
    command: Any = get_command(app)
    arguments = EXAMPLES[example]
    while hasattr(command, "commands") and arguments:  # a group may do something alone
        command, arguments = command.commands[arguments[0]], arguments[1:]
    command.make_context("unidiff", list(arguments))


def test_every_command_has_an_example() -> None:
    commands = vars(get_command(app))["commands"].items()
    listed = {name for name, command in commands if not command.hidden}
    assert {words[0] for words in EXAMPLES.values()} == listed


def test_every_option_belongs_to_a_section() -> None:
    for field, hint in _types().items():
        sections = ("Edit", "Input", "Sampling", "Model", "Output")
        assert hint.__metadata__[0].rich_help_panel in sections, field
    assert Options().settings(MODES["t2i"])["count"] == 1
