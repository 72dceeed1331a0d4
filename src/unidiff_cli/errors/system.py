"""What the operating system refuses, as errors of ours: each reason with its own code."""

from __future__ import annotations

import errno
import os

from unidiff_cli.errors import InputError, OutputError

FULL = (errno.ENOSPC, errno.EDQUOT)
"""No room on the disk, or for this user on it."""


def cannot_read(
    path: str | os.PathLike[str], error: OSError, hint: str = "Check the path."
) -> InputError:
    """Why a file cannot be read."""
    if isinstance(error, FileNotFoundError):
        return InputError("input.missing", f"There is no file {path}.", hint)
    if isinstance(error, IsADirectoryError):
        return InputError("input.folder", f"{path} is a folder.", hint)
    reason = error.strerror or str(error)
    return InputError("input.unreadable", f"{path} cannot be read: {reason}.", hint)


def cannot_write(what: str, error: OSError, hint: str = "") -> OutputError:
    """Why `what` fails, a sentence without its end; a full disk is told apart."""
    said = f"{what}: {error.strerror or error}."
    if error.errno in FULL:
        return OutputError("output.disk-full", said, "Make room, or name a place on another disk.")
    return OutputError("output.unwritable", said, hint)
