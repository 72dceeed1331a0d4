"""Options that bend a mode's path: where it begins, how literally it takes what it is given."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

import typer

from unidiff_cli.cli.options.shared import sampling_option

edit_option = partial(typer.Option, rich_help_panel="Edit")

Strength = Annotated[
    float | None,
    edit_option(
        "--strength",
        metavar="L",
        help="The noise level from which the picture is drawn anew: 0 leaves it, 1 keeps nothing. "
        "By default 0.6, with a mask 1.",
    ),
]
Mask = Annotated[
    str | None,
    edit_option(
        "--mask",
        metavar="FILE",
        help="A picture, white (or opaque, if it has transparency) where the other may change; "
        "everything else keeps its pixels. - reads it from stdin.",
    ),
]
Feather = Annotated[
    int | None,
    edit_option(
        "--feather", metavar="PIXELS", help="Blend the seam over so many pixels inside the mask."
    ),
]
Harmonise = Annotated[
    int | None,
    edit_option(
        "--harmonise",
        metavar="N",
        help="Make the steps of a masked edit N times more, so that it fits what stays (RePaint).",
    ),
]
Extend = Annotated[
    str | None,
    edit_option(
        "--extend",
        metavar="L,T,R,B",
        help="Add so many pixels on the left, top, right and bottom, and draw them.",
    ),
]
Order = Annotated[
    Literal["together", "text-first", "image-first"] | None,
    sampling_option(
        "--order",
        help="together: picture and caption form side by side, as published; text-first: a "
        "caption, then its picture; image-first: a picture, then its caption. --steps count for "
        "each of the two. The default is the model's.",
    ),
]
Negative = Annotated[
    str | None,
    sampling_option(
        "--negative",
        metavar="WORDS",
        help="What is not wanted: guidance pushes away from these words, not from no text at all.",
    ),
]
Also = Annotated[
    list[str] | None,
    sampling_option(
        "--and",
        metavar="WORDS[:W]",
        help="A further prompt, and the weight of its guidance (1 if none is told); may be given "
        "several times, and costs an evaluation each.",
    ),
]
TextLevel = Annotated[
    float | None,
    sampling_option(
        "--text-level",
        metavar="L",
        help="How freely words are taken: they are held at this noise level. 0 is to the letter, 1 "
        "as if nothing had been said.",
    ),
]
ImageLevel = Annotated[
    float | None,
    sampling_option(
        "--image-level",
        metavar="L",
        help="How freely a picture is taken: it is held at this noise level; 1 is not at all.",
    ),
]
BestOf = Annotated[
    int | None,
    sampling_option(
        "--best-of",
        metavar="N",
        help="Make N of each sample and keep the one that fits its words best, as the model sees "
        "it.",
    ),
]
