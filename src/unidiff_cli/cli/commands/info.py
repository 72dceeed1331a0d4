"""`unidiff info`: what a picture says of how it was made."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from unidiff_cli.cli.command import leave
from unidiff_cli.cli.options.shared import Json
from unidiff_cli.cli.terminal.console import Console, printable
from unidiff_cli.errors import InputError

EXAMPLES = """\
\b
Examples:
  unidiff info t2i-7-0.png
  unidiff info *.png --json | jq .records[0].seed
"""

Files = Annotated[list[str], typer.Argument(metavar="FILE", help="Picture files.")]


def info(files: Files, json: Json = False) -> None:
    """Show how a picture was made, if it says so."""
    from unidiff_cli.files.metadata import read_metadata
    from unidiff_cli.files.record import line

    console, failures = Console(), []
    for file in files:
        try:
            known = read_metadata(file).to_json()
        except InputError as error:
            if len(files) == 1:
                raise
            console.problem(error)
            failures.append(error)
            continue
        console.answer(line({"file": file, **known}) if json else "\n".join(lines(file, known)))
    leave(failures, len(files))


def lines(file: str, known: dict[str, Any]) -> list[str]:
    """What is known of a picture, for people."""
    said = [f"{printable(file)}: {known['format']}, {known['width']} x {known['height']}"]
    for number, record in enumerate(known["records"]):
        if len(known["records"]) > 1:
            said.append(f"  picture {number + 1}")
        outputs, made_with = record.pop("outputs"), record.pop("made_with")
        record.pop("status")
        texts = [output["text"] for output in outputs if "text" in output]
        record |= ({"text": texts[0]} if texts else {}) | made_with
        said += map(_row, record.items())
    walk = known.get("walk", {})
    said += map(_row, walk.items())
    if not known["records"] and not walk:
        said.append(f"  {_nothing(known)}")
    if "parameters" in known and not known["records"]:
        said += [f"  {printable(text)}" for text in known["parameters"].splitlines()]
    if "digital_source" in known:
        said.append("  Made by a trained model (IPTC trainedAlgorithmicMedia).")
    if "others" in known and not known["records"]:
        said.append(f"  Other texts in it: {printable(', '.join(known['others']))}.")
    return said


def _row(setting: tuple[str, object]) -> str:
    name, value = setting
    return f"  {printable(name).replace('_', ' '):<17} {printable(value)}"


def _nothing(known: dict[str, Any]) -> str:
    """Why there is no record to show."""
    if "problem" in known:
        return (
            f"It has a record of unidiff that cannot be understood: {printable(known['problem'])}"
        )
    if "parameters" in known:
        return "It has no record of unidiff, but another program's parameters:"
    return "It says nothing of how it was made."
