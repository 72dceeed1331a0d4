"""The command line: `unidiff` and its commands."""

from __future__ import annotations

import os
import warnings
from typing import Annotated

import typer

from unidiff_cli import __version__
from unidiff_cli.cli import batch, evaluate, gallery, generate, info, journeys, models, replay, train
from unidiff_cli.cli.command import Command, Root

EXIT_CODES = """\
\b
Exit codes:
  0  all is well              6    some items failed, the others are done
  1  internal error           7    a degenerate result: not a number, one colour
  2  wrong use                8    the output exists, or cannot be written
  3  bad input                130  interrupted
  4  model not available      141  the pipe was closed
  5  out of memory
"""

app = typer.Typer(
    name="unidiff",
    cls=Root,
    help="Any of {image, text, nothing} into any of {image, text, both}, with one diffusion "
    "model: UniDiffuser.",
    epilog=EXIT_CODES,
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
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


generate.register(app, Command)
app.command("info", cls=Command, epilog=info.EXAMPLES)(info.info)
app.command("replay", cls=Command, epilog=replay.EXAMPLES)(replay.replay)
app.command("batch", cls=Command, epilog=batch.EXAMPLES)(batch.batch)
app.command("chain", cls=Command, epilog=journeys.CHAIN_EXAMPLES)(
    journeys.with_options(journeys.chain)
)
app.command("interpolate", cls=Command, epilog=journeys.INTERPOLATE_EXAMPLES)(
    journeys.with_options(journeys.interpolate)
)
app.command("gallery", cls=Command, epilog=gallery.EXAMPLES)(gallery.gallery)
app.command("train", cls=Command)(train.train)
app.add_typer(models.app, name="models", no_args_is_help=False)
app.add_typer(evaluate.app, name="eval", no_args_is_help=False)


def main() -> None:
    """The console script."""
    if not os.environ.get("UNIDIFF_DEBUG"):
        # What the libraries warn of is not for whoever makes a picture.
        warnings.simplefilter("ignore")
    app()
