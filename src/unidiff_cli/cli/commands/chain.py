"""`unidiff chain`: back and forth between picture and words."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from unidiff_cli.cli.options.options import Options
from unidiff_cli.cli.options.walks import WALK, Prompts, with_options
from unidiff_cli.request import check_whole

EXAMPLES = """\
\b
Examples:
  unidiff chain "a red fox" --rounds 5
  unidiff chain photo.jpg --through words --seed 7 -o walk.png
  unidiff chain "a red fox" --rounds 3 --json -o walk/
"""
Rounds = Annotated[
    int,
    typer.Option(
        "--rounds",
        metavar="N",
        help="Each makes a picture and a caption.",
        rich_help_panel=WALK,
    ),
]
Through = Annotated[
    Literal["latents", "words"],
    typer.Option(
        "--through",
        help="What goes from stage to stage: the latents as sampled, or the words as decoded "
        "and read again.",
        rich_help_panel=WALK,
    ),
]


@with_options
def chain(
    start: Annotated[
        str, typer.Argument(metavar="PROMPT|IMAGE", help="- is a picture on standard input.")
    ],
    rounds: Rounds = 3,
    through: Through = "latents",
    prompts: Prompts = False,
    **options: Any,
) -> None:
    """Walk back and forth between picture and words.

    Each stage is made from the one before it: the paper's blocked Gibbs sampling. Pictures,
    captions and a strip of all are written; stdout gets the paths and the captions in turn, the
    strip last.
    """
    from unidiff_cli.cli.answers.ends import read_ends
    from unidiff_cli.cli.answers.walk_delivery import deliver_walk
    from unidiff_cli.walks.asked import MOST_STAGES, Chain

    chosen = Options(**options)
    (request,) = read_ends([start], prompts, chosen)
    check_whole("rounds", rounds, 1, MOST_STAGES)
    deliver_walk(Chain(request, rounds, through), chosen)
