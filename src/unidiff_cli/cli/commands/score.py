"""`unidiff score`: how well words fit pictures, by the model itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unidiff_cli.cli.command import leave
from unidiff_cli.cli.options.shared import (
    Device,
    Dtype,
    Glob,
    Json,
    Keep,
    Memory,
    Model,
    Progress,
    Quiet,
    sampling_option,
)
from unidiff_cli.cli.terminal.console import Console
from unidiff_cli.cli.terminal.table import drawn
from unidiff_cli.core.modes import MODES
from unidiff_cli.errors import UnidiffError, UsageError
from unidiff_cli.registry import Place
from unidiff_cli.request import MAX_SEED, check_whole, picture_name

if TYPE_CHECKING:
    from unidiff_cli.cli.answers.inputs import Given
    from unidiff_cli.engine.fit import Fit

EXAMPLES = """\
\b
Examples:
  unidiff score photo.jpg "a cat" "a dog" "a cat on a blue background"
  unidiff score photos/ --labels labels.txt --top 3
  unidiff score photos/*.jpg --labels labels.txt --top 1 --json | jq .fits[0].text
"""

Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="IMAGE... TEXT...",
        help="Picture files or folders of them, - reads one from stdin; then texts.",
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        metavar="FILE",
        help="More texts, one a line; - reads them from stdin.",
        dir_okay=False,
    ),
]
Top = Annotated[
    int | None,
    typer.Option(
        "--top",
        metavar="K",
        help="Tell only the K best of each picture, which is faster; by default all.",
    ),
]
Draws = Annotated[
    int,
    sampling_option("--draws", metavar="N", help="Of noise: more is more exact."),
]
Seed = Annotated[int, sampling_option("--seed", metavar="N", help="Of the noise.")]


def score(
    inputs: Inputs,
    labels: Labels = None,
    glob: Glob = None,
    top: Top = None,
    draws: Draws = 2,
    seed: Seed = 0,
    model: Model = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    memory: Memory = "auto",
    keep: Keep = None,
    json: Json = False,
    quiet: Quiet = False,
    progress: Progress = "auto",
) -> None:
    """Say how well words fit a picture.

    The texts are told in order, with how much each helps the model to foresee what the picture
    shows: an estimate of their mutual information, and its standard error. It is relative: compare
    texts for one picture, or pictures for one text. Texts out of reach get fewer draws.
    """
    from unidiff_cli.cli.answers.inputs import apart, check_prompt, read_inputs
    from unidiff_cli.cli.answers.loading import open_at
    from unidiff_cli.files.pictures import open_picture

    check_whole("top", top, 1, 10**6)
    check_whole("draws", draws, 1, 1000)
    check_whole("seed", seed, 0, MAX_SEED)
    names, texts = apart(inputs)
    texts = list(dict.fromkeys([*texts, *(lines(labels, names) if labels else [])]))
    if not texts:
        raise UsageError(
            "usage.missing", "There is no text to score.", 'Try unidiff score photo.jpg "a cat"'
        )
    for text in texts:
        check_prompt(text)
    if not names:
        raise UsageError(
            "usage.missing", "There is no picture to score.", 'Try unidiff score photo.jpg "a cat"'
        )
    console = Console(quiet, progress)
    pictures = read_inputs(MODES["edit"], names, glob, console.tell)
    failures: list[UnidiffError] = []
    with console.listening() as listener:
        listener.stage("loading the libraries")
        place = Place(model=model, device=device, dtype=dtype, memory=memory)
        loaded = open_at(place, keep, console, listener)
        listener.begin(len(pictures), len(pictures))
        for each in pictures:
            try:
                if each.error is not None:
                    raise each.error
                assert each.image is not None
                shown = open_picture(each.image)
                fits = loaded.fits(texts, seed, shown, top or len(texts), draws)
                answer(console, each, fits[:top], loaded.made_with if json else None)
            except UnidiffError as error:
                console.problem(error)
                failures.append(error)
            listener.evaluated(1)
            listener.finished(1)
    leave(failures, len(pictures))


def lines(file: Path, pictures: Sequence[str]) -> list[str]:
    """The texts in a file, the empty lines left out; an InputError where it cannot be read."""
    if str(file) == "-":
        from unidiff_cli.cli.answers.inputs import check_dashes, read_inputs

        check_dashes([*pictures, "-"])
        return [(each.prompt or "").strip() for each in read_inputs(MODES["t2i"], ["-"])]
    from unidiff_cli.evaluate.rows import prompts

    return prompts(file)


def answer(
    console: Console, given: Given, fits: Sequence[Fit], made_with: Mapping[str, str] | None
) -> None:
    """The texts of one picture: a JSON line where it is to be told what it was made with."""
    name = picture_name(given.image)
    if made_with is not None:
        from unidiff_cli.files.record import line

        told = [fit.to_json() for fit in fits]
        console.answer(line({"image": name, "fits": told, "made_with": dict(made_with)}))
        return
    body = [
        (fit.text, f"{fit.score:.3g}", "-" if fit.error is None else f"{fit.error:.2g}")
        for fit in fits
    ]
    console.answer(f"{name}\n{drawn(('TEXT', 'SCORE', 'ERROR'), body)}")
