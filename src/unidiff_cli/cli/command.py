"""How commands look and fail: plain help in sections, and the one place that catches errors."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, get_args, get_origin

import typer
from typer.core import TyperCommand, TyperGroup

from unidiff_cli.cli.terminal.console import (
    drop_stdout,
    error_event,
    event,
    say_error,
    usual_progress,
)
from unidiff_cli.errors import (
    CLOSED_PIPE,
    INTERRUPTED,
    SOME_FAILED,
    UnidiffError,
    UsageError,
    said,
)
from unidiff_cli.errors.codes import Code
from unidiff_cli.process import ending_in_order

# What Typer raises for a command line that it cannot read; it exports only this child of it.
WRONG_USE: Any = typer.BadParameter.__base__
NUMBER = re.compile(r"[0-9]{1,18}")
"""Whole and not negative: spelled otherwise, Typer reads it."""
WRONG_USES: Mapping[str, Code] = {
    "NoSuchOption": "usage.unknown-option",
    "MissingParameter": "usage.missing",
    "BadOptionUsage": "usage.missing",
    "BadChoice": "usage.choice",
    "OutOfRange": "usage.range",
    "BadParameter": "usage.form",
}
"""The names of its children, one of them in three, -> codes; the others are about the command."""
SIGNS: Mapping[str, str] = {
    " is not one of ": "BadChoice",
    " should be greater ": "OutOfRange",
    " should be less ": "OutOfRange",
}
"""What a BadParameter's message has in it -> which of the three it is."""


class Command(TyperCommand):
    """A command whose help lists its options in sections, and that reads plain values itself."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Its parameters read plain values themselves."""
        read_plainly(self.get_params(ctx))
        return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then the options under the headings they name."""
        sections: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx)
            if row is not None:
                argument = parameter.param_type_name == "argument"
                heading = getattr(parameter, "rich_help_panel", None)
                sections["Arguments" if argument else heading or "Options"].append(row)
        for heading, rows in sections.items():
            with formatter.section(heading):
                formatter.write_dl(rows)


def read_plainly(parameters: Sequence[Any]) -> None:
    """Let Typer see values only that have to be converted or checked.

    It has pydantic for that, whose import and adapters take longer than all else that a command
    with a helper does before it asks.
    """
    for parameter in parameters:
        vars(parameter)["process_value"] = partial(_read, parameter)


def _read(parameter: Any, context: Any, value: Any) -> Any:
    """What Typer makes of a value; without Typer where that is plain."""
    known = getattr(parameter, "type_descriptor", None)  # Typer 0.27 has none, and no pydantic
    wanted = getattr(known, "annotation", None)
    if value is None and wanted is bool:  # its own flags; ours are False by default
        value = False
    elif known is not None and parameter.callback is None and not known.is_ranged:
        if value is None and not parameter.required:
            return () if parameter.multiple or parameter.nargs == -1 else None
        if type(value) is wanted and wanted in (str, int, float):
            return value
        if wanted is int and type(value) is str and NUMBER.fullmatch(value):
            return int(value)
        if get_origin(wanted) is Literal and value in get_args(wanted):
            return value
        if wanted == list[str] and type(value) in (list, tuple) and set(map(type, value)) == {str}:
            return list(value)
    return type(parameter).process_value(parameter, context, value)


class Program(TyperGroup):
    """The program: its errors become one sentence and an exit code."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Its parameters read plain values themselves."""
        read_plainly(self.get_params(ctx))
        return super().parse_args(ctx, args)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command line and leave with its exit code."""

        def run() -> Any:
            return super(Program, self).main(
                args, prog_name, complete_var, False, windows_expand_args, **extra
            )

        with ending_in_order() as came:
            code = exit_code(run, events=_wants_events(args))
        sys.exit(128 + came[0] if came and code == INTERRUPTED else code)


def help_alone(context: typer.Context) -> None:
    """Print the help where no command is named."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def leave(failures: Sequence[UnidiffError], of: int) -> None:
    """typer.Exit where something failed: with the first error's code where all of it did."""
    if failures:
        raise typer.Exit(failures[0].exit_code if len(failures) == of else SOME_FAILED)


def _wants_events(args: Sequence[str] | None) -> bool:
    """Whether programs read stderr, as --progress json says; nothing is parsed yet."""
    given = [*(sys.argv[1:] if args is None else args)]
    if "--progress" in given[:-1]:
        return given[given.index("--progress") + 1] == "json"
    return "--progress=json" in given or usual_progress() == "json"


def exit_code(run: Callable[[], Any], events: bool = False) -> int:
    """The exit code of a run; what went wrong is said on stderr, or told as an event."""
    try:
        returned = run()
    except UnidiffError as error:
        _say(error, events)
        return error.exit_code
    except WRONG_USE as error:
        _say(_wrong_use(error), events)
        return UsageError.exit_code
    except KeyboardInterrupt:
        returned = INTERRUPTED
    except BrokenPipeError:
        returned = CLOSED_PIPE
    except SystemExit as stop:
        # Typer itself leaves with 1 on a closed pipe.
        closed = isinstance(stop.__context__, BrokenPipeError)
        returned = CLOSED_PIPE if closed else stop.code
    except Exception as error:  # noqa: BLE001 - the last resort
        _say(_unexpected(error), events)
        return UnidiffError.exit_code
    code = returned if isinstance(returned, int) else 0
    if code == INTERRUPTED:
        event(event="note", text="interrupted.") if events else say_error("interrupted.")
    if code in (INTERRUPTED, CLOSED_PIPE):
        drop_stdout()
    return code


def _say(error: UnidiffError, events: bool) -> None:
    error_event(error) if events else say_error(error.message, error.hint)


def _wrong_use(error: Any) -> UsageError:
    message = error.format_message().replace("Value error, ", "")  # how pydantic begins
    name = next((n for sign, n in SIGNS.items() if sign in message), type(error).__name__)
    return UsageError(
        WRONG_USES.get(name, "usage.command-line"), _sentence(message), _help_of(error)
    )


def _sentence(message: str) -> str:
    return message if message.endswith((".", "?", ")")) else f"{message}."


def _help_of(error: Any) -> str:
    """How to see the help of the command that was misused."""
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context else 'unidiff'} --help"


def _unexpected(error: Exception) -> UnidiffError:
    """One sentence for what should not happen; the traceback for whoever asks for it."""
    if isinstance(error, OSError):
        drop_stdout()
    if os.environ.get("UNIDIFF_DEBUG"):
        traceback.print_exc()
    return UnidiffError(
        "internal.unexpected",
        f"something went wrong inside ({said(error)}).",
        "set UNIDIFF_DEBUG=1 to see where, and report it with that.",
    )
