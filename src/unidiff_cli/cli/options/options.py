"""The options of a mode, once: their types, defaults and help."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cache
from inspect import Parameter
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

from unidiff_cli.cli.options import scopes
from unidiff_cli.cli.options.outputs import (
    Captions,
    Existing,
    Format,
    Grid,
    Prefix,
    Preview,
    Show,
    SkipExisting,
    Suffix,
)
from unidiff_cli.cli.options.paths import (
    Also,
    BestOf,
    Extend,
    Feather,
    Harmonise,
    ImageLevel,
    Mask,
    Negative,
    Order,
    Strength,
    TextLevel,
)
from unidiff_cli.cli.options.shared import (
    NO_METADATA,
    NO_PROMPT,
    SIGN,
    Absent,
    BatchSize,
    Device,
    Dtype,
    Fast,
    Force,
    Glob,
    Json,
    Keep,
    Memory,
    Model,
    Progress,
    Quiet,
    Times,
    model_option,
    output_option,
    sampling_option,
)
from unidiff_cli.cli.options.values import parse_extend, parse_interval, parse_size, parse_words
from unidiff_cli.core.modes import Mode
from unidiff_cli.request import PRESETS

if TYPE_CHECKING:
    from unidiff_cli.files.stamp import Stamp

PLAIN = (
    *("absent", "unconditional", "final_denoise", "fast", "caption", "v1_data"),
    *("strength", "mask", "feather", "harmonise"),
    *("negative", "text_level", "image_level", "best_of"),
)
"""Fields of a Request that are said as they are."""


def _only(modes: Callable[[Mode], bool]) -> dict[str, Any]:
    return {"modes": modes}


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says, the inputs apart. `None` leaves a choice to the model."""

    count: Annotated[
        int,
        sampling_option("--count", "-n", metavar="N", help="Samples of each input."),
    ] = 1
    order: Order = field(default=None, metadata=_only(scopes.has_orders))
    strength: Strength = field(default=None, metadata=_only(scopes.edits))
    mask: Mask = field(default=None, metadata=_only(scopes.edits))
    feather: Feather = field(default=None, metadata=_only(scopes.edits))
    harmonise: Harmonise = field(default=None, metadata=_only(scopes.edits))
    extend: Extend = field(default=None, metadata=_only(scopes.edits))
    seed: Annotated[
        int | None,
        sampling_option(
            "--seed",
            metavar="N",
            help="Sample k has seed N + k, whatever the batch; by default a random one is drawn "
            "and printed.",
        ),
    ] = None
    steps: Annotated[
        int | None,
        sampling_option(
            "--steps",
            metavar="N",
            help="Network evaluations for each picture or caption; the default is the model's.",
        ),
    ] = None
    solver: Annotated[
        Literal["dpm++3s", "dpm++2m", "dpm++3m", "unipc", "ddim", "tuned"] | None,
        sampling_option(
            "--solver",
            help="How the steps are made; tuned is what `unidiff tune` learned for the model, for "
            "some numbers of --steps. The default is the model's.",
        ),
    ] = None
    times: Times = None
    guidance: Annotated[
        float | None,
        sampling_option(
            "--guidance",
            metavar="S",
            help="The paper's scale, 0 is off (diffusers' guidance_scale is S + 1); "
            "the default is the model's.",
        ),
    ] = field(default=None, metadata=_only(scopes.is_guided))
    guidance_interval: Annotated[
        str | None,
        sampling_option(
            "--guidance-interval",
            metavar="LO,HI",
            help="Guide only at noise levels t from LO to HI (1 is pure noise, 0 is clean); the "
            "evaluations outside cost half, or a third in joint. By default 0,1: everywhere.",
        ),
    ] = field(default=None, metadata=_only(scopes.is_guided))
    negative: Negative = field(default=None, metadata=_only(scopes.reads_text))
    also: Also = field(default=None, metadata=_only(scopes.takes_words))
    text_level: TextLevel = field(default=None, metadata=_only(scopes.reads_text))
    image_level: ImageLevel = field(default=None, metadata=_only(scopes.sees))
    best_of: BestOf = field(default=None, metadata=_only(scopes.fits))
    preset: Annotated[
        Literal["published", "quick"] | None,
        sampling_option(
            "--preset",
            help="published: the paper's sampler (dpm++3s, 50 uniform steps, guidance 7); quick: "
            "for the impatient, dpm++2m with 16 steps in log-SNR. Other options go before it.",
        ),
    ] = None
    size: Annotated[
        str | None,
        sampling_option(
            "--size",
            metavar="WxH",
            help="Width and height in pixels, multiples of 16; the default is the model's.",
        ),
    ] = None
    absent: Absent = "fresh"
    unconditional: Annotated[
        Literal["absent", "empty"],
        sampling_option(
            "--unconditional",
            help="What guidance moves away from: no text at all, or the empty prompt.",
        ),
    ] = field(default="absent", metadata=_only(scopes.reads_text))
    final_denoise: Annotated[
        bool,
        sampling_option(
            "--final-denoise",
            help="Remove the little noise that sampling leaves (level 0.001), by one more "
            "evaluation.",
        ),
    ] = False
    fast: Fast = "off"
    caption: Annotated[
        Literal["beam", "nucleus"],
        sampling_option(
            "--caption",
            help="How words are chosen: beam search, as published, or nucleus sampling.",
        ),
    ] = field(default="beam", metadata=_only(scopes.makes_text))

    glob: Glob = field(default=None, metadata=_only(scopes.reads_picture))

    model: Model = None
    v1_data: Annotated[
        Literal["web", "internal"] | None,
        model_option(
            "--v1-data",
            help="unidiffuser-v1's flag for which data to resemble; its default is internal.",
        ),
    ] = None
    device: Device = "auto"
    dtype: Dtype = "auto"
    memory: Memory = "auto"
    batch_size: BatchSize = None
    keep: Keep = None

    output: Annotated[
        str | None,
        output_option(
            "--output",
            "-o",
            metavar="WHERE",
            help="A file, a folder/, a name with {mode} {seed} {index} {name} in it, or - for "
            "stdout. Pictures go by default to {mode}-{seed}-{index}.png, never over another file.",
        ),
    ] = None
    force: Force = False
    grid: Grid = field(default=False, metadata=_only(scopes.makes_pictures))
    format: Format = field(default=None, metadata=_only(scopes.makes_pairs))
    captions: Captions = field(default=None, metadata=_only(scopes.describes))
    skip_existing: SkipExisting = field(default=False, metadata=_only(scopes.describes))
    existing: Existing = field(default=None, metadata=_only(scopes.describes))
    suffix: Suffix = field(default=None, metadata=_only(scopes.describes))
    prefix: Prefix = field(default=None, metadata=_only(scopes.describes))
    show: Show = field(default=False, metadata=_only(scopes.makes_pictures))
    preview: Preview = field(default=None, metadata=_only(scopes.makes_pictures))
    json: Json = False
    quiet: Quiet = False
    progress: Progress = "auto"
    no_metadata: Annotated[bool, NO_METADATA] = field(
        default=False, metadata=_only(scopes.makes_pictures)
    )
    no_prompt: Annotated[bool, NO_PROMPT] = field(
        default=False, metadata=_only(scopes.makes_pictures)
    )
    sign: Annotated[str | None, SIGN] = field(default=None, metadata=_only(scopes.makes_pictures))

    def stamp(self) -> Stamp:
        """What pictures say of themselves; an error where they could not be signed."""
        from unidiff_cli.files.stamp import Stamp

        told = not self.no_metadata
        return Stamp.of(metadata=told, prompt=not self.no_prompt, sign=self.sign)

    def settings(self, mode: Mode) -> dict[str, Any]:
        """The fields of a Request that are neither mode, input nor seed."""
        preset = PRESETS[self.preset] if self.preset else {}
        names = ("steps", "solver", "times", "guidance", *(["order"] if mode.orders else []))
        chosen = {name: getattr(self, name) for name in names}
        return {
            **{
                name: preset.get(name) if value is None else value for name, value in chosen.items()
            },
            "count": self.count,
            "guidance_interval": parse_interval(self.guidance_interval),
            "size": parse_size(self.size),
            "extend": parse_extend(self.extend),
            "also": parse_words(self.also),
            **{name: getattr(self, name) for name in PLAIN},
        }


@cache
def _types() -> dict[str, Any]:
    return get_type_hints(Options, include_extras=True)


def parameters(mode: Mode) -> list[Parameter]:
    """The options of a mode, as parameters of its command."""
    hints = _types()
    return [
        Parameter(f.name, Parameter.KEYWORD_ONLY, default=f.default, annotation=hints[f.name])
        for f in fields(Options)
        if f.metadata.get("modes", scopes.any_mode)(mode)
    ]
