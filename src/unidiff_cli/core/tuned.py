"""A solver that was learned for one model: the times of its steps, and how each step is made.

Every method of `core.solver` moves x by a sum of x itself and of the last predictions; formulas
give the weights. Here they are numbers of the model's own (as in arXiv 2403.01329 and 2505.21114),
for each leg and each number of steps. `speed.tuning` finds them.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, cast, overload

from unidiff_cli.core.modes import MODES, Leg
from unidiff_cli.core.schedule import Schedule
from unidiff_cli.core.solver import Clean, X

FORMAT = "unidiff tuned solver"
NAME = "tuned"
PATTERN = f"{NAME}:[0-9a-f]{{12}}"
"""How a record names one: by its digest."""
NETWORK = "network"
MEMORY = 3
"""How many predictions a step draws on."""
LEGS: Mapping[str, Leg] = {m.name: m.legs[0] for m in MODES.values() if len(m.legs) == 1}
"""The legs, by the name of the mode that walks nothing else."""


def is_tuned(solver: object) -> bool:
    """Whether a request's solver, as anybody wrote it, is a tuned one, with its digest or not."""
    return isinstance(solver, str) and (solver == NAME or bool(re.fullmatch(PATTERN, solver)))


@dataclass(frozen=True)
class Steps(Sequence[float]):
    """The times of a leg, which carry the weights of the steps between them."""

    times: tuple[float, ...]
    weights: tuple[tuple[float, ...], ...]
    """For each step: that of x, then those of the last predictions, the newest first."""
    error: float = 0.0
    """Of the result, as a share of it, in trajectories that nothing was learned from."""

    def __post_init__(self) -> None:
        falls = all(a > b for a, b in zip(self.times, self.times[1:], strict=False))
        if not falls or len(self.times) != len(self.weights) + 1 or not self.weights:
            raise ValueError("times fall, and there is a step between each two")
        if self.times[0] > 1 or self.times[-1] <= 0:
            raise ValueError("times lie between 0 and 1")
        for n, row in enumerate(self.weights):
            if len(row) != 1 + min(n + 1, MEMORY) or not all(map(math.isfinite, row)):
                raise ValueError("a step has a weight for x and one for each prediction")

    @overload
    def __getitem__(self, index: int) -> float: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[float, ...]: ...
    def __getitem__(self, index: int | slice) -> float | tuple[float, ...]:
        return self.times[index]

    def __len__(self) -> int:
        return len(self.times)

    def to_json(self) -> dict[str, Any]:
        """JSON values; every float as Python writes it, so that it is read as it was."""
        return {"error": self.error, "times": list(self.times), "weights": list(self.weights)}

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """The steps in JSON values, else a ValueError."""
        rows = tuple(tuple(map(float, row)) for row in values["weights"])
        return cls(tuple(map(float, values["times"])), rows, float(values["error"]))


def combined(x: X, predictions: Sequence[X], weights: Sequence[float]) -> X:
    """x after a step: the first weight is its own, the others are the predictions'."""
    moved = weights[0] * x
    for prediction, weight in zip(predictions, weights[1:], strict=True):
        moved = moved + weight * prediction
    return moved


def tuned(clean: Clean[X], x: X, times: Sequence[float], schedule: Schedule) -> X:
    """The solver: `times` are `Steps`."""
    steps, known = cast("Steps", times), list[X]()
    for start, weights in zip(steps.times, steps.weights, strict=False):
        known = [clean(x, start), *known[: MEMORY - 1]]
        x = combined(x, known, weights)
    return x


@dataclass(frozen=True)
class Tuned:
    """All that was learned for a model: steps by leg and by their number."""

    legs: Mapping[str, Mapping[int, Steps]]
    about: Mapping[str, Any] = field(default_factory=dict)
    """What it was learned from."""

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that change with any number in it."""
        return hashlib.sha256(json.dumps(self._legs(), sort_keys=True).encode()).hexdigest()[:12]

    @property
    def name(self) -> str:
        """The solver's name in a record."""
        return f"{NAME}:{self.digest}"

    @property
    def network(self) -> str:
        """A fingerprint of the weights that it was learned from."""
        return str(self.about.get(NETWORK, ""))

    def tied(self, network: str) -> Tuned:
        """The same for weights with this fingerprint."""
        return Tuned(self.legs, {**self.about, NETWORK: network})

    def of(self, leg: Leg) -> Mapping[int, Steps]:
        """What was learned for a leg, by the number of steps."""
        return next((self.legs.get(name, {}) for name, each in LEGS.items() if each == leg), {})

    def counts(self, legs: Sequence[Leg]) -> list[int]:
        """The numbers of steps that all these legs have."""
        return sorted(set.intersection(*(set(self.of(leg)) for leg in legs)))

    def with_steps(self, leg: str, steps: Steps) -> Tuned:
        """The same with these steps of a leg among them."""
        found = {**self.legs.get(leg, {}), len(steps) - 1: steps}
        return Tuned({**self.legs, leg: dict(sorted(found.items()))}, self.about)

    def _legs(self) -> dict[str, Any]:
        return {
            leg: {str(count): each.to_json() for count, each in steps.items()}
            for leg, steps in self.legs.items()
        }

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {"format": FORMAT, "about": dict(self.about), "legs": self._legs()}

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """What is in untrusted JSON values, else a ValueError."""
        try:
            if values["format"] != FORMAT:
                raise ValueError(f"its format is not {FORMAT!r}")
            legs = {str(leg): dict(_steps(steps)) for leg, steps in values["legs"].items()}
            return cls(legs, dict(values["about"]))
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"it lacks or mistakes {error}") from error


def _steps(values: Mapping[str, Any]) -> Iterator[tuple[int, Steps]]:
    for count, each in values.items():
        steps = Steps.from_json(each)
        if int(count) != len(steps.weights):
            raise ValueError(f"{count} steps are {len(steps.weights)}")
        yield int(count), steps
