"""`unidiff schema`: the form of everything that is printed as JSON."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from unidiff_cli.cli.terminal.console import Console

EXAMPLES = """\
\b
Examples:
  unidiff schema
  unidiff schema record > record.schema.json
"""

Name = Annotated[str | None, typer.Argument(metavar="NAME", help="One of those that it lists.")]


def schema(name: Name = None) -> None:
    """Print the JSON Schema of what is printed as JSON.

    Without a name, the names. Its $id ends in a version, which rises when a field goes or comes to
    mean something else.
    """
    from unidiff_cli.schemas import index

    console = Console()
    if name is not None:
        console.answer(json.dumps(index.schema(name), indent=1))
        return
    width = max(map(len, index.SCHEMAS))
    for each, (said, _) in index.SCHEMAS.items():
        console.answer(f"{each:<{width}}  {said}")
