"""`unidiff replay`: make again what a picture or a record says it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from unidiff_cli.cli.answers.delivery import Delivery, Plan, delivering, make_plan
from unidiff_cli.cli.commands.info import printable
from unidiff_cli.cli.options.changes import (
    Fast,
    Guidance,
    Interval,
    Seed,
    Size,
    Solver,
    Steps,
    Times,
)
from unidiff_cli.cli.options.shared import Force, Json, Progress, Quiet, model_option, output_option
from unidiff_cli.cli.options.values import parse_interval, parse_size
from unidiff_cli.cli.terminal.console import Console
from unidiff_cli.errors import SOME_FAILED, OutputError, UnidiffError, UsageError
from unidiff_cli.files.names import Sample
from unidiff_cli.process import spare_pages

if TYPE_CHECKING:
    from unidiff_cli.engine.pipeline import UniDiffuser
    from unidiff_cli.files.replay import Original, Place
    from unidiff_cli.progress import Progress as ProgressListener
    from unidiff_cli.request import Request

EXAMPLES = """\
\b
Examples:
  unidiff replay fox.png
  unidiff replay fox.png --check
  unidiff replay fox.png --seed 8 --steps 50 -o better.png
  unidiff replay variation.png --image photo.jpg
  unidiff replay records.jsonl -o again/
"""

Files = Annotated[
    list[str],
    typer.Argument(metavar="FILE", help="Pictures that unidiff made, or JSON or JSONL records."),
]
Check = Annotated[
    bool,
    output_option(
        "--check",
        help="Compare with what is there, write nothing; exit code 6 if anything differs.",
    ),
]
Output = Annotated[
    str | None,
    output_option(
        "--output",
        "-o",
        metavar="WHERE",
        help="As for the command that made it: a file, a folder/, a template, or -.",
    ),
]
Image = Annotated[
    str | None,
    typer.Option(
        "--image",
        metavar="FILE",
        help="The picture that it was made from; the one that a record names is not opened.",
    ),
]
# Without the variables of the environment: they are what new pictures are made with.
Model = Annotated[
    str | None,
    model_option(
        "--model",
        "-m",
        metavar="NAME",
        help="Another model, or the recorded one if `unidiff models list` does not name it.",
    ),
]
Device = Annotated[
    Literal["auto", "cuda", "mps", "cpu"] | None,
    model_option("--device", help="Other than recorded."),
]
Dtype = Annotated[
    Literal["auto", "fp32", "bf16", "fp16"] | None,
    model_option("--dtype", help="Other than recorded."),
]


@dataclass(frozen=True, kw_only=True)
class Task:
    """One record to be made again."""

    original: Original
    request: Request
    place: Place
    samples: tuple[Sample, ...]
    """Those of all tasks are numbered through."""

    @property
    def pictures(self) -> bool:
        """Whether it makes pictures, not words alone."""
        return "image" in self.request.walk.yields


def replay(
    files: Files,
    check: Check = False,
    image: Image = None,
    seed: Seed = None,
    steps: Steps = None,
    solver: Solver = None,
    times: Times = None,
    guidance: Guidance = None,
    guidance_interval: Interval = None,
    fast: Fast = None,
    size: Size = None,
    model: Model = None,
    device: Device = None,
    dtype: Dtype = None,
    output: Output = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
    progress: Progress = "auto",
) -> None:
    """Make again what a record describes, or something like it.

    The record is in a picture, or in a JSON or JSONL file. What options change is made anew, with
    all else as it was.
    """
    if check and (output is not None or force):
        raise UsageError("--check writes nothing.", "Leave out -o, or leave out --check.")
    console = Console(quiet=quiet, progress=progress)
    choices = {
        "seed": seed,
        "steps": steps,
        "solver": solver,
        "times": times,
        "guidance": guidance,
        "guidance_interval": parse_interval(guidance_interval),
        "fast": fast,
        "size": parse_size(size),
    }
    changes = {name: value for name, value in choices.items() if value is not None}
    tasks, errors = _tasks(files, changes, image, (model, device, dtype), check)
    if not tasks and len(errors) == 1:
        raise errors[0]
    plans = {} if check else _plans(tasks, output=output, force=force, json=json)
    for error in errors:
        console.problem(error)
    bad, other = len(errors), 0
    with console.listening() as listener, ExitStack() as stack:
        listener.stage("loading the libraries")
        if all(task.place.memory != "auto" for task in tasks):
            spare_pages()
        deliveries = {
            pictures: stack.enter_context(delivering(plan, console, len(tasks)))
            for pictures, plan in plans.items()
        }
        models: dict[Place, UniDiffuser] = {}
        for task in tasks:
            loaded = _model(models, task.place, listener)
            try:
                if check:
                    other += not _check(task, loaded, console, json)
                else:
                    errors += _make(task, loaded, deliveries[task.pictures])
            except OutputError:  # a full disk is full for all of them
                raise
            except UnidiffError as error:
                console.problem(error)
                errors.append(error)
    if errors and len(errors) == bad + sum(len(task.samples) for task in tasks):
        raise typer.Exit(errors[0].exit_code)
    if errors or other:
        raise typer.Exit(SOME_FAILED)


def _tasks(
    files: Sequence[str],
    changes: Mapping[str, Any],
    image: str | None,
    place: tuple[str | None, str | None, str | None],
    check: bool,
) -> tuple[list[Task], list[UnidiffError]]:
    """What can be made again, and what is wrong with the rest."""
    from unidiff_cli.files.replay import Original, check_comparable, originals, place_of, request_of

    tasks: list[Task] = []
    errors: list[UnidiffError] = []
    for file in files:
        found = originals(Path(file))
        while True:
            try:
                original = next(found, None)
                if original is None:
                    break
                if not isinstance(original, Original):
                    raise original
                request = request_of(original, changes, image)
                if check:
                    check_comparable(original)
                chosen = place_of(original.record, *place)
                tasks.append(_task(original, request.seeded(), chosen, tasks))
            except UnidiffError as error:  # which may say what a stranger's file says
                errors.append(type(error)(printable(error.message), printable(error.hint)))
    if not tasks and not errors:
        raise UsageError("There is no record to replay.", "unidiff replay --help")
    return tasks, errors


def _task(original: Original, request: Request, place: Place, before: Sequence[Task]) -> Task:
    first = sum(len(task.samples) for task in before)
    name = (original.picture or Path("replay")).stem
    samples = tuple(
        Sample(mode=request.mode, seed=(request.seed or 0) + k, index=first + k, name=name)
        for k in range(request.count)
    )
    return Task(original=original, request=request, place=place, samples=samples)


def _plans(
    tasks: Sequence[Task], *, output: str | None, force: bool, json: bool
) -> dict[bool, Plan]:
    """Where pictures go, and where words alone do; refused before anything heavy is loaded."""
    plans = {}
    for pictures in {task.pictures: None for task in tasks}:
        some = [task for task in tasks if task.pictures is pictures]
        samples = [sample for task in some for sample in task.samples]
        walk = some[0].request.walk
        plans[pictures] = make_plan(walk, samples, output=output, force=force, json=json)
    if len(plans) > 1 and output == "-":
        raise UsageError("Stdout takes a picture or words, not both.", "Try -o again/")
    return plans


def _model(
    models: dict[Place, UniDiffuser], place: Place, listener: ProgressListener
) -> UniDiffuser:
    """The model, loaded once for all that was made with it."""
    import torch

    from unidiff_cli.engine.pipeline import UniDiffuser

    if place.threads is not None:
        torch.set_num_threads(place.threads)
    if place not in models:
        models[place] = UniDiffuser.load(
            place.model,
            device=place.device,
            dtype=place.dtype,
            memory=place.memory,
            progress=listener,
        )
    return models[place]


def _check(task: Task, model: UniDiffuser, console: Console, json: bool) -> bool:
    """Whether it comes out the same; the answer says how near, and what may be the reason."""
    from unidiff_cli.files.record import line
    from unidiff_cli.files.replay import compare

    result = model.run(task.request)
    found = compare(task.original, result)
    if json:
        console.answer(line({"file": task.original.name, **found.to_json()}))
        return found.same
    console.answer(printable(f"{task.original.name}: {', '.join(found.findings)}"))
    if not found.same:
        for name, (old, new) in found.differences.items():
            console.answer(printable(f"  {name} was {old}, is {new}"))
        if not found.differences:
            console.answer("  nothing that was recorded is different")
    return found.same


def _make(task: Task, model: UniDiffuser, delivery: Delivery) -> list[UnidiffError]:
    """Write its samples as the command of its mode does; the errors of those that failed."""
    errors = []
    results = model.stream([model.resolve(task.request)])
    for sample, result in zip(task.samples, results, strict=True):
        if result.error is None:
            delivery.deliver(sample, result)
        else:
            delivery.fail(result)
            errors.append(result.error)
    return errors
