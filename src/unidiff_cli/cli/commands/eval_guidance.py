"""`unidiff eval guidance`: one model, many guidance scales, the same seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from unidiff_cli.cli.options.shared import (
    BatchSize,
    Device,
    Dtype,
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
from unidiff_cli.cli.terminal.table import number, tell
from unidiff_cli.errors import UnidiffError, UsageError
from unidiff_cli.request import MAX_COUNT, MAX_SEED, check_whole

CLIP = "openai/clip-vit-large-patch14"
EXAMPLES = """\
\b
Examples:
  unidiff eval guidance --prompts prompts.txt -o study/
  unidiff eval guidance --prompts prompts.txt --references photos/ \\
      --features openai/clip-vit-base-patch32 --scales 0,1,3,7 -o study/
  unidiff eval guidance --pictures photos/ --model starter -o study/
"""

Features = Annotated[
    str,
    typer.Option(
        metavar="NETWORK", help="What looks at the pictures: `inception` (as FID was published "
        "with), its weights' file, or a CLIP: a folder, or a Hub id in the cache.",
    ),
]  # fmt: skip
ClipName = Annotated[
    str,
    typer.Option(
        "--clip", metavar="NAME", help="The CLIP that scores: a folder, or a Hub id in the cache."
    ),
]


def guidance(
    output: Annotated[
        Path,
        output_option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Where samples, guidance.json and "
            "guidance.png go. The same command again does what is missing.",
        ),
    ],
    prompts: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="For t2i: one a line, or .jsonl with prompt or text."),
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="For i2t: a folder, or a .jsonl file.")
    ] = None,
    references: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Real pictures: adds FID and KID of t2i from them."),
    ] = None,
    scales: Annotated[
        str, typer.Option(metavar="S,S,...", help="The paper's scales; 0 is off.")
    ] = "0,1,2,3,5,7,9",
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only the first N prompts and pictures.")
    ] = None,
    features: Features = "inception",
    clip: ClipName = CLIP,
    seed: Annotated[
        int,
        sampling_option(
            metavar="N", help="Seed of the first sample, at every scale; the next has N + 1."
        ),
    ] = 0,
    steps: Steps = None,
    solver: Solver = None,
    times: Times = None,
    model: Model = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    memory: Memory = "auto",
    batch_size: BatchSize = None,
    json: Json = False,
    quiet: Quiet = False,
    progress: Progress = "auto",
) -> None:
    """Measure a model at many guidance scales.

    Draws how CLIP score, FID and KID move with guidance: the paper's Figures 5 and 6. Every scale
    has the same seeds. FID is left out where there are too few pictures for it; KID is given for
    any number. Distances need unidiff-cli[eval].
    """  # fmt: skip
    console = Console(quiet, progress)
    if prompts is None and pictures is None:
        raise UsageError("It needs --prompts, --pictures or both.", "unidiff eval guidance --help")
    if references is not None and prompts is None:
        raise UsageError("--references are for pictures of t2i.", "Add --prompts FILE.")
    check_whole("seed", seed, 0, MAX_SEED)
    check_whole("batch-size", batch_size, 1, MAX_COUNT)
    from unidiff_cli.evaluate import rows

    settings = {"steps": steps, "solver": solver, "times": times}
    asked: dict[str, Any] = {
        "scales": parse_scales(scales),
        "folder": output,
        "prompts": tuple(rows.prompts(prompts)[:limit]) if prompts else (),
        "pictures": tuple(rows.pictures(pictures)[:limit]) if pictures else (),
        "settings": {k: v for k, v in settings.items() if v is not None},
        "seed": seed,
    }
    wanted = rows.pictures(references) if references else []
    bad: list[UnidiffError] = []
    with console.listening() as listener:
        listener.stage("loading the libraries")
        from unidiff_cli.batch.worker import Spec
        from unidiff_cli.evaluate import guidance as study_of
        from unidiff_cli.evaluate.distances import look, torchmetrics
        from unidiff_cli.evaluate.networks import open_clip, open_network
        from unidiff_cli.speed.dtype import choose_device

        spec = Spec(model=model, device=device, dtype=dtype, memory=memory, batch_size=batch_size)
        study = study_of.Study(spec=spec, **asked)
        study.jobs()
        place = choose_device(device)
        scorer, network, real = open_clip(clip, place), None, None
        if wanted:
            torchmetrics()  # sampling is long: what is missing is told before it
            network = open_network(features, place)
            listener.stage(f"looking at {references}")
            real = look(network, wanted, listener)
            bad += real.bad
        made = study_of.make(study, listener, bad.append)
        report = study_of.measure(study, made, scorer, listener, network, real)
    files = study_of.keep(study, report)
    tell(console, [report], json, *_table(report), bad)
    console.note(f"written: {', '.join(map(str, files))}")


def parse_scales(text: str) -> tuple[float, ...]:
    """The numbers between commas, in rising order, each once."""
    try:
        found = {float(part) for part in text.split(",")}
    except ValueError:
        raise UsageError(f"{text!r} is no list of scales.", "Example: --scales 0,1,3,7") from None
    return tuple(sorted(found))


def _table(report: dict[str, Any]) -> tuple[list[str], list[list[object]]]:
    """Headings and rows: a row for each scale, columns for what was measured."""
    columns = [
        ("t2i", "CLIP SCORE, T2I", "clip_score", "error", 1),
        ("t2i", "FID", "fid", "", 1),
        ("t2i", "KID x 1000", "kid", "kid_deviation", 1000),
        ("i2t", "CLIP SCORE, I2T", "clip_score", "error", 1),
    ]
    shown = [
        column
        for column in columns
        if any(each.get(column[0], {}).get(column[2]) is not None for each in report["scales"])
    ]
    body: list[list[object]] = []
    for each in report["scales"]:
        cells: list[object] = [f"{each['guidance']:g}"]
        for mode, _, name, deviation, scale in shown:
            found = each.get(mode, {})
            cells.append(number(found.get(name), found.get(deviation), scale))
        body.append([*cells, max(each.get(mode, {}).get("n", 0) for mode in ("t2i", "i2t"))])
    return ["GUIDANCE", *(heading for _, heading, _, _, _ in shown), "N"], body
