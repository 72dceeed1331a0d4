"""`unidiff bench`: how fast a model is on this machine."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from unidiff_cli.cli.options.shared import Device, Dtype, Json, Memory, Model, Progress, Quiet
from unidiff_cli.cli.terminal.console import Console
from unidiff_cli.cli.terminal.table import drawn
from unidiff_cli.errors import UsageError
from unidiff_cli.registry import Place

EXAMPLES = """\
\b
Examples:
  unidiff bench
  unidiff bench --model unidiffuser-v1 --batch-sizes 1,2,4,8
  unidiff bench --dtype fp32 --json | jq .pictures
"""

GAIN = 1.1
"""int8 is spoken of where it is that many times as fast."""

BatchSizes = Annotated[
    str,
    typer.Option("--batch-sizes", metavar="N,N,...", help="The batch sizes to measure."),
]
Repeats = Annotated[
    int,
    typer.Option("--repeats", metavar="N", min=1, help="How many times each thing is measured."),
]


def bench(
    batch_sizes: BatchSizes = "1,4",
    repeats: Repeats = 3,
    model: Model = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    memory: Memory = "auto",
    json: Json = False,
    quiet: Quiet = False,
    progress: Progress = "auto",
) -> None:
    """Measure how fast a model is here, and what suits it.

    What suits this machine is said in options: a number format and a batch size.
    """
    batches = numbers(batch_sizes)
    console = Console(quiet, progress)
    with console.listening() as listener:
        listener.stage("loading the libraries")
        from unidiff_cli.cli.answers.loading import open_here

        place = Place(model=model, device=device, dtype=dtype, memory=memory)
        loaded = open_here(place, listener)
        from unidiff_cli.engine.bench import Bench

        report = Bench(loaded, repeats)(batches)
    if json:
        from unidiff_cli.files.record import line

        console.answer(line(report))
    else:
        console.answer(told(report))


def numbers(text: str) -> list[int]:
    """Batch sizes, each once, as asked for; UsageError where one is none."""
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = [0]
    if min(found) < 1:
        raise UsageError(
            "usage.form",
            f"--batch-sizes takes whole numbers from 1 on, got {text!r}.",
            "For example --batch-sizes 1,4",
        )
    return list(dict.fromkeys(found))


def told(report: dict[str, Any]) -> str:
    """The report for people."""
    size = " x ".join(map(str, report["size"]))
    head = [
        f"{report['model']} on {report['device']}, {report['dtype']}, {report['threads']} threads",
        f"{size}, {report['evaluations']} evaluations by {report['solver']}, "
        f"guidance {report['guidance']:g}",
        f"a matrix product of the model's shape: {report['ceiling_gflops']:g} GFLOP/s",
        "",
    ]
    body = [
        (
            pictures["batch"],
            spread(pictures["evaluation"]),
            pictures["pictures_a_minute"],
            f"{100 * pictures['share_of_ceiling']:.0f}%",
            captions["captions_a_second"],
        )
        for pictures, captions in zip(report["pictures"], report["captions"], strict=True)
    ]
    headings = ("BATCH", "SECONDS/EVALUATION", "PICTURES/MINUTE", "OF THE PRODUCT", "CAPTIONS/S")
    full = [f"{batch} at once do not fit into the memory" for batch in report["out_of_memory"]]
    tail = [
        *full,
        *in_8_bits(report["int8"]),
        "",
        f"peak memory: {report['peak_memory_gib']:g} GiB",
        f"suits this machine: {report['options']}",
    ]
    return "\n".join([*head, drawn(headings, body), *tail])


def in_8_bits(found: dict[str, float] | None) -> list[str]:
    """What int8 would gain, where it gains something."""
    if found is None or found["times_as_fast"] < GAIN:
        return []
    return [
        "",
        f"--dtype int8: {found['evaluation']:.3g} seconds an evaluation, "
        f"{found['times_as_fast']:g} times as fast, less exact (docs/fast.md)",
    ]


def spread(seconds: dict[str, float]) -> str:
    """The median, and between what it lay."""
    return f"{seconds['median']:.3g} ({seconds['low']:.3g}..{seconds['high']:.3g})"
