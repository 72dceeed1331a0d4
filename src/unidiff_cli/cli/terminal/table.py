"""Answers with numbers: a table for people, JSON lines for programs, and what should be known."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

import typer

from unidiff_cli.cli.terminal.console import Console, is_terminal
from unidiff_cli.errors import SOME_FAILED, UnidiffError


def tell(
    console: Console,
    answers: Sequence[Mapping[str, Any]],
    json: bool,
    headings: Sequence[str],
    body: Sequence[Sequence[object]],
    bad: Sequence[UnidiffError],
) -> None:
    """The answers on stdout, notes on stderr; leaves with 6 where items were left out."""
    for error in bad:
        console.problem(error)
    if json:
        from unidiff_cli.files.record import line

        for answer in answers:
            console.answer(line(answer))
    else:
        console.answer(drawn(headings, body))
        for note in dict.fromkeys(note for answer in answers for note in answer["notes"]):
            console.note(f"note: {note}.")
    if bad:
        raise typer.Exit(SOME_FAILED)


def drawn(headings: Sequence[str], body: Sequence[Sequence[object]]) -> str:
    """A table, as wide as it is; in colour on a terminal only."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console as Paper
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left", no_wrap=True)
    for row in body:
        table.add_row(*(Text("-" if cell is None else str(cell)) for cell in row))
    paper = Paper(
        file=StringIO(),
        width=10_000,
        force_terminal=is_terminal(sys.stdout),
        no_color=None if is_terminal(sys.stdout) else True,
    )
    with paper.capture() as captured:
        paper.print(table)
    return "\n".join(row.rstrip() for row in captured.get().splitlines())
