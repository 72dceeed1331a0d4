"""`unidiff chain` and `unidiff interpolate`: walks longer than a mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from unidiff_cli.cli.answers.loading import load, warn_of_words
from unidiff_cli.cli.answers.travelogue import Travelogue, plan_route
from unidiff_cli.cli.options.ends import WALK, Prompts, read_ends
from unidiff_cli.cli.options.options import Options
from unidiff_cli.cli.options.shared import output_option
from unidiff_cli.cli.terminal.console import Console
from unidiff_cli.cli.terminal.sketch import check_apart
from unidiff_cli.errors import UsageError
from unidiff_cli.files.metadata import save_options
from unidiff_cli.files.output import check_new, numbered, replace_file, write_new
from unidiff_cli.request import Request, check_whole

if TYPE_CHECKING:
    from unidiff_cli.engine.pipeline import UniDiffuser
    from unidiff_cli.walks.walker import Stage

MOST = 10_000
MOVING = {".gif": "GIF", ".webp": "WEBP"}
CHAIN_EXAMPLES = """\
\b
Examples:
  unidiff chain "a red fox" --rounds 5
  unidiff chain photo.jpg --through words --seed 7 -o walk.png
  unidiff chain "a red fox" --rounds 3 --json -o walk/
"""
INTERPOLATE_EXAMPLES = """\
\b
Examples:
  unidiff interpolate cat.jpg dog.jpg -n 9
  unidiff interpolate cat.jpg dog.jpg -n 24 --animate cat-to-dog.gif
  unidiff interpolate "a red fox" "a snowy owl" --seed 7 -o between.png
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
    chosen = Options(**options)
    (request,) = read_ends([start], prompts, chosen)
    check_whole("rounds", rounds, 1, MOST)
    about = {"walk": "chain", "rounds": rounds, "through": through, **_about(request)}

    def walk(model: UniDiffuser) -> Iterator[Stage]:
        from unidiff_cli.walks.chain import chain

        return chain(model, request, rounds, through)

    travel([request], 2 * rounds + 1, about, chosen, walk)


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
    chosen = Options(**options)
    ends = read_ends([first, second], prompts, chosen)
    if ends[0].mode != ends[1].mode:
        raise UsageError(
            "One of the two is a picture, the other a prompt.",
            "Give two of a kind; with --prompts both are prompts.",
        )
    check_whole("stages", stages, 2, MOST)
    check_whole("ode-steps", ode_steps, 2, MOST)
    if animate is not None:
        if animate.suffix.lower() not in MOVING:
            raise UsageError(f"{animate} is neither .gif nor .webp.", "Try --animate walk.gif")
        check_new(animate, chosen.force)
    about = {"walk": "interpolate", "stages": stages, **_about(ends[0])}
    about |= {"to": str(ends[1].given)}
    ends = [replace(end, absent="fixed") for end in ends]  # as the walk does: it is recorded
    about |= {"ode_steps": ode_steps} if ends[0].image is not None else {}

    def walk(model: UniDiffuser) -> Iterator[Stage]:
        from unidiff_cli.walks.interpolate import interpolate

        return interpolate(model, ends[0], ends[1], stages, ode_steps)

    log = travel(ends, stages, about, chosen, walk, animate, arrows=False)
    close = [stage.fidelity for stage in log.stages if stage.fidelity is not None]
    if close:
        said = " and ".join(f"{min(each, 99.0):.0f} dB" for each in close)
        more = "" if min(close) >= 30 else "; more --ode-steps bring them closer"
        log.console.note(f"the ends are within {said} of what the VAE makes of the inputs{more}")
    if animate is not None:
        _animate(log, animate, chosen.force)


def _animate(log: Travelogue, path: Path, force: bool) -> None:
    from unidiff_cli.walks.montage import animation

    pictures = [stage.image for stage in log.stages if stage.image is not None]
    format = MOVING[path.suffix.lower()]
    data = animation(pictures, format, save_options(format, [], log.about) if log.metadata else {})
    written = replace_file(path, data) if force else write_new(numbered(path), data)
    log.answer_file("animation", written)


def _about(request: Request) -> dict[str, Any]:
    """What was asked, as plain values."""
    values = request.to_json()
    del values["mode"], values["count"]
    if request.size is not None:
        values["size"] = "x".join(map(str, request.size))
    if request.guidance_interval is not None:
        values["guidance_interval"] = ",".join(f"{t:g}" for t in request.guidance_interval)
    return values


def travel(
    ends: Sequence[Request],
    stages: int,
    about: dict[str, Any],
    chosen: Options,
    walk: Callable[[UniDiffuser], Iterator[Stage]],
    animate: Path | None = None,
    arrows: bool = True,
) -> Travelogue:
    """Load the model, walk, write each stage as it comes and the strip at the end."""
    console, request = Console(chosen.quiet, chosen.progress, chosen.show), ends[0]
    name, others = f"{about['walk']}-{request.seed}", animate is not None
    route = plan_route(chosen.output, name, stages, chosen.force, chosen.json, others=others)
    given = (end.image for end in ends)
    check_apart(chosen.preview, [*route.files(stages), animate, *given])
    if chosen.seed is None:
        console.note(f"seed {request.seed}")
    log = Travelogue(route, console, about, chosen.json, not chosen.no_metadata)
    with console.listening() as progress:
        model = load(chosen, console, progress)
        warn_of_words(model, [end.prompt for end in ends if end.prompt], console)
        resolved = _about(model.resolve(request))
        made_with = {name: model.made_with[name] for name in ("model", "revision", "device")}
        log.about = {**about, **resolved, **made_with, "dtype": model.made_with["dtype"]}
        try:
            for stage in walk(model):
                log.add(stage)
        finally:
            log.finish(arrows)
    return log
