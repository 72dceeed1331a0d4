"""`unidiff eval`: how good results are; ours and other systems' in one table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unidiff_cli.cli.command import Command
from unidiff_cli.cli.commands import eval_clipart as exam
from unidiff_cli.cli.commands import eval_guidance as study
from unidiff_cli.cli.commands.eval_guidance import CLIP, ClipName, Features
from unidiff_cli.cli.options.shared import Device, Json, Progress, Quiet
from unidiff_cli.cli.terminal.console import Console
from unidiff_cli.cli.terminal.table import number, tell
from unidiff_cli.errors import OutputError, UsageError
from unidiff_cli.files.output import exists, make_folder, replace_file
from unidiff_cli.request import MAX_SEED, check_whole

if TYPE_CHECKING:
    from unidiff_cli.errors import UnidiffError

EXAMPLES = """\
\b
Examples:
  unidiff eval fid photos/ ours/ theirs/ --features openai/clip-vit-base-patch32
  unidiff eval clip-score ours/ theirs.jsonl --plot scores.png
  unidiff eval caption captions.jsonl --references coco.jsonl
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
)

References = Annotated[
    Path, typer.Argument(metavar="REFERENCES", help="Real pictures: a folder, or a .jsonl file.")
]
Systems = Annotated[
    list[Path],
    typer.Argument(metavar="SYSTEM", help="What systems made: folders, or .jsonl files."),
]
Plot = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Also draw it: a PNG.", dir_okay=False)
]


@app.command("fid", cls=Command)
def fid(
    references: References,
    systems: Systems,
    features: Features = "inception",
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
    progress: Progress = "auto",
) -> None:
    """FID: the Frechet distance of pictures from real ones.

    Each system's pictures are compared with the references; lower is better. Under 2048 pictures it
    is unreliable, and a note says so; it is refused if there are no more pictures than numbers in a
    feature. Needs unidiff-cli[eval].
    """
    from unidiff_cli.evaluate.distances import frechet

    console = Console(quiet, progress)
    _distances("fid", frechet, references, systems, features, device, json, console)


@app.command("kid", cls=Command)
def kid(
    references: References,
    systems: Systems,
    features: Features = "inception",
    subsets: Annotated[int, typer.Option(min=1, metavar="N", help="How many are drawn.")] = 100,
    subset_size: Annotated[
        int, typer.Option(min=2, metavar="N", help="Pictures in each, or all if there are fewer.")
    ] = 1000,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed for drawing the subsets.")] = 0,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
    progress: Progress = "auto",
) -> None:
    """KID: the kernel distance of pictures from real ones.

    Each system's pictures are compared with the references; lower is better. It is unbiased, so it
    is given for few pictures too. Needs unidiff-cli[eval].
    """
    from unidiff_cli.evaluate.distances import Distance, Seen, kernel

    check_whole("seed", seed, 0, MAX_SEED)

    def distance(real: Seen, made: Seen) -> Distance:
        return kernel(real, made, subsets=subsets, subset=subset_size, seed=seed)

    console = Console(quiet, progress)
    _distances("kid", distance, references, systems, features, device, json, console)


def _distances(
    metric: str,
    distance: Any,
    references: Path,
    systems: list[Path],
    features: str,
    device: str,
    json: bool,
    console: Console,
) -> None:
    """The table of one distance; `distance` takes the references as seen, then a system."""
    from unidiff_cli.evaluate.rows import pictures

    found = {path: pictures(path) for path in (references, *systems)}
    answers: list[dict[str, Any]] = []
    bad: list[UnidiffError] = []
    with console.listening() as listener:
        listener.stage("loading the libraries")
        from unidiff_cli.evaluate.distances import look, report
        from unidiff_cli.evaluate.networks import open_network
        from unidiff_cli.speed.dtype import choose_device

        listener.stage(f"loading {features}")
        network, seen = open_network(features, choose_device(device)), {}
        for path, pictures_of in found.items():
            listener.stage(f"looking at {path}")
            seen[path] = look(network, pictures_of, listener)
            bad += seen[path].bad
        for path in systems:
            about = {"system": str(path), "references": str(references)}
            result = distance(seen[references], seen[path])
            counts = {"n": len(seen[path]), "n_references": len(seen[references])}
            answers.append(about | report(metric, network, result) | counts)
    scale, heading = (1000, "KID x 1000") if metric == "kid" else (1, "FID")
    body = [
        (a["system"], number(a[metric], a["deviation"], scale), a["n"], a["n_references"], features)
        for a in answers
    ]
    tell(console, answers, json, ("SYSTEM", heading, "N", "REFERENCES", "FEATURES"), body, bad)


@app.command("clip-score", cls=Command)
def clip_score(
    systems: Systems,
    clip: ClipName = CLIP,
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
    from unidiff_cli.evaluate import rows

    if plot is not None:
        _check_plot(plot)
    pairs = {path: rows.pairs(path) for path in systems}
    console, curves = Console(quiet, progress), {}
    answers: list[dict[str, Any]] = []
    bad: list[UnidiffError] = []
    with console.listening() as listener:
        listener.stage("loading the libraries")
        from unidiff_cli.evaluate import clip_score as scoring
        from unidiff_cli.evaluate.networks import open_clip
        from unidiff_cli.speed.dtype import choose_device

        listener.stage(f"loading {clip}")
        network = open_clip(clip, choose_device(device))
        for path in systems:
            listener.stage(f"looking at {path}")
            scores = scoring.clip_score(network, pairs[path], listener)
            bad += scores.bad
            curves[str(path)] = scoring.histogram(scores)
            answers.append(
                {
                    "metric": "clip-score",
                    "system": str(path),
                    "clip-score": scores.mean,
                    "error": scores.error,
                    "n": len(scores.each),
                    "clip": clip,
                    "notes": [],
                }
            )
    if plot is not None:
        from unidiff_cli.evaluate.chart import Panel, png

        try:
            replace_file(plot, png([Panel("Share of the pairs", "CLIP score", curves)]))
        except OutputError as error:  # the scores are told all the same
            bad.append(error)
    body = [(a["system"], number(a["clip-score"], a["error"]), a["n"], clip) for a in answers]
    tell(console, answers, json, ("SYSTEM", "CLIP SCORE", "N", "CLIP"), body, bad)


def _check_plot(plot: Path) -> None:
    """An error if the chart cannot be written there; its folder is made."""
    if plot.suffix.lower() != ".png":
        raise UsageError(
            f"{plot} does not end in .png, and the chart is a PNG.", "Try --plot scores.png"
        )
    if exists(plot):
        raise OutputError(f"{plot} exists already.", "Choose another name.")
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
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare captions with what people wrote.

    By CIDEr-D, BLEU, and the shares of captions that are right or name the right thing.

    \b
    A line of a system's file, or a record of unidiff:
      {"id": "7", "text": "a red fox", "references": ["A fox in the snow."], "nouns": ["fox"]}

    Words are split in Python, not by the COCO tools' Java program: numbers differ a little from
    theirs. BLEU needs unidiff-cli[eval].
    """  # fmt: skip
    from unidiff_cli.evaluate import captions, rows, words

    known = rows.references(references) if references else {}
    answers: list[dict[str, Any]] = []
    for path in systems:
        cases = captions.cases(rows.read(path), known)
        values, notes = captions.measure(cases)
        answers.append(
            {
                "metric": "caption",
                "system": str(path),
                **values,
                "n": len(cases),
                "tokenizer": words.TOKENIZER,
                "notes": notes,
            }
        )
    names = list(values)
    body = [(a["system"], *(number(a[name]) for name in names), a["n"]) for a in answers]
    headings = ("SYSTEM", *(name.upper() for name in names), "N")
    tell(Console(quiet), answers, json, headings, body, [])


app.command("clipart", cls=Command, epilog=exam.EXAMPLES)(exam.clipart)
app.command("guidance", cls=Command, epilog=study.EXAMPLES)(study.guidance)
