"""`unidiff keep`: the helpers that hold a model, started and ended by hand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unidiff_cli.cli.answers.helpers import check_here, kept
from unidiff_cli.cli.command import Command
from unidiff_cli.cli.options.shared import Device, Dtype, Json, Memory, Model, Quiet
from unidiff_cli.cli.options.values import parse_time
from unidiff_cli.cli.terminal.console import Console
from unidiff_cli.cli.terminal.table import drawn
from unidiff_cli.errors import UnidiffError, UsageError
from unidiff_cli.registry import Place

if TYPE_CHECKING:
    from unidiff_cli.keep.overview import Status

EXAMPLES = """\
\b
Examples:
  unidiff keep start --model starter --for 1h
  unidiff keep
  unidiff keep stop starter
  unidiff keep stop all
"""
app = typer.Typer(
    help="Helpers that keep a model loaded: list them, start or stop one.",
    epilog=EXAMPLES,
    rich_markup_mode=None,
    add_completion=False,
)
ALL = "all"


@app.callback(invoke_without_command=True)
def listed(context: typer.Context, json: Json = False) -> None:
    """Helpers that keep a model loaded: list them, start or stop one.

    --keep 10m on a command leaves one behind, too. A helper ends when nobody has used it for that
    time, when its model's files change, when a tenth of the memory is left, and at logout where
    that clears $XDG_RUNTIME_DIR.
    """
    if context.invoked_subcommand is not None:
        return
    check_here()
    console, found = Console(), _helpers()
    rows = [[*_row(status)] for status in found]
    heads = ["MODEL", "DEVICE", "DTYPE", "MEMORY", "PROCESS", "IDLE", "UNTIL"]
    if json:
        from unidiff_cli.files.record import line

        for status in found:
            console.answer(line(status.to_json()))
    elif found:
        console.answer(drawn(heads, rows))
    else:
        console.note("no helper holds a model; --keep 10m on a command leaves one")


def _row(status: Status) -> Iterator[object]:
    from unidiff_cli.storage.layout import human

    yield from (status.model, status.device, status.dtype, human(status.memory), status.process)
    if status.hangs:
        yield from ("hangs", None)
        return
    minutes = status.idle / 60
    idle = f"{status.idle:.0f} s" if minutes < 2 else f"{minutes:.0f} min"
    yield f"{status.requests} asking" if status.requests else idle
    until = time.strftime("%H:%M", time.localtime(time.time() + max(0.0, status.left)))
    yield "ends" if status.leaving else until


@app.command("start", cls=Command)
def start(
    stay: Annotated[
        str, typer.Option("--for", metavar="TIME", help="How long it stays unused: 10m, 2h.")
    ] = "10m",
    model: Model = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    memory: Memory = "auto",
    quiet: Quiet = False,
) -> None:
    """Load a model into a helper, and use each of its parts once, so that the first command is
    as fast as the next."""
    check_here()
    seconds = parse_time(stay)
    if not seconds:
        raise UsageError(
            "usage.range", "A helper that stays no time is none.", "unidiff keep start --for 10m"
        )
    console = Console(quiet)
    place = Place(model=model, device=device, dtype=dtype, memory=memory)
    with console.listening() as progress:
        progress.stage("loading the model")
        found = kept(place, seconds, console, progress, None, partial(_refuse, place))
        if found is None:
            raise UnidiffError(
                "internal.helper", "The helper could not be started.", "Work without it: --keep off"
            )
        found.ask("warm")


def _refuse(place: Place) -> Any:
    raise UnidiffError(
        "internal.helper",
        "The helper did not load the model.",
        f"unidiff t2i --model {place.model} --keep off",
    )


@app.command("stop", cls=Command)
def stop(
    model: Annotated[
        str | None,
        typer.Argument(metavar="MODEL|all", help="Needed where there are several."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """End helpers; what they are asked already is still answered."""
    check_here()
    console, found = Console(quiet), _helpers()
    named = [status for status in found if model in (None, ALL, status.model)]
    if not named:
        raise UsageError(
            "usage.no-helper",
            f"No helper holds {model}." if found and model else "There is no helper to stop.",
            "unidiff keep lists them.",
        )
    if model is None and len(named) > 1:
        names = ", ".join(dict.fromkeys(status.model for status in named))
        raise UsageError(
            "usage.several-helpers", f"There are several: {names}.", "unidiff keep stop all"
        )
    for status in named:
        _stop(status, console)


def _stop(status: Status, console: Console) -> None:
    from unidiff_cli.keep.client import Absent
    from unidiff_cli.keep.overview import end
    from unidiff_cli.storage.layout import human

    try:
        ended = end(status.path)
    except Absent:
        ended = True
    console.note(
        f"{status.model} is no longer held ({human(status.memory)})"
        if ended
        else f"{status.model} ends when it has answered what it is asked"
    )


def _helpers() -> list[Status]:
    from unidiff_cli.keep.overview import helpers

    return helpers()
