"""What the user gives: prompts and pictures, as arguments or on standard input."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from unidiff_cli.cli.terminal.console import is_terminal
from unidiff_cli.core.modes import Mode
from unidiff_cli.errors import InputError, UnidiffError, UsageError
from unidiff_cli.files.names import short_name

if TYPE_CHECKING:
    from PIL import Image

MAX_PROMPT = 4000
"""Characters; the model reads the first 77 tokens."""


@dataclass(frozen=True)
class Given:
    """One input: what is asked about it, or why it cannot be used."""

    name: str
    """For a file's name."""
    prompt: str | None = None
    image: str | Image.Image | None = None
    error: UnidiffError | None = None


def read_inputs(mode: Mode, arguments: Sequence[str]) -> list[Given]:
    """The inputs of a mode: the arguments, "-" or nothing standing for standard input."""
    if mode.needs is None:
        return [Given(mode.name)]
    if not arguments:
        if sys.stdin is None or is_terminal(sys.stdin):
            what = "a prompt" if mode.needs == "text" else "a picture"
            example = '"a red fox in the snow"' if mode.needs == "text" else "photo.jpg"
            raise UsageError(f"{mode.name} needs {what}.", f"unidiff {mode.name} {example}")
        arguments = ["-"]
    check_dashes(arguments)
    if mode.needs == "image":
        return [_picture(argument, first=n == 0) for n, argument in enumerate(arguments)]
    return [_prompt(text) for argument in arguments for text in _prompts(argument)]


def check_dashes(arguments: Sequence[str]) -> None:
    """A UsageError when more than one argument stands for standard input."""
    if list(arguments).count("-") > 1:
        raise UsageError("Standard input can be read only once.", "Give one - only.")


def _prompts(argument: str) -> list[str]:
    """The argument, or the lines on standard input, the empty ones left out."""
    if argument != "-":
        return [argument]
    try:
        text = _standard_input().decode()
    except UnicodeDecodeError:
        raise InputError(
            "Standard input is not text in UTF-8.", "Prompts are read from it, one a line."
        ) from None
    # Not splitlines: to it U+2028 and others, which words may hold, end a line too.
    lines = [line.removesuffix("\r") for line in text.split("\n") if line.strip()]
    if not lines:
        raise InputError("There is no prompt on standard input.", "Prompts are read one a line.")
    return lines


def _standard_input() -> bytes:
    """All of it; nothing where it is closed."""
    from unidiff_cli.files.pictures import read_all

    return b"" if sys.stdin is None else read_all(sys.stdin.buffer, "Standard input")


def _prompt(text: str) -> Given:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError("A prompt is not text in UTF-8.", "Check the terminal's locale.") from None
    if len(text) > MAX_PROMPT:
        raise UsageError(
            f"A prompt has {len(text)} characters; the most is {MAX_PROMPT}.",
            "Shorten it: the model reads its first words only.",
        )
    return Given(short_name(text), prompt=text)


def _picture(argument: str, first: bool) -> Given:
    """A picture that can be opened, or its error.

    Of a file only the first bytes are read. The first file is decoded whole, so that a model is
    not loaded for a single damaged one.
    """
    from unidiff_cli.files.pictures import open_picture, opened

    try:
        if argument == "-":
            return Given("stdin", image=open_picture(_standard_input()))
        if first:
            open_picture(argument)
        else:
            with opened(argument):
                pass
    except InputError as error:
        return Given(Path(argument).stem, image=argument, error=error)
    return Given(Path(argument).stem, image=argument)
