"""What the commands of walks share: their options."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, Signature, signature
from typing import Annotated, Any

import typer

from unidiff_cli.cli.options.options import parameters
from unidiff_cli.cli.options.shared import output_option, sampling_option
from unidiff_cli.core.modes import MODES

WALK = "Walk"
Prompts = Annotated[
    bool,
    typer.Option(
        "--prompts",
        help="Read arguments as prompts even if files of those names exist.",
        rich_help_panel=WALK,
    ),
]
Output = Annotated[
    str | None,
    output_option(
        "--output",
        "-o",
        metavar="WHERE",
        help="A file for the strip or sheet, from which single pictures get their names; a "
        "folder/; or - for its bytes on stdout. By default unused names in the current folder.",
    ),
]
Seed = Annotated[
    int | None,
    sampling_option(
        "--seed",
        metavar="N",
        help="The seed of the whole walk; by default a random one is drawn and printed.",
    ),
]
LEFT_OUT = {"count", "batch_size", "grid", "format", "absent", "best_of", "order"}
"""Options of a mode that mean nothing to a walk of one sample."""


def with_options(body: Callable[..., None], left_out: set[str] = LEFT_OUT) -> Callable[..., None]:
    """The command with the options of the modes behind its own, in a signature for Typer."""
    own = [
        p.replace(kind=Parameter.KEYWORD_ONLY)
        for p in signature(body, eval_str=True).parameters.values()
        if p.kind is not Parameter.VAR_KEYWORD
    ]
    names = {p.name for p in own} | left_out
    here = {"output": Output, "seed": Seed}
    rest = [
        p.replace(annotation=here.get(p.name, p.annotation))
        for p in parameters(MODES["joint"])
        if p.name not in names
    ]

    def command(**values: Any) -> None:
        body(**values)

    whole = Signature([*own, *rest])
    vars(command)["__signature__"] = whole
    command.__annotations__ = {p.name: p.annotation for p in whole.parameters.values()}
    command.__doc__ = body.__doc__
    return command
