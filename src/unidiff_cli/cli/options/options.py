"""The options of a mode, once: their types, defaults and help."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cache
from inspect import Parameter
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

from unidiff_cli.cli.options import scopes
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
    Memory,
    Model,
    Progress,
    Quiet,
    Times,
    model_option,
    output_option,
    sampling_option,
)
from unidiff_cli.cli.options.values import parse_interval, parse_size
from unidiff_cli.core.modes import Mode
from unidiff_cli.request import PRESETS

if TYPE_CHECKING:
    from unidiff_cli.files.stamp import Stamp


def _for(modes: Callable[[Mode], bool], default: Any) -> Any:
    return field(default=default, metadata={"modes": modes})


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says, the inputs apart. `None` leaves a choice to the model."""

    count: Annotated[
        int,
        sampling_option("--count", "-n", metavar="N", help="Samples of each input."),
    ] = 1
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
    ] = _for(scopes.is_guided, None)
    guidance_interval: Annotated[
        str | None,
        sampling_option(
            "--guidance-interval",
            metavar="LO,HI",
            help="Guide only at noise levels t from LO to HI (1 is pure noise, 0 is clean); the "
            "evaluations outside cost half, or a third in joint. By default 0,1: everywhere.",
        ),
    ] = _for(scopes.is_guided, None)
    preset: Annotated[
        Literal["published"] | None,
        sampling_option(
            "--preset",
            help="published: the paper's sampler (dpm++3s, 50 uniform steps, guidance 7), unless "
            "set otherwise.",
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
    ] = _for(scopes.reads_text, "absent")
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
    ] = _for(scopes.makes_text, "beam")

    glob: Glob = field(default=None, metadata={"modes": scopes.reads_picture})

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
    grid: Annotated[
        bool,
        output_option(
            "--grid", help="Also make a contact sheet with captions; with -o FILE, only the sheet."
        ),
    ] = _for(scopes.makes_pictures, False)
    format: Annotated[
        Literal["webdataset", "jsonl", "imagefolder"] | None,
        output_option(
            "--format",
            help="Write training data into the folder -o: tar files, a table of paths, or pictures "
            "with metadata.jsonl. The same command again continues it.",
        ),
    ] = _for(scopes.makes_pairs, None)
    captions: Annotated[
        Literal["beside"] | None,
        output_option(
            "--captions",
            help="beside: write photo.txt beside photo.jpg. Several processes share the work.",
        ),
    ] = _for(scopes.describes, None)
    skip_existing: Annotated[
        bool,
        output_option("--skip-existing", help="With --captions, the same as --existing skip."),
    ] = _for(scopes.describes, False)
    existing: Annotated[
        Literal["skip", "overwrite", "append"] | None,
        output_option(
            "--existing",
            help="With --captions, what is done where there is a caption; a blank one is none. "
            "append puts the new one behind it, after a comma.",
        ),
    ] = _for(scopes.describes, None)
    suffix: Annotated[
        str | None,
        output_option(
            "--suffix", metavar=".SUFFIX", help="With --captions, of their files: .txt by default."
        ),
    ] = _for(scopes.describes, None)
    prefix: Annotated[
        str | None,
        output_option(
            "--prefix", metavar="WORDS", help="With --captions, what each begins with: 'zorp, '."
        ),
    ] = _for(scopes.describes, None)
    show: Annotated[
        bool,
        output_option(
            "--show",
            help="Also draw pictures on the terminal: by Kitty's protocol or Sixel with the extra "
            "[show] installed, else in half blocks.",
        ),
    ] = _for(scopes.makes_pictures, False)
    preview: Annotated[
        str | None,
        output_option(
            "--preview",
            metavar="WHERE",
            help="The picture as it forms: - draws it above the progress bar; a file is replaced "
            "at every step.",
        ),
    ] = _for(scopes.makes_pictures, None)
    json: Json = False
    quiet: Quiet = False
    progress: Progress = "auto"
    no_metadata: Annotated[bool, NO_METADATA] = _for(scopes.makes_pictures, False)
    no_prompt: Annotated[bool, NO_PROMPT] = _for(scopes.makes_pictures, False)
    sign: Annotated[str | None, SIGN] = _for(scopes.makes_pictures, None)

    def stamp(self) -> Stamp:
        """What pictures say of themselves; an error where they could not be signed."""
        from unidiff_cli.files.stamp import Stamp

        told = not self.no_metadata
        return Stamp.of(metadata=told, prompt=not self.no_prompt, sign=self.sign)

    def settings(self, mode: Mode) -> dict[str, Any]:
        """The fields of a Request that are neither mode, input nor seed."""
        preset = PRESETS[self.preset] if self.preset else {}
        chosen = {name: getattr(self, name) for name in ("steps", "solver", "times", "guidance")}
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
