"""`unidiff eval clipart`: the starter's own examination, for any model."""

from __future__ import annotations

from functools import partial
from pathlib import Path
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
from unidiff_cli.errors import UsageError
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

part_option = partial(typer.Option, rich_help_panel="Examination")
first_option = partial(part_option, min=0, metavar="N")

Output = Annotated[
    Path | None,
    output_option(
        "--output", "-o", metavar="FOLDER", help="Keep samples, clipart.json and plots there; "
        "the same command again does what is missing.",
    ),
]  # fmt: skip
Prompts = Annotated[int | None, first_option(help="Only the first N of 1000; groups are mixed.")]
Pictures = Annotated[int | None, first_option(help="Only the first N of 600, for i2t.")]
Pairs = Annotated[int | None, first_option(help="How many of joint; 200.")]
Quick = Annotated[
    bool,
    part_option(
        "--quick", help="A first look: 70 prompts, 60 pictures, 20 pairs, two prompts with 4 seeds."
    ),
]
Examination = Annotated[
    Path | None,
    part_option(
        metavar="FOLDER", help="Another examination, with its judge; "
        "recipes/starter/examination.py makes them.",
    ),
]  # fmt: skip
Seed = Annotated[
    int,
    sampling_option(metavar="N", help="Seed of the first sample of each part; the next has N + 1."),
]
Guidance = Annotated[float | None, sampling_option(metavar="S", help="The model's by default.")]


def clipart(
    output: Output = None,
    prompts: Prompts = None,
    pictures: Pictures = None,
    pairs: Pairs = None,
    quick: Quick = False,
    examination: Examination = None,
    seed: Seed = 0,
    steps: Steps = None,
    solver: Solver = None,
    times: Times = None,
    guidance: Guidance = None,
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
        raise UsageError(
            "usage.missing", "Nothing is asked.", "Give --prompts, --pictures or --pairs a number."
        )
    settings = {"steps": steps, "solver": solver, "times": times, "guidance": guidance}
    asked: dict[str, Any] = {name: value for name, value in settings.items() if value is not None}
    asked |= {"absent": absent, "fast": fast}
    with console.listening() as listener:
        listener.stage("loading the libraries")
        from unidiff_cli.batch.worker import Spec
        from unidiff_cli.evaluate.clipart.run import examine

        spec = Spec(model=model, device=device, dtype=dtype, memory=memory, batch_size=batch_size)
        measured = examine(spec, examination, output, amount, asked, seed, listener)
    (report,) = measured.answers
    tell(console, [report], json, *tables.clipart(report), measured.bad)
    if measured.files:
        console.note(f"written: {', '.join(map(str, measured.files))}")
