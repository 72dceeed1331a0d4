"""`--preview`: the picture as it forms, on the terminal or in a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from unidiff_cli.cli.terminal.console import Console, check_terminal
from unidiff_cli.errors import OutputError, UsageError
from unidiff_cli.files.output import check_free, check_suffix, encode, make_folder, replace_file

if TYPE_CHECKING:
    from PIL import Image


def check_preview(where: str, console: Console) -> None:
    """A UsageError when nothing can be drawn there."""
    if where == "-":
        check_terminal(sys.stderr, "--preview -", "standard error")
        if console.quiet or console.progress != "auto":
            raise UsageError(
                "usage.not-together",
                "--preview - draws above the progress bar, which is off.",
                "Leave out --quiet and --progress, or name a file: --preview now.png",
            )
        return
    check_suffix(where, "--preview")
    check_free(Path(where), force=True)
    from unidiff_cli.files.credentials import carries_credentials

    if carries_credentials(where):
        raise OutputError(
            "output.signed",
            f"{where} carries Content Credentials, which a preview in its place would lose.",
            "Try --preview now.png",
        )
    make_folder(Path(where).parent)


def check_apart(where: str | None, files: Iterable[object]) -> None:
    """A UsageError when the preview's file is one of those that are read or made."""
    if where is None or where == "-":
        return
    own = os.path.realpath(where)
    for file in files:
        if isinstance(file, (str, Path)) and os.path.realpath(file) == own:
            raise UsageError(
                "usage.written-twice",
                f"{where} cannot hold both the preview and the result, or what that is made from.",
                "Try --preview now.png",
            )


def show_preview(picture: Image.Image, factor: int, where: str, console: Console) -> None:
    """Draw above the bar, or replace the file by the picture in its full size."""
    if where == "-":
        console.sketch(picture)
        return
    from PIL import Image

    size = (picture.width * factor, picture.height * factor)
    large = picture.resize(size, Image.Resampling.BICUBIC)
    replace_file(Path(where), encode(large, Path(where).suffix, []))
