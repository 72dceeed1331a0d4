"""What is asked and what is answered: plain values, JSON both ways, no torch."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal, Self

from unidiff_cli.checks.fields import MAX_SIDE, check_margins, check_size, check_words
from unidiff_cli.checks.fields import check_choice as check_choice
from unidiff_cli.checks.fields import check_interval as check_interval
from unidiff_cli.checks.fields import check_number as check_number
from unidiff_cli.checks.fields import check_whole as check_whole
from unidiff_cli.checks.meaning import check_given, check_meaning
from unidiff_cli.core.modes import MODES, TOGETHER, Mode
from unidiff_cli.core.pair import MODALITIES, Pair
from unidiff_cli.core.solver import SOLVERS, TIMES
from unidiff_cli.core.tuned import NAME, is_tuned
from unidiff_cli.errors import UnidiffError, UsageError

if TYPE_CHECKING:
    from PIL import Image

MAX_COUNT = 1_000_000
MAX_STEPS = 10_000
MAX_GUIDANCE = 1_000.0
MAX_SEED = 2**63 - 1 - MAX_COUNT
"""Of a sample. Inputs of one run are numbered on from its seed, and stay below 2^63."""
MAX_REPETITIONS = 100
MAX_BEST = 1000
FAST = ("off", "safe", "max")
ORDERS = (TOGETHER, *MODES["joint"].orders)
WHOLE = ("count", "seed", "steps", "size", "extend", "feather", "harmonise", "best_of")
"""Fields of whole numbers."""

INPUTS = ("prompt", "image", "mask")
CHECKS: dict[str, Callable[[object], Any]] = {
    "size": check_size,
    "guidance_interval": check_interval,
    "extend": check_margins,
    "also": check_words,
}
"""What makes values of lists."""

PRESETS: dict[str, dict[str, Any]] = {
    "published": {
        "solver": "dpm++3s",
        "times": "uniform",
        "steps": 50,
        "guidance": 7.0,
        "order": TOGETHER,
    },
    "quick": {"solver": "dpm++2m", "times": "log-snr", "steps": 16},
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
    order: str | None = None
    """Of joint: whether picture and caption form together, or the one after the other."""
    strength: float | None = None
    """Of an edit: the noise level from which the picture is drawn anew; 0 leaves it, 1 is t2i."""
    mask: str | Image.Image | None = None
    """Of an edit: a picture, white (or opaque, where it has transparency) where it may change."""
    feather: int | None = None
    """Pixels inside the mask over which the new picture sets in."""
    harmonise: int | None = None
    """How many times more the steps of a masked edit are made."""
    extend: tuple[int, int, int, int] | None = None
    """Pixels that are added to a picture on the left, top, right and bottom, and drawn."""
    negative: str | None = None
    """What guidance pushes away from, in place of no text at all."""
    also: tuple[tuple[str, float], ...] | None = None
    """Further prompts, each with the weight of its own guidance."""
    text_level: float | None = None
    """The noise level at which text that is given is held: 0 is clean, 1 as good as absent."""
    image_level: float | None = None
    """The same of a picture that is given."""
    best_of: int | None = None
    """So many are made of each sample, and the one that fits its words best is kept."""
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
                raise UsageError(
                    "usage.field", f"{each.name} has a value, got null.", "Leave the field out."
                )
        check_choice("mode", self.mode, MODES)
        check_given(self)
        check_whole("count", self.count, 1, MAX_COUNT)
        check_whole("seed", self.seed, 0, MAX_SEED)
        if self.seed is not None and self.seed + self.count - 1 > MAX_SEED:
            raise UsageError(
                "usage.range",
                f"The last of {self.count} samples would have a seed above {MAX_SEED}.",
                "Choose a smaller seed.",
            )
        check_whole("steps", self.steps, 1, MAX_STEPS)
        check_number("guidance", self.guidance, 0.0, MAX_GUIDANCE)
        check_choice("solver", NAME if is_tuned(self.solver) else self.solver, [*SOLVERS, NAME])
        check_choice("times", self.times, TIMES)
        check_choice("order", self.order, ORDERS)
        check_choice("absent", self.absent, ("fresh", "fixed"))
        check_choice("unconditional", self.unconditional, ("absent", "empty"))
        check_choice("fast", self.fast, FAST)
        check_choice("caption", self.caption, ("beam", "nucleus"))
        check_choice("v1_data", self.v1_data, ("web", "internal"))
        if not isinstance(self.final_denoise, bool):
            raise UsageError(
                "usage.field", f"final_denoise is true or false, got {self.final_denoise!r}."
            )
        for name, check in CHECKS.items():
            if getattr(self, name) is not None:
                object.__setattr__(self, name, check(getattr(self, name)))
        for name in ("strength", "text_level", "image_level"):
            check_number(name, getattr(self, name), 0.0, 1.0)
        for name, low, most in (
            ("feather", 0, MAX_SIDE),
            ("harmonise", 0, 100),
            ("best_of", 1, 1000),
        ):
            check_whole(name, getattr(self, name), low, most)
        if self.negative is not None and not isinstance(self.negative, str):
            raise UsageError("usage.field", f"negative is text, got {self.negative!r}.")
        check_meaning(self)

    @property
    def walk(self) -> Mode:
        """The mode, as a path on the square."""
        given = {"text": self.prompt, "image": self.image}
        levels = Pair(self.image_level or 0.0, self.text_level or 0.0)
        known = [m for m in MODALITIES if given[m] is not None]
        # Where a part stays, the rest begins with noise unless something else is said.
        first = 1.0 if self.strength is None and self.masked else self.strength
        return MODES[self.mode].along(known, first, levels, self.order or TOGETHER)

    @property
    def given(self) -> str | None:
        """What the user gave, as text: the prompt, or the picture's name."""
        return self.prompt if self.prompt is not None else picture_name(self.image)

    @property
    def words(self) -> tuple[str, ...]:
        """All that is said: the prompt, further ones, and what is not wanted."""
        said = (self.prompt, *(words for words, _ in self.also or ()), self.negative)
        return tuple(words for words in said if words)

    @property
    def edits(self) -> bool:
        """Whether a picture that is given comes back changed."""
        return MODES[self.mode].revises

    @property
    def masked(self) -> bool:
        """Whether a part of the picture is to stay."""
        return self.mask is not None or self.extend is not None

    def seeded(self) -> Self:
        """The same request with a seed: its own, or a random one of 32 bits."""
        return self if self.seed is not None else replace(self, seed=secrets.randbits(32))

    def settings(self) -> dict[str, Any]:
        """All that is neither mode nor input, as JSON values, `None` left out."""
        values: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in ("mode", *INPUTS):
            del values[name]
        return {name: _listed(value) for name, value in values.items() if value is not None}

    def to_json(self) -> dict[str, Any]:
        """The request as JSON values; a picture is its name."""
        given = {
            "prompt": self.prompt,
            "image": picture_name(self.image),
            "mask": picture_name(self.mask),
        }
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
                raise UsageError(
                    "usage.field-unknown",
                    f"There is no field {name!r}.",
                    f"Fields: {', '.join(known)}.",
                )
        values = {name: _whole(name, each) for name, each in values.items() if each is not None}
        if "mode" not in values:
            raise UsageError(
                "usage.missing", "The field 'mode' is missing.", f"Modes: {', '.join(MODES)}."
            )
        for name in ("mode", *INPUTS):
            if name in values and not isinstance(values[name], str):
                raise UsageError("usage.field", f"{name} is text, got {values[name]!r}.")
        return cls(**values)


@dataclass(frozen=True, kw_only=True)
class Output:
    """One finished sample: what its mode yields."""

    seed: int
    image: Image.Image | None = None
    text: str | None = None
    fit: float | None = None
    """Of the best of several: by how much its words help the model to see it through noise."""


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
        raise UsageError(
            "usage.range", f"{name} is NaN, which is no value.", "Leave the field out, or say null."
        )
    whole = name in WHOLE and isinstance(value, float) and value.is_integer()
    return int(value) if whole else value


def picture_name(image: str | Image.Image | None) -> str | None:
    """The path of a picture as given; "-" for one that has none."""
    if image is None or isinstance(image, str):
        return image
    return str(getattr(image, "filename", "") or "-")


def _listed(value: Any) -> Any:
    """A value as JSON has it: tuples are lists."""
    return list(map(_listed, value)) if isinstance(value, tuple) else value
