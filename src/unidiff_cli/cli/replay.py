"""`unidiff replay`: make again what a picture or a record says it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from unidiff_cli.cli.changes import Fast, Guidance, Interval, Seed, Size, Solver, Steps, Times
from unidiff_cli.cli.console import Console
from unidiff_cli.cli.delivery import delivering, make_plan
from unidiff_cli.cli.info import printable
from unidiff_cli.cli.shared import Force, Json, Progress, Quiet, model_option, output_option
from unidiff_cli.cli.values import parse_interval, parse_size
from unidiff_cli.errors import SOME_FAILED, UnidiffError, UsageError
from unidiff_cli.names import Sample
from unidiff_cli.process import spare_pages

if TYPE_CHECKING:
    from unidiff_cli.pipeline import UniDiffuser
    from unidiff_cli.progress import Progress as ProgressListener
    from unidiff_cli.replay import Original, Place
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
        help="Compare with what is there, write nothing; exit code 6 where it is not the same.",
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
        help="The picture that it was made of; a record's own word is not taken for it.",
    ),
]
# Without the variables of the environment: they are what new pictures are made with.
Model = Annotated[
    str | None,
    model_option(
        "--model",
        "-m",
        metavar="NAME",
        help="Another, or the recorded one where that is no name of `unidiff models list`.",
    ),
]
Device = Annotated[
    Literal["auto", "cuda", "mps", "cpu"] | None,
    model_option("--device", help="Another than recorded."),
]
Dtype = Annotated[
    Literal["auto", "fp32", "bf16", "fp16"] | None,
    model_option("--dtype", help="Another than recorded."),
]


@dataclass(frozen=True, kw_only=True)
class Task:
    """One record to be made again."""

    original: Original
    request: Request
    place: Place


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
    """Make again what a picture or a record says it is, or something like it."""
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
    wrong = len(errors)
    if not tasks and wrong == 1:
        raise errors[0]
    for error in errors:
        console.problem(error)
    with console.listening() as listener:
        listener.stage("loading the libraries")
        if all(task.place.memory != "auto" for task in tasks):
            spare_pages()
        models: dict[Place, UniDiffuser] = {}
        for task in tasks:
            loaded = _model(models, task.place, listener)
            if check:
                wrong += not _check(task, loaded, console, json)
            else:
                _make(task, loaded, console, output=output, force=force, json=json)
    if wrong:
        raise typer.Exit(SOME_FAILED)


def _tasks(
    files: Sequence[str],
    changes: Mapping[str, Any],
    image: str | None,
    place: tuple[str | None, str | None, str | None],
    check: bool,
) -> tuple[list[Task], list[UnidiffError]]:
    """What can be made again, and what is wrong with the rest."""
    from unidiff_cli.replay import Original, check_comparable, originals, place_of, request_of

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
                tasks.append(Task(original=original, request=request, place=chosen))
            except UnidiffError as error:
                errors.append(error)
    if not tasks and not errors:
        raise UsageError("There is no record to replay.", "unidiff replay --help")
    return tasks, errors


def _model(
    models: dict[Place, UniDiffuser], place: Place, listener: ProgressListener
) -> UniDiffuser:
    """The model, loaded once for all that was made with it."""
    import torch

    from unidiff_cli.pipeline import UniDiffuser

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
    from unidiff_cli.record import line
    from unidiff_cli.replay import compare

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


def _make(
    task: Task,
    model: UniDiffuser,
    console: Console,
    *,
    output: str | None,
    force: bool,
    json: bool,
) -> None:
    """Write it as the command of its mode does."""
    request = model.resolve(task.request)
    name = (task.original.picture or Path("replay")).stem
    samples = [
        Sample(mode=request.mode, seed=(request.seed or 0) + k, index=k, name=name)
        for k in range(request.count)
    ]
    plan = make_plan(request.walk, samples, output=output, force=force, json=json)
    with delivering(plan, console, len(samples)) as delivery:
        for sample, result in zip(samples, model.stream([request]), strict=True):
            if result.error is not None:
                raise result.error
            delivery.deliver(sample, result)
