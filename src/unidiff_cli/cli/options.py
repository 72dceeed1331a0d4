"""The options, once: their types, defaults and help; a mode has those that mean something to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cache
from inspect import Parameter
from typing import Annotated, Any, Literal, get_type_hints

import typer

from unidiff_cli.core.modes import Mode, Role
from unidiff_cli.errors import UsageError
from unidiff_cli.request import PRESETS, check_interval

SAMPLING, MODEL, OUTPUT = "Sampling", "Model", "Output"

Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME",
        envvar="UNIDIFF_MODEL",
        help="A name of `unidiff models list`, a folder, or a Hub id. "
        "By default unidiffuser-v1 if it was pulled, else the bundled model.",
        rich_help_panel=MODEL,
    ),
]
Device = Annotated[
    Literal["auto", "cuda", "mps", "cpu"],
    typer.Option(
        "--device", envvar="UNIDIFF_DEVICE", help="Where to compute.", rich_help_panel=MODEL
    ),
]
Dtype = Annotated[
    Literal["auto", "fp32", "bf16", "fp16"],
    typer.Option(
        "--dtype",
        envvar="UNIDIFF_DTYPE",
        help="The numbers to compute with; auto is the best that the device does well.",
        rich_help_panel=MODEL,
    ),
]
Absent = Annotated[
    Literal["fresh", "fixed"],
    typer.Option(
        "--absent",
        help="Noise in the place of what is absent: fresh at every evaluation, as published, "
        "or fixed for a sample.",
        rich_help_panel=SAMPLING,
    ),
]
Fast = Annotated[
    Literal["off", "safe", "max"],
    typer.Option(
        "--fast",
        help="Compute the network's middle at every second (safe; in joint at each) or third (max) "
        "evaluation. Sooner, not the same; compare with fewer --steps: docs/fast.md.",
        rich_help_panel=SAMPLING,
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Print a JSON record a line.", rich_help_panel=OUTPUT),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Say nothing on stderr but errors.", rich_help_panel=OUTPUT),
]
Progress = Annotated[
    Literal["auto", "none", "json"],
    typer.Option(
        "--progress",
        envvar="UNIDIFF_PROGRESS",
        help="On stderr: auto draws a bar on a terminal, json prints an event a line.",
        rich_help_panel=OUTPUT,
    ),
]
Force = Annotated[
    bool,
    typer.Option("--force", "-f", help="Replace the file named with -o.", rich_help_panel=OUTPUT),
]


def any_mode(mode: Mode) -> bool:
    """All of them."""
    return True


def makes_pictures(mode: Mode) -> bool:
    """Modes that yield a picture."""
    return "image" in mode.yields


def describes(mode: Mode) -> bool:
    """Modes that say what a picture shows."""
    return mode.needs == "image" and not makes_pictures(mode)


def makes_text(mode: Mode) -> bool:
    """Modes that yield text."""
    return "text" in mode.yields


def makes_pairs(mode: Mode) -> bool:
    """Modes that yield a picture and its caption."""
    return makes_pictures(mode) and makes_text(mode)


def is_guided(mode: Mode) -> bool:
    """Modes with a leg that knows something of the other modality, to be pushed towards."""
    return any(leg.alone(m) != leg for leg in mode.legs for m in leg.which(Role.SAMPLED))


def reads_text(mode: Mode) -> bool:
    """Modes with a leg whose condition is text."""
    return any(leg.text is Role.GIVEN for leg in mode.legs)


def _for(modes: Callable[[Mode], bool], default: Any) -> Any:
    return field(default=default, metadata={"modes": modes})


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says, the inputs apart. `None` leaves a choice to the model."""

    count: Annotated[
        int,
        typer.Option(
            "--count", "-n", metavar="N", help="Samples of each input.", rich_help_panel=SAMPLING
        ),
    ] = 1
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            metavar="N",
            help="Sample k has seed N + k, whatever the batch; by default a random one is drawn "
            "and told.",
            rich_help_panel=SAMPLING,
        ),
    ] = None
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps",
            metavar="N",
            help="Network evaluations a leg; the default is the model's.",
            rich_help_panel=SAMPLING,
        ),
    ] = None
    solver: Annotated[
        Literal["dpm++3s", "dpm++2m", "dpm++3m", "unipc", "ddim"] | None,
        typer.Option(
            "--solver",
            help="How the steps are made; the default is the model's.",
            rich_help_panel=SAMPLING,
        ),
    ] = None
    guidance: Annotated[
        float | None,
        typer.Option(
            "--guidance",
            metavar="S",
            help="The paper's scale, 0 is off (diffusers' guidance_scale is S + 1); "
            "the default is the model's.",
            rich_help_panel=SAMPLING,
        ),
    ] = _for(is_guided, None)
    guidance_interval: Annotated[
        str | None,
        typer.Option(
            "--guidance-interval",
            metavar="LO,HI",
            help="Guide only at noise levels t from LO to HI (1 is pure noise, 0 is clean); the "
            "evaluations outside cost half, or a third in joint. By default 0,1: at all.",
            rich_help_panel=SAMPLING,
        ),
    ] = _for(is_guided, None)
    preset: Annotated[
        Literal["published"] | None,
        typer.Option(
            "--preset",
            help="published: solver dpm++3s, 50 steps, guidance 7, where not said otherwise.",
            rich_help_panel=SAMPLING,
        ),
    ] = None
    size: Annotated[
        str | None,
        typer.Option(
            "--size",
            metavar="WxH",
            help="Width and height in pixels, multiples of 16; the default is the model's.",
            rich_help_panel=SAMPLING,
        ),
    ] = None
    absent: Absent = "fresh"
    unconditional: Annotated[
        Literal["absent", "empty"],
        typer.Option(
            "--unconditional",
            help="What guidance pushes away from: absent text, or the empty prompt.",
            rich_help_panel=SAMPLING,
        ),
    ] = _for(reads_text, "absent")
    final_denoise: Annotated[
        bool,
        typer.Option(
            "--final-denoise",
            help="One more evaluation a leg removes the last noise, of level 0.001.",
            rich_help_panel=SAMPLING,
        ),
    ] = False
    fast: Fast = "off"
    caption: Annotated[
        Literal["beam", "nucleus"],
        typer.Option(
            "--caption",
            help="How words are chosen: beam search, as published, or nucleus sampling.",
            rich_help_panel=SAMPLING,
        ),
    ] = _for(makes_text, "beam")

    model: Model = None
    v1_data: Annotated[
        Literal["web", "internal"] | None,
        typer.Option(
            "--v1-data",
            help="unidiffuser-v1's flag for the data to resemble; its default is internal.",
            rich_help_panel=MODEL,
        ),
    ] = None
    device: Device = "auto"
    dtype: Dtype = "auto"
    memory: Annotated[
        Literal["auto", "low", "min"],
        typer.Option(
            "--memory",
            envvar="UNIDIFF_MEMORY",
            help="low holds only the parts at work and computes one thing at a time: slower, and "
            "the same results but for rounding. min reads the network block by block besides.",
            rich_help_panel=MODEL,
        ),
    ] = "auto"
    batch_size: Annotated[
        int | None,
        typer.Option(
            "--batch-size",
            metavar="N",
            envvar="UNIDIFF_BATCH_SIZE",
            help="Samples at once; it changes speed and memory, never the results.",
            rich_help_panel=MODEL,
        ),
    ] = None

    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="WHERE",
            help="A file, a folder/, a name with {mode} {seed} {index} {name} in it, or - for "
            "stdout. Pictures go by default to {mode}-{seed}-{index}.png, never over another file.",
            rich_help_panel=OUTPUT,
        ),
    ] = None
    force: Force = False
    grid: Annotated[
        bool,
        typer.Option(
            "--grid",
            help="Also make a contact sheet with captions; with -o FILE, only the sheet.",
            rich_help_panel=OUTPUT,
        ),
    ] = _for(makes_pictures, False)
    format: Annotated[
        Literal["webdataset", "jsonl", "imagefolder"] | None,
        typer.Option(
            "--format",
            help="Write training data into the folder -o: tar files, a table of paths, or pictures "
            "with metadata.jsonl. The same command again continues it.",
            rich_help_panel=OUTPUT,
        ),
    ] = _for(makes_pairs, None)
    captions: Annotated[
        Literal["beside"] | None,
        typer.Option(
            "--captions",
            help="beside: write photo.txt beside photo.jpg; folders stand for the pictures in "
            "them.",
            rich_help_panel=OUTPUT,
        ),
    ] = _for(describes, None)
    skip_existing: Annotated[
        bool,
        typer.Option(
            "--skip-existing",
            help="With --captions, leave alone what has a caption already.",
            rich_help_panel=OUTPUT,
        ),
    ] = _for(describes, False)
    show: Annotated[
        bool,
        typer.Option(
            "--show",
            help="Also draw pictures on the terminal: by Kitty's protocol or Sixel with the extra "
            "[show] installed, else in half blocks.",
            rich_help_panel=OUTPUT,
        ),
    ] = _for(makes_pictures, False)
    preview: Annotated[
        str | None,
        typer.Option(
            "--preview",
            metavar="WHERE",
            help="The picture as it forms: - draws it above the progress bar; a file is replaced "
            "at every step.",
            rich_help_panel=OUTPUT,
        ),
    ] = _for(makes_pictures, None)
    json: Json = False
    quiet: Quiet = False
    progress: Progress = "auto"
    no_metadata: Annotated[
        bool,
        typer.Option(
            "--no-metadata",
            help="Leave out of the picture how it was made, and that a model made it.",
            rich_help_panel=OUTPUT,
        ),
    ] = _for(makes_pictures, False)

    def settings(self, mode: Mode) -> dict[str, Any]:
        """The fields of a Request that are neither mode, input nor seed."""
        preset = PRESETS[self.preset] if self.preset else {}
        chosen = {"steps": self.steps, "solver": self.solver, "guidance": self.guidance}
        return {
            **{
                name: preset.get(name) if value is None else value for name, value in chosen.items()
            },
            "count": self.count,
            "guidance_interval": parse_interval(self.guidance_interval),
            "size": parse_size(self.size),
            "absent": self.absent,
            "unconditional": self.unconditional,
            "final_denoise": self.final_denoise,
            "fast": self.fast,
            "caption": self.caption,
            "v1_data": self.v1_data,
        }


def parse_size(size: str | None) -> tuple[int, int] | None:
    """(width, height) of "512x256", or of "512" for a square."""
    if size is None:
        return None
    match = re.fullmatch(r"(\d{1,9})(?:[xX](\d{1,9}))?", size.strip())
    if match is None:
        raise UsageError(f"size is WIDTHxHEIGHT, got {size!r}.", "Example: --size 512x512")
    return int(match[1]), int(match[2] or match[1])


def parse_interval(interval: str | None) -> tuple[float, float] | None:
    """(low, high) of "0.1,0.8"."""
    if interval is None:
        return None
    try:
        low, high = map(float, interval.split(","))
    except ValueError:
        raise UsageError(
            f"guidance-interval is LO,HI, got {interval!r}.",
            "Example: --guidance-interval 0.1,0.8",
        ) from None
    return check_interval((low, high))


@cache
def _types() -> dict[str, Any]:
    return get_type_hints(Options, include_extras=True)


def parameters(mode: Mode) -> list[Parameter]:
    """The options of a mode, as parameters of its command."""
    hints = _types()
    return [
        Parameter(f.name, Parameter.KEYWORD_ONLY, default=f.default, annotation=hints[f.name])
        for f in fields(Options)
        if f.metadata.get("modes", any_mode)(mode)
    ]
