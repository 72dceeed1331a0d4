"""How commands look and fail: plain help in sections, and the one place that catches errors."""

from __future__ import annotations

import os
import sys
import traceback
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from unidiff_cli.cli.terminal.console import drop_stdout, say_error
from unidiff_cli.errors import (
    CLOSED_PIPE,
    INTERRUPTED,
    SOME_FAILED,
    UnidiffError,
    UsageError,
    said,
)
from unidiff_cli.process import ending_in_order

# What Typer raises for a command line that it cannot read; it exports only this child of it.
WRONG_USE: Any = typer.BadParameter.__base__


class Command(TyperCommand):
    """A command whose help lists its options in sections."""

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


class Root(TyperGroup):
    """The program: its errors become one sentence and an exit code."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Typer's own flags (help and completion) are False by default, as ours are.

        By default they are None, and to check that, Typer imports pydantic: a third of the time
        that the help of a command takes.
        """
        for parameter in self.get_params(ctx):
            if parameter.default is None:
                parameter.default = False
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands under the headings they name."""
        sections: defaultdict[str, list[tuple[str, Any]]] = defaultdict(list)
        for name, command in self.commands.items():
            if not command.hidden:
                heading = getattr(command, "rich_help_panel", None)
                sections[heading if isinstance(heading, str) else "Commands"].append(
                    (name, command)
                )
        width = max(len(name) for rows in sections.values() for name, _ in rows)
        for heading, rows in sections.items():
            with formatter.section(heading):
                limit = formatter.width - 6 - width
                formatter.write_dl(
                    [(name.ljust(width), row.get_short_help_str(limit)) for name, row in rows]
                )

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
            return super(Root, self).main(
                args, prog_name, complete_var, False, windows_expand_args, **extra
            )

        with ending_in_order() as came:
            code = exit_code(run)
        sys.exit(128 + came[0] if came and code == INTERRUPTED else code)


def leave(failures: Sequence[UnidiffError], of: int) -> None:
    """typer.Exit where something failed: with the first error's code where all of it did."""
    if failures:
        raise typer.Exit(failures[0].exit_code if len(failures) == of else SOME_FAILED)


def exit_code(run: Callable[[], Any]) -> int:
    """The exit code of a run; what went wrong is said on stderr."""
    try:
        returned = run()
    except UnidiffError as error:
        say_error(error.message, error.hint)
        return error.exit_code
    except WRONG_USE as error:
        say_error(_sentence(error.format_message()), _help_of(error))
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
        return _unexpected(error)
    code = returned if isinstance(returned, int) else 0
    if code == INTERRUPTED:
        say_error("interrupted.")
    if code in (INTERRUPTED, CLOSED_PIPE):
        drop_stdout()
    return code


def _sentence(message: str) -> str:
    return message if message.endswith((".", "?", ")")) else f"{message}."


def _help_of(error: Any) -> str:
    """How to see the help of the command that was misused."""
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context else 'unidiff'} --help"


def _unexpected(error: Exception) -> int:
    """One sentence for what should not happen; the traceback for whoever asks for it."""
    if isinstance(error, OSError):
        drop_stdout()
    if os.environ.get("UNIDIFF_DEBUG"):
        traceback.print_exc()
    say_error(
        f"something went wrong inside ({said(error)}).",
        "set UNIDIFF_DEBUG=1 to see where, and report it with that.",
    )
    return UnidiffError.exit_code
