"""What the commands of walks are given: pictures and prompts, told apart."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from unidiff_cli.cli.answers.inputs import check_dashes, read_inputs
from unidiff_cli.cli.options.options import Options
from unidiff_cli.core.modes import MODES
from unidiff_cli.errors import InputError, UsageError
from unidiff_cli.files.formats import NAMED
from unidiff_cli.request import Request


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
                "usage.too-many",
                f"Standard input has {len(found)} lines, and one prompt is wanted.",
                "Give it one.",
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
            "input.missing",
            f"There is no file {argument}.",
            "Check the path; --prompts if these are its words.",
        )
    return False
