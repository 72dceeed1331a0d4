"""Everything that a user can cause, as one tree; each class has its exit code.

    UnidiffError            1   something inside went wrong
    +-- UsageError          2   options that do not fit together, numbers out of range
    +-- InputError          3   a picture or a file that cannot be read
    +-- ModelUnavailable    4   a model that is not here, or is damaged
    +-- OutOfMemory         5   the device is full
    +-- DegenerateResult    7   not a number, or a picture of one colour
    +-- OutputError         8   the result exists already, or cannot be written

Codes with no class: 0 all is well, 6 some items failed, 130 interrupted, 141 the pipe was closed,
128 + N ended by signal N.
"""

from __future__ import annotations


class UnidiffError(Exception):
    """One clear sentence, and in `hint` the next thing to try."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def kind(self) -> str:
        """The class's name, as records and JSON state it."""
        return type(self).__name__


class UsageError(UnidiffError):
    """The options do not fit together, or a number is out of its range."""

    exit_code = 2


class InputError(UnidiffError):
    """A picture or another file could not be read."""

    exit_code = 3


class ModelUnavailable(UnidiffError):
    """A model is not on this machine, could not be fetched, or is damaged."""

    exit_code = 4


class OutOfMemory(UnidiffError):
    """The device's memory does not hold the work, even in the smallest batch."""

    exit_code = 5


class DegenerateResult(UnidiffError):
    """The result is no result: not-a-number latents, or a picture of one colour."""

    exit_code = 7


class OutputError(UnidiffError):
    """The output exists already, or cannot be written."""

    exit_code = 8


SOME_FAILED = 6
INTERRUPTED = 130
CLOSED_PIPE = 141


def said(error: Exception) -> str:
    """What somebody else's error is and says, on one line."""
    return f"{type(error).__name__}: {error}".strip().splitlines()[0].rstrip(".: ")
