"""Commands that are made when they are asked for, and the values that they read themselves."""

from __future__ import annotations

from typing import Any

import pytest

from unidiff_cli.cli.command import read_plainly
from unidiff_cli.cli.shelf import ROWS, Shelf

SHELF = Shelf()
VALUES = ("7", "007", "-7", "1.5", "1_0", "9" * 30, "auto", "AUTO", "off", "x", "", ["a", "b"], ())


@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_its_command(name: str) -> None:
    command, row = SHELF[name], ROWS[name]
    assert command.get_short_help_str(999) == row.summary
    assert command.hidden == row.hidden


def test_a_command_alone_is_made() -> None:
    shelf = Shelf()
    assert len(shelf) == len(list(shelf)) == len(ROWS)
    assert "t2i" in shelf
    assert shelf.get("nonsense") is None
    assert list(shelf.made) == ["t2i"]


@pytest.mark.parametrize("name", ["t2i", "edit", "joint", "sweep", "batch", "bench", "score"])
def test_plain_values_are_what_typer_makes_of_them(name: str) -> None:
    def told(parameter: Any, process: Any, value: Any) -> Any:
        try:
            found = process(context, value)
        except Exception as error:  # noqa: BLE001 - whichever it is
            return type(error), str(error)
        return type(found), found

    context = SHELF[name].make_context(name, ["x"], resilient_parsing=True)
    for parameter in SHELF[name].params:
        usual = type(parameter).process_value.__get__(parameter)
        read_plainly([parameter])
        for value in (parameter.default, *VALUES):  # None is not given: a flag is then False
            assert told(parameter, parameter.process_value, value) == told(parameter, usual, value)
