"""`unidiff eval clipart`: the starter's own examination, for any model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
COLUMNS = {
    "thing": "THING",
    "colour": "COLOUR",
    "thing and colour": "BOTH",
    "background": "GROUND",
    "count": "COUNT",
    "two things": "TWO",
    "relation": "RELATION",
    "all": "ALL",
}


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
        report["notes"] = _notes(report)
        files = examiner.keep(report) if output else []
    tell(console, [report], json, *_table(report), bad)
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


def _table(report: Mapping[str, Any]) -> tuple[list[str], list[list[object]]]:
    """A row for each mode and group."""
    rows: list[list[object]] = []
    for mode in ("t2i", "i2t"):
        for group, values in report[mode].items():
            cells = [cell(values.get(name)) for name in COLUMNS]
            score = values.get("cider-d")
            cells.append(None if score is None else f"{score:.2f}")
            rows.append([f"{mode}, {group}", *cells, values["n"]])
    joint = report["joint"]
    if joint["n"]:
        cells = [cell(joint.get(name)) for name in COLUMNS]
        rows.append([f"joint: {cell(joint['agree'])} agree", *cells, None, joint["n"]])
    return ["%", *COLUMNS.values(), "CIDER-D", "N"], rows


def cell(value: Mapping[str, Any] | None) -> str | None:
    """A share in percent, and in brackets what real pictures get."""
    if value is None:
        return None
    real = value.get("real")
    return f"{100 * value['share']:.0f}" + ("" if real is None else f" ({100 * real:.0f})")


def _notes(report: Mapping[str, Any]) -> list[str]:
    """What is no share."""
    judge = report["judge"]
    notes = [
        f"the judge names {judge['known']:.0%} of the drawings that it learned from, and "
        f"{judge['unseen']:.0%} of those that it did not"
    ]
    for one in report["seeds"]:
        apart = "" if one["unlike"] is None else f"; between seeds 1 - cosine {one['unlike']:.2f}"
        notes.append(f"{one['prompt']!r} is right for {one['right']} of {one['n']} seeds{apart}")
    if report["nearest"]:
        made, real = report["nearest"]["made"], report["nearest"]["real"]
        notes.append(
            f"likeness to the nearest drawing that the starter learned from: {made:.3f}; of real "
            f"drawings that it did not: {real:.3f}"
        )
    if report["paint"]:
        notes.append(_paint(report["paint"]))
    return notes


def _paint(paint: Mapping[str, Any]) -> str:
    """How flat the pictures are, and how white their corners."""
    said = [f"{paint['made']['flat']['mean']:.3f}"]
    if interval := paint["made"]["flat"]["interval"]:
        said.append("({:.3f} to {:.3f})".format(*interval))
    said.append(f"of what is drawn is flat, and {paint['real']['flat']['mean']:.3f} of real ones")
    if corners := paint["made"].get("corners"):
        said.append(f"; corners on white: {corners['mean']:.1f}, spread {corners['spread']:.1f}")
    return " ".join(said).replace(" ;", ";")
