"""`unidiff batch`: a file of jobs, or jobs on standard input, with one loaded model."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unidiff_cli.cli.options.shared import (
    NO_METADATA,
    NO_PROMPT,
    SIGN,
    BatchSize,
    Device,
    Dtype,
    Memory,
    Model,
    Progress,
    Quiet,
    output_option,
)
from unidiff_cli.cli.terminal.console import Console
from unidiff_cli.cli.terminal.meter import Meter, Tally
from unidiff_cli.errors import SOME_FAILED, UsageError
from unidiff_cli.files.streams import STDIN, is_pipe
from unidiff_cli.request import MAX_COUNT, MAX_SEED, check_whole

if TYPE_CHECKING:
    from unidiff_cli.batch.order import Order

MAX_WORKERS = 1024
work_option = partial(typer.Option, rich_help_panel="Work")
EXAMPLES = """\
\b
Examples:
  unidiff batch jobs.jsonl -o answers/
  unidiff batch jobs.jsonl -o answers/ --shard 2/8
  unidiff batch --schema
  my-program | unidiff batch - -o pictures/ | my-other-program
\b
A line of jobs.jsonl:
  {"custom_id": "fox-1", "mode": "t2i", "prompt": "a red fox", "seed": 7, "steps": 20}
"""

Jobs = Annotated[
    str | None,
    typer.Argument(
        metavar="JOBS", help="A file with one JSON object per line; - is standard input.",
        show_default=False,
    ),
]  # fmt: skip
Folder = Annotated[
    str | None,
    output_option(
        "--output",
        "-o",
        metavar="FOLDER",
        help="Where results.jsonl and pictures/ go. "
        "The same command again does what is missing or failed.",
    ),
]
AsFinished = Annotated[
    bool,
    output_option(
        "--as-finished", help="Write answers as they come, not in the order of the jobs."
    ),
]
Schema = Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of a job.")]
Seed = Annotated[
    int | None,
    work_option(
        "--seed", metavar="N", help="The run's seed: a job without a seed gets one from this and "
        "its custom_id. By default the folder's, else 0.",
    ),
]  # fmt: skip
Part = Annotated[
    str | None,
    work_option("--shard", metavar="I/N", help="Only part I of N; the first is 1."),
]
Workers = Annotated[
    str,
    work_option(
        "--workers", metavar="N", help="Processes, each with its own model; auto is one for each "
        "GPU.",
    ),
]  # fmt: skip
Ray = Annotated[
    str | None,
    work_option(
        "--ray", metavar="ADDRESS", help="The workers are Ray actors: on a cluster, or on this "
        "machine with `local`. Needs unidiff-cli[ray].",
    ),
]  # fmt: skip


def batch(
    jobs: Jobs = None,
    output: Folder = None,
    as_finished: AsFinished = False,
    no_metadata: Annotated[bool, NO_METADATA] = False,
    no_prompt: Annotated[bool, NO_PROMPT] = False,
    sign: Annotated[str | None, SIGN] = None,
    quiet: Quiet = False,
    progress: Progress = "auto",
    schema: Schema = False,
    seed: Seed = None,
    batch_size: BatchSize = None,
    shard: Part = None,
    workers: Workers = "1",
    ray: Ray = None,
    model: Model = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    memory: Memory = "auto",
) -> None:
    """Run the jobs of a file; the same command resumes.

    Modes may be mixed. After a kill, or with more jobs, only what is missing or failed is run.
    """
    from unidiff_cli.batch.order import Order
    from unidiff_cli.batch.shard import Shard
    from unidiff_cli.batch.worker import Spec
    from unidiff_cli.files.stamp import Stamp

    console = Console(quiet=quiet, progress=progress)
    if schema:
        from unidiff_cli.schemas.index import schema as schema_of

        console.answer(json.dumps(schema_of("job"), indent=1))
        return
    if jobs is None or output is None:
        raise UsageError(
            "usage.missing", "Batch needs a file of jobs and -o FOLDER.", "unidiff batch --help"
        )
    check_whole("batch-size", batch_size, 1, MAX_COUNT)
    check_whole("seed", seed, 0, MAX_SEED)
    spec = Spec(
        model=model,
        device=device,
        dtype=dtype,
        memory=memory,
        batch_size=batch_size,
        metadata=not no_metadata,
        prompt=not no_prompt,
        sign=sign or None,
    )
    Stamp.of(metadata=spec.metadata, prompt=spec.prompt, sign=spec.sign)  # tried before all else
    stream = jobs == "-" or is_pipe(jobs)
    order = Order(
        jobs=None if stream else Path(jobs),
        descriptor=os.open(jobs, os.O_RDONLY) if stream and jobs not in ("-", *STDIN) else 0,
        folder=Path(output),
        spec=spec,
        seed=seed,
        shard=Shard.parse(shard) if shard else None,
        workers=_number(workers),
        ray=ray,
    )
    if _run(order, console, as_finished).failed:
        raise typer.Exit(SOME_FAILED)


def _number(workers: str) -> int | None:
    """None for auto."""
    if workers == "auto":
        return None
    number = int(workers) if workers.isdecimal() and len(workers) < 6 else workers
    check_whole("workers", number, 1, MAX_WORKERS)
    return int(workers)


def _run(order: Order, console: Console, as_finished: bool) -> Tally:
    """Do it; on standard output the answers to a pipe, or the file that a file's are in."""
    from unidiff_cli.batch.run import in_order
    from unidiff_cli.files.record import line

    if order.survey and (bad := order.survey.first_bad):
        many, all = order.survey.bad, len(order.survey.custom_ids)
        console.note(f"{many} of {all} lines are no jobs; the first: {bad.error.message}")
    with console.listening() as listener:
        listener.stage("loading the libraries")
        with order.begun() as run:
            meter = Meter(
                console, Tally(None if order.custom_ids is None else len(order.custom_ids))
            )
            replies = run.replies()
            if order.jobs is None and not as_finished:
                replies = in_order(replies, run.accepted)
            try:
                for reply in replies:
                    meter.tell(reply)
                    if order.jobs is None:
                        console.answer(line(reply.answer.placed(order.folder)))
            finally:
                console.note(f"{meter.tally}: {run.store.file}")
            if order.custom_ids is not None:
                if not as_finished:
                    run.store.tidy(order.custom_ids)
                console.answer(str(run.store.file))
    return meter.tally
