"""Everything that a user can cause, as one tree; each class has its exit code.

    UnidiffError            1   internal.*   something inside went wrong
    +-- UsageError          2   usage.*      options that do not fit, numbers out of range
    +-- InputError          3   input.*      a picture or a file that cannot be read
    +-- ModelUnavailable    4   model.*      a model that is not here, or is damaged
    +-- OutOfMemory         5   memory.*     the device is full
    +-- DegenerateResult    7   result.*     not a number, or a picture of one colour
    +-- OutputError         8   output.*     the result exists already, or cannot be written

Exit codes with no class: 0 all is well, 6 some items failed, 130 interrupted, 141 the pipe was
closed, 128 + N ended by signal N.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self, cast

from unidiff_cli.errors.codes import Code


class UnidiffError(Exception):
    """What it is by name, one clear sentence, and in `hint` the next thing to try.

    The code is for programs, and stays while sentences change: a row of codes.toml.
    """

    exit_code = 1
    area = "internal"
    """What the class's codes begin with."""

    def __init__(self, code: Code, message: str, hint: str = "") -> None:
        super().__init__(code, message, hint)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message

    def told(self, message: str) -> Self:
        """The same error in other words."""
        return type(self)(self.code, message, self.hint)

    @property
    def kind(self) -> str:
        """The class's name, as records and JSON state it."""
        return type(self).__name__


class UsageError(UnidiffError):
    """The options do not fit together, or a number is out of its range."""

    exit_code = 2
    area = "usage"


class InputError(UnidiffError):
    """A picture or another file could not be read."""

    exit_code = 3
    area = "input"


class ModelUnavailable(UnidiffError):
    """A model is not on this machine, could not be fetched, or is damaged."""

    exit_code = 4
    area = "model"


class OutOfMemory(UnidiffError):
    """The device's memory does not hold the work, even in the smallest batch."""

    exit_code = 5
    area = "memory"


class DegenerateResult(UnidiffError):
    """The result is no result: not-a-number latents, or a picture of one colour."""

    exit_code = 7
    area = "result"


class OutputError(UnidiffError):
    """The output exists already, or cannot be written."""

    exit_code = 8
    area = "output"


AREAS: Mapping[str, type[UnidiffError]] = {
    each.area: each
    for each in (
        *(UnidiffError, UsageError, InputError, ModelUnavailable),
        *(OutOfMemory, DegenerateResult, OutputError),
    )
}
"""What a code begins with -> its class."""


def written(error: UnidiffError) -> dict[str, str]:
    """The error as events have it; `again` is the way back."""
    return {"type": error.kind, "code": error.code, "message": error.message, "hint": error.hint}


def again(said: Mapping[str, str]) -> UnidiffError:
    """The error that was written down so: its code's area says its class.

    Versions before codes were there wrote none.
    """
    code = cast("Code", said.get("code", "internal.unexpected"))
    kind = AREAS.get(code.partition(".")[0], UnidiffError)
    return kind(code, said["message"], said.get("hint", ""))


SOME_FAILED = 6
INTERRUPTED = 130
CLOSED_PIPE = 141


def said(error: Exception) -> str:
    """What somebody else's error is and says, on one line."""
    return f"{type(error).__name__}: {error}".strip().splitlines()[0].rstrip(".: ")
