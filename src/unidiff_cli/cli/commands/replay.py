"""`unidiff replay`: make again what a picture or a record says it is."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from unidiff_cli.cli.command import leave
from unidiff_cli.cli.options.changes import (
    Fast,
    Guidance,
    ImageLevel,
    Interval,
    Negative,
    Seed,
    Size,
    Solver,
    Steps,
    Strength,
    TextLevel,
    Times,
)
from unidiff_cli.cli.options.shared import (
    NO_METADATA,
    NO_PROMPT,
    SIGN,
    Force,
    Glob,
    Json,
    Keep,
    Progress,
    Quiet,
    model_option,
    output_option,
)
from unidiff_cli.cli.options.values import parse_interval, parse_size
from unidiff_cli.cli.terminal.console import Console, check_stdout, printable
from unidiff_cli.errors import SOME_FAILED, OutputError, UnidiffError, UsageError

if TYPE_CHECKING:
    from unidiff_cli.engine.model import Model as Loaded
    from unidiff_cli.files.replay import Task

EXAMPLES = """\
\b
Examples:
  unidiff replay fox.png
  unidiff replay fox.png --check
  unidiff replay fox.png --seed 8 --steps 50 -o better.png
  unidiff replay variation.png --image photo.jpg
  unidiff replay edit.png --image photo.jpg --mask mask.png --strength 0.8
  unidiff replay records.jsonl -o again/
"""

Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE",
        help="Pictures that unidiff made, folders of them, or JSON or JSONL records.",
    ),
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
Prompt = Annotated[
    str | None,
    typer.Option(
        "--prompt", metavar="TEXT", help="Other words than recorded, or those left out there."
    ),
]
Mask = Annotated[
    str | None,
    typer.Option("--mask", metavar="FILE", help="The mask of an edit; white is what may change."),
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
    Literal["auto", "fp32", "bf16", "fp16", "int8"] | None,
    model_option("--dtype", help="Other than recorded."),
]


def replay(
    files: Files,
    check: Check = False,
    glob: Glob = None,
    image: Image = None,
    prompt: Prompt = None,
    mask: Mask = None,
    seed: Seed = None,
    steps: Steps = None,
    solver: Solver = None,
    times: Times = None,
    guidance: Guidance = None,
    guidance_interval: Interval = None,
    fast: Fast = None,
    size: Size = None,
    strength: Strength = None,
    negative: Negative = None,
    text_level: TextLevel = None,
    image_level: ImageLevel = None,
    model: Model = None,
    device: Device = None,
    dtype: Dtype = None,
    output: Output = None,
    force: Force = False,
    no_metadata: Annotated[bool, NO_METADATA] = False,
    no_prompt: Annotated[bool, NO_PROMPT] = False,
    sign: Annotated[str | None, SIGN] = None,
    keep: Keep = None,
    json: Json = False,
    quiet: Quiet = False,
    progress: Progress = "auto",
) -> None:
    """Make again what a record describes, or something like it.

    The record is in a picture, or in a JSON or JSONL file. What options change is made anew, with
    all else as it was.
    """
    from unidiff_cli.cli.answers.delivery import delivering
    from unidiff_cli.cli.answers.loading import Models
    from unidiff_cli.files.folders import expanded
    from unidiff_cli.files.replay import Wish, plans_for, tasks_in
    from unidiff_cli.files.stamp import ALL, Stamp

    if check and (output is not None or force):
        raise UsageError(
            "usage.not-together", "--check writes nothing.", "Leave out -o, or leave out --check."
        )
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
        "strength": strength,
        "negative": negative,
        "text_level": text_level,
        "image_level": image_level,
    }
    wish = Wish(
        changes={name: value for name, value in choices.items() if value is not None},
        image=image,
        prompt=prompt,
        mask=mask,
        model=model,
        device=device,
        dtype=dtype,
        compared=check,
    )
    names, folders = expanded(files, glob)
    for folder in folders:
        console.tell(folder.note)
    tasks, found = tasks_in(names, wish)
    # They may say what a stranger's file says.
    errors = [
        type(error)(error.code, printable(error.message), printable(error.hint)) for error in found
    ]
    if not tasks and not errors:
        raise UsageError("usage.missing", "There is no record to replay.", "unidiff replay --help")
    if not tasks and len(errors) == 1:
        raise errors[0]
    stamp = ALL if check else Stamp.of(metadata=not no_metadata, prompt=not no_prompt, sign=sign)
    plans = {} if check else plans_for(tasks, output=output, force=force, json=json, stamp=stamp)
    if any(plan.to_stdout for plan in plans.values()):
        check_stdout(json)
    if len(plans) > 1 and output == "-":
        raise UsageError(
            "usage.stdout-shared", "Stdout takes a picture or words, not both.", "Try -o again/"
        )
    for error in errors:
        console.problem(error)
    for task in tasks:
        if note := task.original.elsewhere:
            console.note(printable(note))
    everything, other = len(errors) + sum(len(task.samples) for task in tasks), 0
    with console.listening() as listener, ExitStack() as stack:
        listener.stage("loading the libraries")
        deliveries = {
            pictures: stack.enter_context(delivering(plan, console, len(tasks)))
            for pictures, plan in plans.items()
        }
        models = Models(keep, console, listener)
        for task in tasks:
            loaded = models.at(task.place)
            try:
                if check:
                    other += not _check(task, loaded, console, json)
                else:
                    results = loaded.stream([loaded.resolve(task.request)])
                    errors += deliveries[task.pictures].hand_out(task.samples, results)
            except OutputError:  # a full disk is full for all of them
                raise
            except UnidiffError as error:
                console.problem(error)
                errors.append(error)
    leave(errors, everything)
    if other:
        raise typer.Exit(SOME_FAILED)


def _check(task: Task, model: Loaded, console: Console, json: bool) -> bool:
    """Whether it comes out the same; the answer says how near, and what may be the reason."""
    from unidiff_cli.files.compare import compare
    from unidiff_cli.files.record import line

    result = model.run(task.request)
    found = compare(task.original, result)
    if json:
        place = {"found_in": task.original.place} if task.original.place else {}
        console.answer(line({"file": task.original.name, **place, **found.to_json()}))
        return found.same
    console.answer(printable(f"{task.original.name}: {', '.join(found.findings)}"))
    if not found.same:
        for name, (old, new) in found.differences.items():
            console.answer(printable(f"  {name} was {old}, is {new}"))
        if not found.differences:
            console.answer("  nothing that was recorded is different")
    return found.same
