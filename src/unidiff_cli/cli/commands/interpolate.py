"""`unidiff interpolate`: from one picture to another, or between two prompts."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from unidiff_cli.cli.options.options import Options
from unidiff_cli.cli.options.shared import output_option
from unidiff_cli.cli.options.walks import LEFT_OUT as LEFT_OUT_OF_WALKS
from unidiff_cli.cli.options.walks import WALK, Prompts, with_options
from unidiff_cli.errors import UsageError
from unidiff_cli.request import check_whole

EXAMPLES = """\
\b
Examples:
  unidiff interpolate cat.jpg dog.jpg -n 9
  unidiff interpolate cat.jpg dog.jpg -n 24 --animate cat-to-dog.gif
  unidiff interpolate "a red fox" "a snowy owl" --seed 7 -o between.png
"""
LEFT_OUT = LEFT_OUT_OF_WALKS | {"caption"}
Stages = Annotated[
    int,
    typer.Option(
        "--stages", "-n", metavar="N", help="Pictures, both ends counted.", rich_help_panel=WALK
    ),
]
OdeSteps = Annotated[
    int,
    typer.Option(
        "--ode-steps",
        metavar="N",
        help="Steps between a picture and its noise. More bring the ends closer to the inputs.",
        rich_help_panel=WALK,
    ),
]
Animate = Annotated[
    Path | None,
    output_option(
        "--animate", metavar="FILE", help="Also a .gif or .webp that goes there and back."
    ),
]


@partial(with_options, left_out=LEFT_OUT)
def interpolate(
    first: Annotated[str, typer.Argument(metavar="A", help="A picture, or a prompt.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Another of the same kind.")],
    stages: Stages = 9,
    ode_steps: OdeSteps = 50,
    animate: Animate = None,
    prompts: Prompts = False,
    **options: Any,
) -> None:
    """Walk between two pictures, or between two prompts.

    Between pictures guidance is off, so that both ends come out as the model itself sees the
    inputs; --steps, --solver and --guidance are for reading them into words.
    """
    from unidiff_cli.cli.answers.ends import read_ends
    from unidiff_cli.cli.answers.walk_delivery import deliver_walk
    from unidiff_cli.walks.asked import MOST_STAGES, Interpolation

    chosen = Options(**options)
    ends = read_ends([first, second], prompts, chosen)
    if ends[0].mode != ends[1].mode:
        raise UsageError(
            "usage.mixed",
            "One of the two is a picture, the other a prompt.",
            "Give two of a kind; with --prompts both are prompts.",
        )
    check_whole("stages", stages, 2, MOST_STAGES)
    check_whole("ode-steps", ode_steps, 2, MOST_STAGES)
    if animate is not None:
        _check_moving(animate, chosen.force)
    walked = deliver_walk(Interpolation(ends[0], ends[1], stages, ode_steps), chosen, animate)
    close = [stage.fidelity for stage in walked.stages if stage.fidelity is not None]
    if close:
        said = " and ".join(f"{min(each, 99.0):.0f} dB" for each in close)
        more = "" if min(close) >= 30 else "; more --ode-steps bring them closer"
        walked.console.note(f"the ends are within {said} of what the VAE makes of the inputs{more}")
    if animate is not None:
        walked.animate(animate, chosen.force)


def _check_moving(path: Path, force: bool) -> None:
    """An error when no animation can be written there."""
    from unidiff_cli.files.output import check_new
    from unidiff_cli.walks.montage import MOVING

    if path.suffix.lower() not in MOVING:
        raise UsageError(
            "usage.output-name", f"{path} is neither .gif nor .webp.", "Try --animate walk.gif"
        )
    check_new(path, force)
