"""`unidiff eval clipart`: the starter's own examination, for any model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from unidiff_cli.cli.options.shared import (
    Absent,
    BatchSize,
    Device,
    Dtype,
    Fast,
    Json,
    Memory,
    Model,
    Progress,
    Quiet,
    Solver,
    Steps,
    Times,
    output_option,
    sampling_option,
)
from unidiff_cli.cli.terminal.console import Console
from unidiff_cli.cli.terminal.table import tell
from unidiff_cli.errors import UnidiffError, UsageError
from unidiff_cli.request import MAX_COUNT, MAX_SEED, check_whole

EXAMPLES = """\
\b
Examples:
  unidiff eval clipart --quick
  unidiff eval clipart --model starter -o exam/
  unidiff eval clipart --model ./mine --prompts 200 --pictures 100 --json > mine.json
"""
WHOLE = {"prompts": 1000, "pictures": 600, "pairs": 200, "seeds": 10, "varied": 10}
QUICK = {"prompts": 70, "pictures": 60, "pairs": 20, "seeds": 4, "varied": 1}


def clipart(
    output: Annotated[
        Path | None,
        output_option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Keep samples, clipart.json and plots there; the same command again does what "
            "is missing.",
        ),
    ] = None,
    prompts: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="Only the first N of 1000; groups are mixed.",
            rich_help_panel="Examination",
        ),
    ] = None,
    pictures: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="Only the first N of 600, for i2t.",
            rich_help_panel="Examination",
        ),
    ] = None,
    pairs: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="N", help="How many of joint; 200.", rich_help_panel="Examination"
        ),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="A first look: 70 prompts, 60 pictures, 20 pairs, two prompts with 4 seeds.",
            rich_help_panel="Examination",
        ),
    ] = False,
    examination: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Another examination, with its judge; recipes/starter/examination.py makes them.",
            rich_help_panel="Examination",
        ),
    ] = None,
    seed: Annotated[
        int,
        sampling_option(
            metavar="N", help="Seed of the first sample of each part; the next has N + 1."
        ),
    ] = 0,
    steps: Steps = None,
    solver: Solver = None,
    times: Times = None,
    guidance: Annotated[
        float | None,
        sampling_option(metavar="S", help="The model's by default."),
    ] = None,
    absent: Absent = "fresh",
    fast: Fast = "off",
    model: Model = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    memory: Memory = "auto",
    batch_size: BatchSize = None,
    json: Json = False,
    quiet: Quiet = False,
    progress: Progress = "auto",
) -> None:
    """Examine a model on clip art.

    Does it draw what is asked, and say what it sees? 1000 prompts for t2i, 600 pictures for i2t,
    200 pairs of joint. A small judge that shares nothing with the model looks for things, their
    number and how they stand; colours are read from plain pixels. Figures are in %; those in
    brackets are what real pictures get from the same judge. Groups: trained; combination (of known
    words, never shown together); drawing (one that the starter never saw, of a thing that it did);
    style (one that the starter does not draw).
    """
    from unidiff_cli.evaluate import tables

    console = Console(quiet, progress)
    check_whole("seed", seed, 0, MAX_SEED)
    check_whole("batch-size", batch_size, 1, MAX_COUNT)
    given = {"prompts": prompts, "pictures": pictures, "pairs": pairs}
    amount = (QUICK if quick else WHOLE) | {k: v for k, v in given.items() if v is not None}
    if not any(amount[name] for name in given):
        raise UsageError("Nothing is asked.", "Give --prompts, --pictures or --pairs a number.")
    settings = {"steps": steps, "solver": solver, "times": times, "guidance": guidance}
    asked: dict[str, Any] = {name: value for name, value in settings.items() if value is not None}
    asked |= {"absent": absent, "fast": fast}
    bad: list[UnidiffError] = []
    with console.listening() as listener, _folder(output) as folder:
        listener.stage("loading the libraries")
        from unidiff_cli.batch.worker import Spec
        from unidiff_cli.evaluate.clipart.examination import Examination, open_judge
        from unidiff_cli.evaluate.clipart.sitting import Examiner, Sitting
        from unidiff_cli.speed.dtype import choose_device

        judge, about = open_judge(examination, choose_device(device))
        sitting = Sitting(
            examination=Examination.open(examination),
            folder=folder,
            spec=Spec(
                model=model, device=device, dtype=dtype, memory=memory, batch_size=batch_size
            ),
            settings=asked,
            seed=seed,
            **amount,
        )
        made = sitting.make(listener, bad.append)
        examiner = Examiner(sitting, judge, about["nouns"], made)
        report = {
            "metric": "clipart",
            **examiner.report(listener),
            "judge": about["accuracy"],
            "seed": seed,
            **asked,
            **{name: amount[name] for name in given},
            "made_with": dict(made.made_with),
        }
        report["notes"] = tables.clipart_notes(report)
        files = examiner.keep(report) if output else []
    tell(console, [report], json, *tables.clipart(report), bad)
    if files:
        console.note(f"written: {', '.join(map(str, files))}")


@contextmanager
def _folder(output: Path | None) -> Iterator[Path]:
    """The folder for samples; one that is removed afterwards where none is asked for."""
    if output is not None:
        yield output
    else:
        with TemporaryDirectory(prefix="unidiff-clipart-") as name:
            yield Path(name)
