"""The command line: `unidiff` and its commands."""

from __future__ import annotations

from typing import Annotated

import typer

from unidiff_cli import __version__
from unidiff_cli.cli.command import help_alone
from unidiff_cli.cli.shelf import Root
from unidiff_cli.process import begin

EPILOG = """\
\b
Examples:
  unidiff t2i "a red fox"
  unidiff i2t photo.jpg
  unidiff t2i "a fox" -o - | unidiff i2t -

\b
Exit codes:
  0  all is well              7    a degenerate result: not a number, one colour
  1  internal error           8    the output exists, or cannot be written
  2  wrong use                129  ended by a hangup
  3  bad input                130  interrupted
  4  model not available      141  the pipe was closed
  5  out of memory            143  ended by SIGTERM
  6  some items failed, the others are done
"""

app = typer.Typer(
    name="unidiff",
    cls=Root,
    help="Any of {image, text, nothing} into any of {image, text, both}, with one diffusion "
    "model: UniDiffuser.",
    epilog=EPILOG,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"unidiff {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Without a command, the help."""
    help_alone(context)


def main() -> None:
    """The console script."""
    begin()
    app()
