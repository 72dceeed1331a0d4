"""`unidiff sweep`: one labelled sheet over the values of one option or two."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import typer

from unidiff_cli.cli.options.axes import listed, whole_numbers
from unidiff_cli.cli.options.options import Options
from unidiff_cli.cli.options.shared import output_option
from unidiff_cli.cli.options.values import parse_interval, parse_size, parse_words
from unidiff_cli.cli.options.walks import Prompts, with_options
from unidiff_cli.errors import UsageError
from unidiff_cli.request import MAX_COUNT, Request, check_whole

SWEPT = "Swept"
EXAMPLES = """\
\b
Examples:
  unidiff sweep "a red fox" --guidance 0,1,3,7 --seed 1-3
  unidiff sweep "a red fox" --solver dpm++2m,unipc,ddim --steps 5,10,20 -o solvers.png
  unidiff sweep "a fox" "an owl" "a hare" --seed 1-4 --each -o sheets/
  unidiff sweep photo.jpg --guidance 1,3,7 --seed 5
  unidiff sweep photo.jpg "a blue star" --strength 0.3,0.5,0.7,0.9 --seed 1-3
  unidiff sweep "a fox" --negative "snow;a white background" --text-level 0,0.2,0.4
  unidiff sweep "a fox" --and "snow:0.3;snow:0.6;snow:1" --seed 1-3
"""
LEFT_OUT = {"count", "grid", "format", "caption", "order"}


def _several(name: str, metavar: str, help: str) -> Any:
    return typer.Option(name, metavar=metavar, help=help, rich_help_panel=SWEPT)


Guidance = Annotated[str | None, _several("--guidance", "S,S,...", "The paper's scale, 0 is off.")]
Interval = Annotated[
    str | None,
    _several("--guidance-interval", "LO,HI;...", "Guidance only at noise levels between these."),
]
Steps = Annotated[
    str | None, _several("--steps", "N,N,...", "Network evaluations per leg; 5-8 is 5,6,7,8.")
]
Solver = Annotated[
    str | None, _several("--solver", "NAME,...", "dpm++3s, dpm++2m, dpm++3m, unipc, ddim, tuned.")
]
Times = Annotated[str | None, _several("--times", "NAME,...", "uniform, log-snr.")]
Fast = Annotated[str | None, _several("--fast", "LEVEL,...", "off, safe, max.")]
Size = Annotated[
    str | None, _several("--size", "WxH,...", "Width and height in pixels, multiples of 16.")
]
Strength = Annotated[
    str | None,
    _several("--strength", "L,L,...", "Edits: the level from which pictures are drawn anew."),
]
Negative = Annotated[
    str | None, _several("--negative", "WORDS;...", "What guidance pushes away from.")
]
Also = Annotated[
    str | None,
    _several("--and", "WORDS[:W];...", "A further prompt, and the weight of its guidance."),
]
TextLevel = Annotated[
    str | None, _several("--text-level", "L,L,...", "The noise level at which words are held.")
]
ImageLevel = Annotated[
    str | None, _several("--image-level", "L,L,...", "The same of a picture that is given.")
]
Seed = Annotated[
    str | None, _several("--seed", "N,N,...", "1-3 is 1,2,3; by default a random one, printed.")
]
Each = Annotated[bool, output_option("--each", help="Also write every picture.")]


@partial(with_options, left_out=LEFT_OUT)
def sweep(
    inputs: Annotated[
        list[str], typer.Argument(metavar="PROMPT|IMAGE...", help="Several are an axis too.")
    ],
    guidance: Guidance = None,
    guidance_interval: Interval = None,
    steps: Steps = None,
    solver: Solver = None,
    times: Times = None,
    fast: Fast = None,
    size: Size = None,
    strength: Strength = None,
    negative: Negative = None,
    also: Also = None,
    text_level: TextLevel = None,
    image_level: ImageLevel = None,
    seed: Seed = None,
    each: Each = False,
    prompts: Prompts = False,
    **options: Any,
) -> None:
    """Show what one or two options do, on a labelled sheet.

    A prompt gives pictures, a picture gives variations or, with --strength, edits by the prompts
    beside it. The sheet holds the record of every picture in it.
    """
    from unidiff_cli.cli.answers.ends import read_ends
    from unidiff_cli.cli.answers.sheet_delivery import deliver_sheet
    from unidiff_cli.walks.sweep import Axis, Sheet

    check_whole("batch-size", options["batch_size"], 1, MAX_COUNT)
    seeds = whole_numbers("seed", seed)
    chosen = Options(**options, seed=seeds[0] if seeds else None)
    base = read_ends(inputs, prompts, chosen, many=True)
    strengths = listed("strength", strength, float)
    start, given = (edits if strengths else generated)(base)
    axes = [
        Axis("guidance", listed("guidance", guidance, float)),
        Axis(
            "guidance_interval", listed("guidance-interval", guidance_interval, parse_interval, ";")
        ),
        Axis("steps", whole_numbers("steps", steps)),
        Axis("solver", listed("solver", solver, str)),
        Axis("times", listed("times", times, str)),
        Axis("fast", listed("fast", fast, str)),
        Axis("size", listed("size", size, parse_size)),
        Axis("strength", strengths),
        Axis("negative", listed("negative", negative, str, ";")),
        Axis("also", listed("and", also, further, ";")),
        Axis("text_level", listed("text-level", text_level, float)),
        Axis("image_level", listed("image-level", image_level, float)),
        *(Axis(name, values) for name, values in given.items()),
        Axis("seed", seeds or (start.seed,)),
    ]
    deliver_sheet(Sheet.of(start, axes), chosen, each)


def further(words: str) -> tuple[tuple[str, float], ...] | None:
    """What one value of --and says."""
    return parse_words([words])


Ends = tuple[Request, dict[str, tuple[Any, ...]]]
"""A request to begin with, and the inputs that are an axis."""


def generated(ends: Sequence[Request]) -> Ends:
    """Pictures of prompts, or variations of pictures."""
    requests = [
        each if each.mode == "t2i" else Request(**{**vars(each), "mode": "i2t2i"}) for each in ends
    ]
    if len({request.mode for request in requests}) > 1:
        raise UsageError(
            "usage.mixed",
            "Some of these are pictures, others prompts.",
            "Sweep over one kind, or edit pictures by prompts: --strength 0.4,0.6,0.8",
        )
    kind = "prompt" if requests[0].mode == "t2i" else "image"
    return requests[0], {kind: tuple(getattr(request, kind) for request in requests)}


def edits(ends: Sequence[Request]) -> Ends:
    """Edits of the pictures by the prompts, if there are any."""
    pictures = tuple(each.image for each in ends if each.image is not None)
    prompts = tuple(each.prompt for each in ends if each.prompt is not None)
    if not pictures:
        raise UsageError(
            "usage.missing", "Strength is of a picture that is edited.", "Name the picture too."
        )
    settings = vars(ends[0]) | {"mode": "edit", "image": pictures[0]}
    first = Request(**settings | {"prompt": prompts[0] if prompts else None})
    return first, {"image": pictures} | ({"prompt": prompts} if prompts else {})
