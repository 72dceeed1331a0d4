"""`unidiff gallery`: a folder of pictures as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unidiff_cli.cli.command import leave
from unidiff_cli.cli.options.shared import Force, Quiet
from unidiff_cli.cli.terminal.console import Console
from unidiff_cli.errors import InputError

EXAMPLES = """\
\b
Examples:
  unidiff gallery pictures/
  unidiff gallery pairs/ -o pairs.html --title "A thousand pairs" --side 256
"""

Folder = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="Pictures, also in the folders inside it.")
]
Out = Annotated[
    Path, typer.Option("--output", "-o", metavar="FILE", help="The page; - for stdout.")
]
Title = Annotated[
    str | None, typer.Option("--title", metavar="WORDS", help="By default the folder's name.")
]
Side = Annotated[
    int,
    typer.Option(
        "--side",
        metavar="PIXELS",
        min=16,
        max=4096,
        help="Pictures with a longer side are shrunk to it; the files stay as they are.",
    ),
]


def gallery(
    folder: Folder,
    output: Out = Path("gallery.html"),
    title: Title = None,
    side: Side = 512,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Put a folder of pictures into one HTML page.

    It shows their captions and settings, and holds the pictures themselves, so it works offline and
    can be sent as one file. Captions come from a .txt beside each picture, else from a
    metadata.jsonl or pairs.jsonl, else from the pictures.
    """
    from unidiff_cli.files.output import check_new, save
    from unidiff_cli.gallery.collect import collect
    from unidiff_cli.gallery.page import card, page

    console = Console(quiet=quiet)
    to_stdout = str(output) == "-"
    if not to_stdout:
        check_new(output, force)
    cards, failures = [], []
    for item in collect(folder, console.note):
        try:
            if isinstance(item, InputError):
                raise item
            cards.append(card(item, side))
        except InputError as error:
            console.problem(error)
            failures.append(error)
    if not cards:
        leave(failures, len(failures))
        raise InputError(
            "input.no-pictures",
            f"{folder} holds no picture.",
            "Name a folder with pictures in it.",
        )
    data = page(title or folder.resolve().name or str(folder), cards).encode()
    if to_stdout:
        console.answer_bytes(data)
    else:
        console.answer(str(save(output, data, force)))
    console.note(f"{len(cards)} picture{'s' * (len(cards) > 1)}, {len(data) / 1e6:.1f} MB")
    leave(failures, len(failures) + len(cards))
