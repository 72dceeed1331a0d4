"""`unidiff tune`: a solver of the model's own, which needs fewer steps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unidiff_cli.cli.options.shared import Device, Force, Progress, Quiet, output_option
from unidiff_cli.cli.terminal.console import Console
from unidiff_cli.core.tuned import LEGS
from unidiff_cli.errors import UsageError
from unidiff_cli.registry import Place
from unidiff_cli.request import MAX_COUNT, MAX_SEED, check_choice, check_whole

EXAMPLES = """\
\b
Examples:
  unidiff tune runs/mine/model
  unidiff tune runs/mine/model --modes t2i --steps 5,7
  unidiff t2i "a red fox" --model runs/mine/model --solver tuned --steps 5
"""
MOST_STEPS = 32
"""Of a learned solver: with more, formulas are as good, and learning takes long."""


def tune(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="A name from `unidiff models list`, a folder, or a Hub id."
        ),
    ],
    modes: Annotated[
        str,
        typer.Option(
            metavar="MODE,...", help="Of t2i, i2t, joint, i, t; i2t2i and t2i2t are t2i and i2t."
        ),
    ] = "t2i,i2t,joint,i,t",
    steps: Annotated[
        str, typer.Option(metavar="N,...", help="The numbers of evaluations to learn for.")
    ] = "5,7,8,10,12",
    samples: Annotated[
        int,
        typer.Option(
            min=8, max=4096, metavar="N", help="Trajectories; a quarter is held out for the error."
        ),
    ] = 64,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the first trajectory.")] = 0,
    output: Annotated[
        Path | None,
        output_option(
            "--output",
            "-o",
            metavar="FILE",
            help="What is learned; by default tuned.json beside the model, where --solver tuned "
            "finds it.",
        ),
    ] = None,
    force: Force = False,
    device: Device = "auto",
    quiet: Quiet = False,
    progress: Progress = "auto",
) -> None:
    """Learn where a model's steps should lie, and how each is made.

    The model walks in many small steps; from where these lead, times and weights are fitted with
    which few steps come near. Noise and seeds stay as they are. The file is written after every
    number of steps that is learned, and the same command again goes on. All is computed in fp32.
    """
    asked, counts = _modes(modes), _counts(steps)
    check_whole("seed", seed, 0, MAX_SEED - MAX_COUNT)
    console = Console(quiet, progress)
    with console.listening() as listener:
        listener.stage("loading the libraries")
        from unidiff_cli.cli.answers.loading import open_here

        loaded = open_here(Place(model=model, device=device, dtype="fp32"), listener)
        from unidiff_cli.engine.tuner import Tuner, begun

        tuner = Tuner(loaded, output or _beside(model), samples, seed, console.note)
        tuner(asked, counts, None if force else begun(tuner))
    console.answer(str(tuner.target))


def _beside(model: str) -> Path:
    """Where --solver tuned looks for it."""
    from unidiff_cli.storage.find import find
    from unidiff_cli.storage.layout import TUNED

    folder = find(model).folder
    if folder is None:
        raise UsageError("usage.needs-option", f"{model} has no folder.", "Name a file with -o.")
    return folder / TUNED


def _modes(text: str) -> list[str]:
    """The legs, each once; UsageError where one is none."""
    found = list(dict.fromkeys(part.strip() for part in text.split(",")))
    for mode in found:
        check_choice("mode", mode, LEGS)
    return found


def _counts(text: str) -> list[int]:
    """Numbers of steps, each once; UsageError where one is none."""
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = [0]
    for count in found:
        if not 2 <= count <= MOST_STEPS:
            raise UsageError(
                "usage.form",
                f"--steps takes whole numbers from 2 to {MOST_STEPS}, got {text!r}.",
                "For example --steps 5,8",
            )
    return list(dict.fromkeys(found))
