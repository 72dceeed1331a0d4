"""A training run's settings: TOML tables into frozen dataclasses, with errors that name the key.

Nothing here imports torch, so a wrong file is refused at once.
"""

from __future__ import annotations

import math
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar

from unidiff_cli.errors import UsageError
from unidiff_cli.errors.system import cannot_read
from unidiff_cli.files.text import read_text

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerConfig:
    """How long, how fast and how carefully to train; the defaults are as published where known."""

    steps: int
    lr: float = 2e-4
    warmup: int = 0
    schedule: Literal["constant", "cosine", "linear"] = "constant"
    lr_end: float = 0.0  # what cosine and linear come down to when the last step is made
    weight_decay: float = 0.03
    betas: tuple[float, float] = (0.9, 0.9)
    grad_clip: float = 1.0  # 0: no clipping
    accumulate: int = 1  # batches whose gradients are averaged into one step
    ema_decay: float = 0.9999  # 0: no average is kept
    save_every: int = 1000
    log_every: int = 50
    sample_every: int = 0  # 0: no samples
    keep: int = 2
    seed: int = 0
    dtype: Literal["fp32", "bf16"] = "fp32"
    max_minutes: float = 0.0  # 0: until the last step

    def __post_init__(self) -> None:
        for name in ("steps", "accumulate", "save_every", "log_every", "keep"):
            _require(getattr(self, name) >= 1, name, "must be 1 or more")
        for name in ("warmup", "sample_every", "grad_clip", "max_minutes", "weight_decay"):
            _require(getattr(self, name) >= 0, name, "must not be negative")
        _require(self.lr > 0, "lr", "must be above 0")
        _require(0 <= self.lr_end <= self.lr, "lr_end", "must lie between 0 and lr")
        _require(0 <= self.ema_decay < 1, "ema_decay", "must lie in [0, 1)")
        _require(all(0 <= beta < 1 for beta in self.betas), "betas", "must lie in [0, 1)")

    def rate(self, step: int) -> float:
        """The learning rate at a step, counted from 0: a linear warm-up, then the schedule's."""
        if step < self.warmup:
            return self.lr * (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        match self.schedule:
            case "constant":
                share = 1.0
            case "linear":
                share = 1 - done
            case "cosine":
                share = (1 + math.cos(math.pi * done)) / 2
        return self.lr_end + (self.lr - self.lr_end) * share


def _require(holds: bool, key: str, what: str) -> None:
    if not holds:
        raise UsageError("usage.config-value", f"{key} {what}.")


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file; a `UsageError` says what is wrong with it, and on which line.

    An `InputError` where it cannot be read at all.
    """
    try:
        return tomllib.loads(read_text(path))
    except OSError as error:
        raise cannot_read(path, error, "Check the path of the configuration.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError("usage.config", f"{path} is not valid TOML: {error}.") from error


def table(cls: type[T], values: Mapping[str, Any], where: str) -> T:
    """`cls` made from a TOML table; every complaint names the key, as `[where] key`."""
    assert is_dataclass(cls)
    hints = typing.get_type_hints(cls)
    known = {field.name: field for field in fields(cls) if field.init}
    for key in values:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Known keys: {', '.join(known)}."
            raise UsageError("usage.config-key", f"Unknown key {key!r} in [{where}].", hint)
    for name, field in known.items():
        required = field.default is MISSING and field.default_factory is MISSING
        if required and name not in values:
            raise UsageError("usage.config-key", f"[{where}] needs the key {name!r}.")
    made = {key: _convert(hints[key], value, f"[{where}] {key}") for key, value in values.items()}
    try:
        return cls(**made)
    except UsageError as error:
        raise error.told(f"[{where}] {error.message}") from error
    except ValueError as error:
        raise UsageError("usage.config-value", f"[{where}]: {error}.") from error


def _convert(kind: Any, value: Any, where: str) -> Any:
    """`value` as the annotation `kind` wants it: numbers, words, paths, lists, nested tables."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if is_dataclass(kind) and isinstance(kind, type) and isinstance(value, Mapping):
        return table(kind, value, where.replace("] ", ".", 1).lstrip("["))
    if origin is Literal:
        if value not in arguments:
            raise UsageError(
                "usage.config-value", f"{where} must be one of {', '.join(map(repr, arguments))}."
            )
        return value
    if origin in (typing.Union, types.UnionType):
        inner = [argument for argument in arguments if argument is not type(None)]
        return _convert(inner[0], value, where)
    if origin is tuple and isinstance(value, list):
        kinds = arguments[:1] * len(value) if arguments[-1] is Ellipsis else arguments
        if len(kinds) != len(value):
            raise UsageError(
                "usage.config-value", f"{where} needs {len(kinds)} values, not {len(value)}."
            )
        pairs = zip(kinds, value, strict=True)
        return tuple(_convert(each, item, where) for each, item in pairs)
    return _scalar(origin or kind, value, where)


def _scalar(kind: Any, value: Any, where: str) -> Any:
    if kind is Any:
        return value
    if kind is float and type(value) is int:
        return float(value)
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise UsageError(
            "usage.config-value", f"{where} must be {_WORDS.get(kind, 'a table')}, not {value!r}."
        )
    return value


_WORDS = {
    int: "a whole number",
    float: "a number",
    str: "a text in quotes",
    bool: "true or false",
    dict: "a table",
    tuple: "a list",
    Path: "a path in quotes",
}
