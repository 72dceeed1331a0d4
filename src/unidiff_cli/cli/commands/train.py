"""`unidiff train`: a model of one's own, from a configuration or from pictures with captions."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from unidiff_cli.cli.options.shared import Device, Progress, Quiet


def train(
    config: Annotated[
        Path | None, typer.Argument(help="A TOML file with the tables [part] and [trainer].")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Pictures with captions: a folder (cat.png with cat.txt or cat.caption, or "
            "metadata.jsonl or .csv at any depth), a .jsonl or .csv, or webdataset's .tar files."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-m", metavar="NAME", help="What to begin from; the starter by default."
        ),
    ] = None,
    lora: Annotated[
        int | None,
        typer.Option(min=1, metavar="RANK", help="Train low-rank adapters only; needs peft."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="The run's folder; runs/NAME by default."
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="How many steps in all.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0, metavar="N", help="Save and stop after N minutes.")
    ] = None,
    device: Device = "auto",
    dtype: Annotated[
        Literal["fp32", "bf16"] | None,
        typer.Option(help="The number format to compute in; weights are kept in fp32."),
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Seed for all randomness.")] = None,
    progress: Progress = "auto",
    quiet: Quiet = False,
) -> None:
    """Train a model, or fine-tune one on your pictures.

    A run that was stopped goes on where it was: start it again with the same command. Its folder
    holds checkpoints, log.jsonl, loss.png and samples, and at the end model/, which every command
    takes as --model.

    \b
    Examples:
      unidiff train --data examples/finetune -o runs/zorp
      unidiff t2i "a green zorp" --model runs/zorp/model
      unidiff train my.toml -o runs/mine --minutes 60
    """
    from unidiff_cli.train.start import Options, train

    options = Options(
        config=config,
        data=data,
        model=model,
        lora=lora,
        output=output,
        steps=steps,
        minutes=minutes,
        device=device,
        dtype=dtype,
        seed=seed,
        progress="quiet" if quiet else progress,
    )
    with open(os.devnull, "w") as nowhere:  # stderr is None where the caller closed it
        typer.echo(train(options, sys.stderr or nowhere))
