"""`unidiff eval`: how good results are; ours and other systems' in one table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unidiff_cli.cli.command import Command, help_alone
from unidiff_cli.cli.commands import eval_clipart as exam
from unidiff_cli.cli.commands import eval_distances
from unidiff_cli.cli.commands import eval_guidance as study
from unidiff_cli.cli.options.measures import CLIP, ClipName, Paired, Systems
from unidiff_cli.cli.options.shared import Device, Dtype, Json, Model, Progress, Quiet
from unidiff_cli.cli.terminal.console import Console
from unidiff_cli.cli.terminal.table import tell
from unidiff_cli.errors import OutputError, UsageError
from unidiff_cli.registry import Place

EXAMPLES = """\
\b
Examples:
  unidiff eval fid photos/ ours/ theirs/ --features openai/clip-vit-base-patch32
  unidiff eval clip-score ours/ theirs.jsonl --plot scores.png
  unidiff eval caption ours.jsonl theirs.jsonl --references coco.jsonl --paired
  unidiff eval score ours/ theirs/ --model starter
  unidiff eval guidance --prompts prompts.txt --references photos/ -o study/
  unidiff eval clipart --model starter --quick
\b
A system is a folder of pictures, or a .jsonl file: records of unidiff, or lines such as
  {"image": "fox.png", "text": "a red fox"}
"""

app = typer.Typer(
    help="Measure pictures, captions and models.",
    epilog=EXAMPLES,
    rich_markup_mode=None,
    add_completion=False,
)
app.callback(invoke_without_command=True)(help_alone)

Plot = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Also draw it: a PNG.", dir_okay=False)
]


app.command("fid", cls=Command)(eval_distances.fid)
app.command("kid", cls=Command)(eval_distances.kid)


@app.command("clip-score", cls=Command)
def clip_score(
    systems: Systems,
    clip: ClipName = CLIP,
    paired: Paired = False,
    plot: Plot = None,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
    progress: Progress = "auto",
) -> None:
    """How well pictures and their words agree; higher is better.

    The CLIP score is 100 x the cosine of the two embeddings, 0 where negative, averaged over the
    pairs. The words of a folder's pictures are in metadata.jsonl, in a .txt each, or in the
    pictures themselves if unidiff made them.
    """
    from unidiff_cli.evaluate import rows, tables
    from unidiff_cli.evaluate.pairing import check_two

    if plot is not None:
        _check_plot(plot)
    if paired:
        check_two(systems)
    read, console = {path: rows.paired(path) for path in systems}, Console(quiet, progress)
    with console.listening() as listener:
        listener.stage("loading the libraries")
        from unidiff_cli.evaluate.run import clip_scores

        measured, chart = clip_scores(read, systems, paired, clip, device, listener)
    if plot is not None:
        from unidiff_cli.files.output import replace_file

        try:
            replace_file(plot, chart)
        except OutputError as error:  # the scores are told all the same
            measured.bad.append(error)
    tell(console, measured.answers, json, *tables.clip_scores(measured.answers), measured.bad)


@app.command("score", cls=Command)
def score(
    systems: Systems,
    model: Model = None,
    paired: Paired = False,
    device: Device = "auto",
    dtype: Dtype = "auto",
    json: Json = False,
    quiet: Quiet = False,
    progress: Progress = "auto",
) -> None:
    """How well pictures and their words agree, as the model itself sees it; higher is better.

    By how much the words help it to tell noise in the picture, averaged over the pairs: compare
    systems on the same words. A model that judges its own pictures marks itself. Words are found
    as for clip-score.
    """
    from unidiff_cli.evaluate import rows, tables
    from unidiff_cli.evaluate.pairing import check_two

    if paired:
        check_two(systems)
    read, console = {path: rows.paired(path) for path in systems}, Console(quiet, progress)
    with console.listening() as listener:
        listener.stage("loading the libraries")
        from unidiff_cli.evaluate.run import own_scores

        place = Place(model=model, device=device, dtype=dtype)
        measured = own_scores(read, systems, paired, place, listener)
    tell(console, measured.answers, json, *tables.own_scores(measured.answers), measured.bad)


def _check_plot(plot: Path) -> None:
    """An error if the chart cannot be written there; its folder is made."""
    from unidiff_cli.files.output import exists, make_folder

    if plot.suffix.lower() != ".png":
        raise UsageError(
            "usage.output-name",
            f"{plot} does not end in .png, and the chart is a PNG.",
            "Try --plot scores.png",
        )
    if exists(plot):
        raise OutputError("output.exists", f"{plot} exists already.", "Choose another name.")
    make_folder(plot.parent)


@app.command("caption", cls=Command)
def caption(
    systems: Systems,
    references: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Captions by people, found by id or by the picture's name: "
            '.jsonl lines with "references", or several per picture with "text".',
        ),
    ] = None,
    paired: Paired = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare captions with what people wrote.

    By CIDEr-D, BLEU, and the shares of captions that are right or name the right thing. Under each
    system stands from where to where its figures are, 95 times in 100, and what a perfect answer
    would get: for each picture, the one of its references that is most like all.

    \b
    A line of a system's file, or a record of unidiff:
      {"id": "7", "text": "a red fox", "references": ["A fox in the snow."], "nouns": ["fox"]}

    Words are split as by the COCO tools' Java program, but in Python.
    """  # fmt: skip
    from unidiff_cli.evaluate import tables
    from unidiff_cli.evaluate.captions import answers_of
    from unidiff_cli.evaluate.pairing import check_two

    if paired:
        check_two(systems)
    answers = answers_of(systems, references, paired)
    tell(Console(quiet), answers, json, *tables.captions(answers), [])


app.command("clipart", cls=Command, epilog=exam.EXAMPLES)(exam.clipart)
app.command("guidance", cls=Command, epilog=study.EXAMPLES)(study.guidance)
