"""What is asked and what is answered: plain values, JSON both ways, no torch."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal, Self

from unidiff_cli.core.modes import MODES, Mode
from unidiff_cli.core.solver import SOLVERS, TIMES
from unidiff_cli.core.tuned import NAME, is_tuned
from unidiff_cli.errors import UnidiffError, UsageError

if TYPE_CHECKING:
    from PIL import Image

MAX_COUNT = 1_000_000
MAX_STEPS = 10_000
MAX_GUIDANCE = 1_000.0
MAX_SIDE = 4096
MAX_SEED = 2**63 - 1 - MAX_COUNT
"""Of a sample. Inputs of one run are numbered on from its seed, and stay below 2^63."""
FAST = ("off", "safe", "max")
WHOLE = ("count", "seed", "steps", "size")
"""Fields of whole numbers."""
SIZE_STEP = 16
"""Sides are multiples of this: 8 from the VAE, 2 from the patches."""

PRESETS: dict[str, dict[str, Any]] = {
    "published": {"solver": "dpm++3s", "times": "uniform", "steps": 50, "guidance": 7.0},
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """One order: a mode, what it needs, how many samples and how they are made.

    `None` leaves a choice to the model's own defaults. Sample k of a request has seed + k.
    Numbers and names are checked here; a wrong one is a UsageError.
    """

    mode: str
    prompt: str | None = None
    image: str | Image.Image | None = None
    """A path, or an opened picture."""
    count: int = 1
    seed: int | None = None
    steps: int | None = None
    solver: str | None = None
    times: str | None = None
    """Where the steps lie: even in the noise level t, or in log-SNR."""
    guidance: float | None = None
    """The paper's scale s, 0 is off; diffusers' guidance_scale is s + 1."""
    guidance_interval: tuple[float, float] | None = None
    """Guidance only at noise levels t from the first to the second; 0 is clean, 1 is noise."""
    size: tuple[int, int] | None = None
    """Width and height in pixels, multiples of 16."""
    absent: Literal["fresh", "fixed"] = "fresh"
    unconditional: Literal["absent", "empty"] = "absent"
    final_denoise: bool = False
    fast: Literal["off", "safe", "max"] = "off"
    """How much of the network's middle is kept from one evaluation to the next."""
    caption: Literal["beam", "nucleus"] = "beam"
    v1_data: Literal["web", "internal"] | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            if getattr(self, each.name) is None and each.default is not None:
                raise UsageError(f"{each.name} has a value, got null.", "Leave the field out.")
        check_choice("mode", self.mode, MODES)
        needs = MODES[self.mode].needs
        for name, value in (("text", self.prompt), ("image", self.image)):
            what = "a prompt" if name == "text" else "a picture"
            if name == needs and value is None:
                raise UsageError(f"{self.mode} needs {what}.", f"Give it one: {_usage(self.mode)}")
            if name != needs and value is not None:
                raise UsageError(f"{self.mode} takes no {what[2:]}.", _usage(self.mode))
        check_whole("count", self.count, 1, MAX_COUNT)
        check_whole("seed", self.seed, 0, MAX_SEED)
        if self.seed is not None and self.seed + self.count - 1 > MAX_SEED:
            raise UsageError(
                f"The last of {self.count} samples would have a seed above {MAX_SEED}.",
                "Choose a smaller seed.",
            )
        check_whole("steps", self.steps, 1, MAX_STEPS)
        check_number("guidance", self.guidance, 0.0, MAX_GUIDANCE)
        check_choice("solver", NAME if is_tuned(self.solver) else self.solver, [*SOLVERS, NAME])
        check_choice("times", self.times, TIMES)
        check_choice("absent", self.absent, ("fresh", "fixed"))
        check_choice("unconditional", self.unconditional, ("absent", "empty"))
        check_choice("fast", self.fast, FAST)
        check_choice("caption", self.caption, ("beam", "nucleus"))
        check_choice("v1_data", self.v1_data, ("web", "internal"))
        if not isinstance(self.final_denoise, bool):
            raise UsageError(f"final_denoise is true or false, got {self.final_denoise!r}.")
        if self.unconditional == "empty" and self.mode not in ("t2i", "i2t2i", "t2i2t"):
            raise UsageError(
                f"The empty prompt stands in for the text of t2i; {self.mode} has none.",
                "Leave out --unconditional empty.",
            )
        for name, check in (("size", check_size), ("guidance_interval", check_interval)):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, check(getattr(self, name)))

    @property
    def walk(self) -> Mode:
        """The mode, as a path on the square."""
        return MODES[self.mode]

    @property
    def given(self) -> str | None:
        """What the user gave, as text: the prompt, or the picture's name."""
        return self.prompt if self.prompt is not None else picture_name(self.image)

    def seeded(self) -> Self:
        """The same request with a seed: its own, or a random one of 32 bits."""
        return self if self.seed is not None else replace(self, seed=secrets.randbits(32))

    def settings(self) -> dict[str, Any]:
        """All that is neither mode nor input, as JSON values, `None` left out."""
        values: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in ("mode", "prompt", "image"):
            del values[name]
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
            if value is not None
        }

    def to_json(self) -> dict[str, Any]:
        """The request as JSON values; a picture is its name."""
        given = {"prompt": self.prompt, "image": picture_name(self.image)}
        return {
            "mode": self.mode,
            **{name: value for name, value in given.items() if value is not None},
            **self.settings(),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The request in a JSON object; a field that it does not know is a UsageError.

        As data frames write them: null stands for a field that is not there, and whole numbers
        may have a point (20.0).
        """
        known = [f.name for f in fields(cls)]
        for name in values:
            if name not in known:
                raise UsageError(f"There is no field {name!r}.", f"Fields: {', '.join(known)}.")
        values = {name: _whole(name, each) for name, each in values.items() if each is not None}
        if "mode" not in values:
            raise UsageError("The field 'mode' is missing.", f"Modes: {', '.join(MODES)}.")
        for name in ("prompt", "image", "mode"):
            if name in values and not isinstance(values[name], str):
                raise UsageError(f"{name} is text, got {values[name]!r}.")
        return cls(**values)


@dataclass(frozen=True, kw_only=True)
class Output:
    """One finished sample: what its mode yields."""

    seed: int
    image: Image.Image | None = None
    text: str | None = None


@dataclass(frozen=True, kw_only=True)
class Result:
    """The answer to a request: its samples, and how they were made."""

    request: Request
    """The request with every choice made: seed, steps, solver, times, guidance, size."""
    outputs: tuple[Output, ...] = ()
    seconds: float = 0.0
    made_with: Mapping[str, str] = field(default_factory=dict)
    """model, revision, device, dtype and the versions of the libraries."""
    error: UnidiffError | None = None

    @property
    def images(self) -> list[Image.Image]:
        """The pictures."""
        return [output.image for output in self.outputs if output.image is not None]

    @property
    def texts(self) -> list[str]:
        """The captions."""
        return [output.text for output in self.outputs if output.text is not None]


def _whole(name: str, value: Any) -> Any:
    """A whole number that is written with a point as one; a UsageError for NaN."""
    if isinstance(value, list):
        return [_whole(name, each) for each in value]
    if isinstance(value, float) and value != value:
        raise UsageError(f"{name} is NaN, which is no value.", "Leave the field out, or say null.")
    whole = name in WHOLE and isinstance(value, float) and value.is_integer()
    return int(value) if whole else value


def picture_name(image: str | Image.Image | None) -> str | None:
    """The path of a picture as given; "-" for one that has none."""
    if image is None or isinstance(image, str):
        return image
    return str(getattr(image, "filename", "") or "-")


def check_size(size: object) -> tuple[int, int]:
    """(width, height), both multiples of 16 within bounds, else a UsageError."""
    if not isinstance(size, (list, tuple)) or len(size) != 2:
        raise UsageError(f"size is a width and a height, got {size!r}.", "Example: --size 512x512")
    for side in size:
        check_whole("size", side, SIZE_STEP, MAX_SIDE)
        if side % SIZE_STEP:
            near = max(SIZE_STEP, round(side / SIZE_STEP) * SIZE_STEP)
            raise UsageError(
                f"A picture's sides are multiples of {SIZE_STEP}, got {side}.", f"Try {near}."
            )
    return (int(size[0]), int(size[1]))


def check_interval(interval: object) -> tuple[float, float]:
    """(lowest, highest) noise level, both from 0 to 1, else a UsageError."""
    if not isinstance(interval, (list, tuple)) or len(interval) != 2 or None in interval:
        raise UsageError(
            f"guidance_interval is two noise levels, got {interval!r}.",
            "Example: --guidance-interval 0.1,0.8",
        )
    for level in interval:
        check_number("guidance_interval", level, 0.0, 1.0)
    low, high = (float(level) for level in interval)
    if low > high:
        raise UsageError(
            f"guidance_interval goes from low to high, got {low:g},{high:g}.",
            f"Turn it around: {high:g},{low:g}",
        )
    return low, high


def check_whole(name: str, value: object, low: int, high: int) -> None:
    """Nothing, or a UsageError when the value is not a whole number in the range."""
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise UsageError(f"{name} is a whole number from {low} to {high}, got {value!r}.")


def check_number(name: str, value: object, low: float, high: float) -> None:
    """Nothing, or a UsageError when the value is not a finite number in the range."""
    if value is None:
        return
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not low <= value <= high:  # type: ignore[operator]
        raise UsageError(f"{name} is a number from {low:g} to {high:g}, got {value!r}.")


def check_choice(name: str, value: object, choices: Any) -> None:
    """Nothing, or a UsageError when the value is not among the choices."""
    if value is not None and value not in list(choices):
        raise UsageError(f"There is no {name} {value!r}.", f"Choose from {', '.join(choices)}.")


def _usage(mode: str) -> str:
    arguments = {"text": ' "a red fox"', "image": " photo.jpg", None: ""}[MODES[mode].needs]
    return f"unidiff {mode}{arguments}"
