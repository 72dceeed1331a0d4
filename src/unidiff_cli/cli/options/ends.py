"""What the commands of walks share: their options, and what they are given."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from unidiff_cli.cli.answers.inputs import check_dashes, read_inputs
from unidiff_cli.cli.options.options import Options, parameters
from unidiff_cli.cli.options.shared import output_option, sampling_option
from unidiff_cli.core.modes import MODES
from unidiff_cli.errors import InputError, UsageError
from unidiff_cli.files.formats import NAMED
from unidiff_cli.request import Request

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
LEFT_OUT = {"count", "batch_size", "grid", "format", "absent"}
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


def read_ends(
    arguments: Sequence[str], prompts: bool, chosen: Options, many: bool = False
) -> list[Request]:
    """A request for each argument: i2t for a picture, t2i for a prompt.

    A picture is an argument that names a file, or "-" for standard input. With `prompts` that is
    a line of words; several lines are several prompts, if `many` may come of an argument.
    """
    check_dashes(arguments)
    seed = secrets.randbits(32) if chosen.seed is None else chosen.seed
    requests = []
    for argument in arguments:
        mode = MODES["t2i" if prompts or not _is_picture(argument) else "i2t"]
        found = read_inputs(mode, [argument])
        if len(found) > 1 and not many:
            raise UsageError(
                f"Standard input has {len(found)} lines, and one prompt is wanted.", "Give it one."
            )
        settings = chosen.settings(mode) | {"count": 1}
        for given in found:
            if given.error is not None:
                raise given.error
            requests.append(
                Request(
                    mode=mode.name, prompt=given.prompt, image=given.image, seed=seed, **settings
                )
            )
    return requests


def _is_picture(argument: str) -> bool:
    """Whether a file is meant; an InputError for the name of one that is not there."""
    # os.path takes a prompt that is too long for a name, where Path raises.
    if argument == "-" or (os.path.exists(argument) and not os.path.isdir(argument)):
        return True
    if Path(argument).suffix.lower() in NAMED:
        raise InputError(
            f"There is no file {argument}.", "Check the path; --prompts if these are its words."
        )
    return False
