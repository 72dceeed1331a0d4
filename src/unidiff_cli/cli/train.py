"""`unidiff train`: a model of one's own, from a configuration or from pictures with captions."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Precision(StrEnum):
    """How numbers are kept while training; weights and averages always are float32."""

    fp32 = "fp32"
    bf16 = "bf16"


class Shown(StrEnum):
    """What of the progress is shown on stderr."""

    auto = "auto"
    bar = "bar"
    lines = "lines"


def train(
    config: Annotated[
        Path | None, typer.Argument(help="A TOML file with the tables [part] and [trainer].")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Pictures with captions: a folder (cat.png + cat.txt, or metadata.jsonl), "
            "a .jsonl file, or webdataset's .tar files."
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="The model to begin from [default: starter].")
    ] = None,
    lora: Annotated[
        int | None,
        typer.Option(min=1, metavar="RANK", help="Train low-rank adapters only; needs peft."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The run's folder [default: runs/NAME].")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="How many steps in all.")] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Save and stop after so many minutes.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")] = "auto",
    dtype: Annotated[Precision | None, typer.Option(help="What to compute in.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of all that is drawn.")] = None,
    progress: Annotated[
        Shown, typer.Option(help="auto: a bar on a terminal, lines elsewhere.")
    ] = Shown.auto,
) -> None:
    """Train a model, or fine-tune one on your pictures.

    A run that was stopped goes on where it was: start it again with the same command. Its folder
    holds checkpoints, log.jsonl, loss.png and samples, and at the end model/, which every command
    takes as --model.

    \b
    Examples:
      unidiff train --data examples/finetune -o runs/zorp
      unidiff t2i "a green zorp" --model runs/zorp/model
      unidiff train recipes/starter/uvit.toml --minutes 60
    """
    from unidiff_cli.train.command import Options, train

    options = Options(
        config=config,
        data=data,
        model=model,
        lora=lora,
        out=out,
        steps=steps,
        minutes=minutes,
        device=device,
        dtype=dtype and dtype.value,
        seed=seed,
    )
    folder = train(
        options, sys.stderr, live=None if progress is Shown.auto else progress is Shown.bar
    )
    typer.echo(folder)
