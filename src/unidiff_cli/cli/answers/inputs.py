"""What the user gives: prompts and pictures, as arguments or on standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from unidiff_cli.cli.terminal.console import is_terminal
from unidiff_cli.core.modes import Mode
from unidiff_cli.errors import InputError, UnidiffError, UsageError
from unidiff_cli.files.names import short_name
from unidiff_cli.files.streams import is_pipe, open_bytes, settled
from unidiff_cli.files.text import decode

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


def read_inputs(
    mode: Mode,
    arguments: Sequence[str],
    glob: str | None = None,
    tell: Callable[[str], object] = str,
) -> list[Given]:
    """The inputs of a mode: the arguments, "-" or nothing standing for standard input.

    A folder stands for the pictures in it, with `glob` for those like that; `tell` is told what
    is left out of it.
    """
    if mode.needs is None:
        return [Given(mode.name)]
    if not arguments:
        if sys.stdin is None or is_terminal(sys.stdin):
            what = "a prompt" if mode.needs == "text" else "a picture"
            example = '"a red fox in the snow"' if mode.needs == "text" else "photo.jpg"
            raise UsageError(
                "usage.missing", f"{mode.name} needs {what}.", f"unidiff {mode.name} {example}"
            )
        arguments = ["-"]
    check_dashes(arguments)
    if mode.needs == "image":
        from unidiff_cli.files.folders import expanded

        arguments, folders = expanded(arguments, glob)
        for folder in folders:
            tell(folder.note)
        return [_picture(argument, first=n == 0) for n, argument in enumerate(arguments)]
    return [_prompt(text) for argument in arguments for text in _prompts(argument)]


def apart(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The arguments that mean pictures and those that are words.

    A picture is "-", a file, a folder, or what is named like a picture.
    """
    pictures = [one for one in arguments if is_picture(one)]
    return pictures, [one for one in arguments if not is_picture(one)]


def is_picture(argument: str) -> bool:
    """Whether an argument means a picture, or a folder of them, and not words."""
    from unidiff_cli.files.formats import suffixes

    # os.path takes words that are too long for a name, where Path raises.
    known = argument == "-" or os.path.exists(argument)
    return known or os.path.splitext(argument)[1].lower() in suffixes()


def read_mask(name: str, arguments: Sequence[str]) -> str | Image.Image:
    """A mask that is named, or the one on standard input; a UsageError if a picture is there."""
    if name != "-":
        return str(settled(Path(name)))  # it is opened once for each picture
    if not arguments or "-" in arguments:
        raise UsageError(
            "usage.stdin-twice",
            "Standard input is the picture already, and cannot be its mask too.",
            "Give one of them as a file.",
        )
    from unidiff_cli.files.pictures import opened

    with opened(_standard_input()) as mask:
        mask.load()
        return mask


def check_dashes(arguments: Sequence[str]) -> None:
    """A UsageError when more than one argument stands for standard input."""
    if list(arguments).count("-") > 1:
        raise UsageError(
            "usage.stdin-twice", "Standard input can be read only once.", "Give one - only."
        )


def _prompts(argument: str) -> list[str]:
    """The argument, or the lines on standard input or another pipe, the empty ones left out."""
    if argument != "-" and not is_pipe(argument):
        return [argument]
    name = "Standard input" if argument == "-" else argument
    try:
        text = decode(_standard_input() if argument == "-" else _all_of(argument))
    except UnicodeDecodeError:
        raise InputError(
            "input.encoding",
            f"{name} is not text in UTF-8 or, with a mark, UTF-16.",
            "Prompts are read from it, one a line.",
        ) from None
    # Not splitlines: to it U+2028 and others, which words may hold, end a line too.
    lines = [line.removesuffix("\r") for line in text.split("\n") if line.strip()]
    if not lines:
        raise InputError(
            "input.no-prompts",
            f"There is no prompt on {name.lower()}.",
            "Prompts are read one a line.",
        )
    return lines


def _standard_input() -> bytes:
    """All of it; nothing where it is closed."""
    from unidiff_cli.files.pictures import read_all

    return b"" if sys.stdin is None else read_all(sys.stdin.buffer, "Standard input")


def _all_of(pipe: str) -> bytes:
    from unidiff_cli.files.pictures import read_all

    with open_bytes(pipe) as file:
        return read_all(file, pipe)


def _prompt(text: str) -> Given:
    check_prompt(text)
    return Given(short_name(text), prompt=text)


def check_prompt(text: str) -> None:
    """A UsageError for words that are no text, or too many."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(
            "usage.prompt", "A prompt is not text in UTF-8.", "Check the terminal's locale."
        ) from None
    if len(text) > MAX_PROMPT:
        raise UsageError(
            "usage.prompt",
            f"A prompt has {len(text)} characters; the most is {MAX_PROMPT}.",
            "Shorten it: the model reads its first words only.",
        )


def _picture(argument: str, first: bool) -> Given:
    """A picture that can be opened, or its error.

    Of a file only the first bytes are read. The first file is decoded whole, so that a model is
    not loaded for a single damaged one. What can be read once only is kept as it was read.
    """
    from unidiff_cli.files.pictures import open_picture, opened

    try:
        if argument == "-":
            return Given("stdin", image=open_picture(_standard_input()))
        if is_pipe(argument):
            return Given(Path(argument).stem, image=open_picture(argument))
        if first:
            open_picture(argument)
        else:
            with opened(argument):
                pass
    except InputError as error:
        return Given(Path(argument).stem, image=argument, error=error)
    return Given(Path(argument).stem, image=argument)
