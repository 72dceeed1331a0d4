"""`unidiff eval guidance`: one model, many guidance scales, the same seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from unidiff_cli.cli.options.measures import CLIP, ClipName, Features, Resize
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
from unidiff_cli.cli.terminal.table import tell
from unidiff_cli.errors import UsageError
from unidiff_cli.request import MAX_COUNT, MAX_SEED, check_whole

EXAMPLES = """\
\b
Examples:
  unidiff eval guidance --prompts prompts.txt -o study/
  unidiff eval guidance --prompts prompts.txt --references photos/ \\
      --features openai/clip-vit-base-patch32 --scales 0,1,3,7 -o study/
  unidiff eval guidance --pictures photos/ --model starter -o study/
"""


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
    resize: Resize = None,
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
        raise UsageError(
            "usage.missing",
            "It needs --prompts, --pictures or both.",
            "unidiff eval guidance --help",
        )
    if references is not None and prompts is None:
        raise UsageError(
            "usage.needs-option", "--references are for pictures of t2i.", "Add --prompts FILE."
        )
    check_whole("seed", seed, 0, MAX_SEED)
    check_whole("batch-size", batch_size, 1, MAX_COUNT)
    from unidiff_cli.evaluate import rows, tables

    settings = {"steps": steps, "solver": solver, "times": times}
    asked: dict[str, Any] = {
        "scales": parse_scales(scales),
        "folder": output,
        "prompts": tuple(rows.prompts(prompts)[:limit]) if prompts else (),
        "pictures": tuple(rows.files(pictures)[:limit]) if pictures else (),
        "settings": {k: v for k, v in settings.items() if v is not None},
        "seed": seed,
    }
    wanted = rows.pictures(references) if references else []
    with console.listening() as listener:
        listener.stage("loading the libraries")
        from unidiff_cli.batch.worker import Spec
        from unidiff_cli.evaluate.guidance import Study
        from unidiff_cli.evaluate.run import study

        spec = Spec(model=model, device=device, dtype=dtype, memory=memory, batch_size=batch_size)
        networks = (features, resize, clip, device)
        measured = study(Study(spec=spec, **asked), references, wanted, *networks, listener)
    (report,) = measured.answers
    tell(console, [report], json, *tables.guidance(report), measured.bad)
    console.note(f"written: {', '.join(map(str, measured.files))}")


def parse_scales(text: str) -> tuple[float, ...]:
    """The numbers between commas, in rising order, each once."""
    try:
        found = {float(part) for part in text.split(",")}
    except ValueError:
        raise UsageError(
            "usage.form", f"{text!r} is no list of scales.", "Example: --scales 0,1,3,7"
        ) from None
    return tuple(sorted(found))
