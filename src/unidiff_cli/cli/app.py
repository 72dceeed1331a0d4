"""The command line: `unidiff` and its commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from unidiff_cli import __version__
from unidiff_cli.cli.command import Command, Root
from unidiff_cli.cli.commands import (
    batch,
    bench,
    chain,
    gallery,
    generate,
    info,
    interpolate,
    keep,
    models,
    replay,
    schema,
    score,
    sweep,
    train,
    tune,
)
from unidiff_cli.cli.commands import eval as evaluate
from unidiff_cli.cli.options.walks import with_options
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


def help_alone(context: typer.Context) -> None:
    """Print the help where no command is named."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


GENERATE, EDITS, WALKS, AFTERWARDS, BULK, MODELS = (
    "Seven modes",
    "Pictures and words",
    "Walks",
    "Afterwards",
    "In bulk",
    "Models",
)

generate.register(app, Command, GENERATE, EDITS)


def _add(name: str, function: Callable[..., Any], epilog: str | None, section: str) -> None:
    """A command under a heading of --help, with examples at the end of its own."""
    app.command(name, cls=Command, epilog=epilog, rich_help_panel=section)(function)


_add("score", score.score, score.EXAMPLES, EDITS)
_add("chain", with_options(chain.chain), chain.EXAMPLES, WALKS)
_add(
    "interpolate",
    with_options(interpolate.interpolate, interpolate.LEFT_OUT),
    interpolate.EXAMPLES,
    WALKS,
)
_add("sweep", with_options(sweep.sweep, sweep.LEFT_OUT), sweep.EXAMPLES, WALKS)
_add("info", info.info, info.EXAMPLES, AFTERWARDS)
_add("replay", replay.replay, replay.EXAMPLES, AFTERWARDS)
_add("gallery", gallery.gallery, gallery.EXAMPLES, AFTERWARDS)
_add("batch", batch.batch, batch.EXAMPLES, BULK)
_add("schema", schema.schema, schema.EXAMPLES, BULK)
_add("bench", bench.bench, bench.EXAMPLES, MODELS)
_add("train", train.train, None, MODELS)
_add("tune", tune.tune, tune.EXAMPLES, MODELS)
for group, name in ((models.app, "models"), (evaluate.app, "eval")):
    group.callback(invoke_without_command=True)(help_alone)
    app.add_typer(group, name=name, rich_help_panel=MODELS)
app.add_typer(keep.app, name="keep", rich_help_panel=MODELS)


def main() -> None:
    """The console script."""
    begin()
    app()
