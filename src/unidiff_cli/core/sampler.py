"""The sampler: it walks a mode's legs across the square of noise levels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Literal, cast

from unidiff_cli.core.latents import Latent, Latents
from unidiff_cli.core.modes import Leg, Mode, Role
from unidiff_cli.core.noise import Noise
from unidiff_cli.core.pair import Modality, Pair
from unidiff_cli.core.schedule import Schedule
from unidiff_cli.core.solver import Solver

Levels = Pair[float]
"""A point of the square: the image's time and the text's, 0 for clean and 1 for pure noise."""
Point = tuple[Latents, Levels]
Predictor = Callable[[Sequence[Point]], Sequence[Latents]]
"""The network: points in, the noise at each of them out, all in one batch."""
Absent = Literal["fresh", "fixed"]


@dataclass(frozen=True)
class Sampler:
    """A network with everything that turns its predictions into samples."""

    predict: Predictor
    noise: Noise
    schedule: Schedule
    solver: Solver[Latents]
    times: Sequence[float]
    steps: Mapping[Leg, Sequence[float]] = field(default_factory=dict)
    """The times of each leg, where a solver has others for each."""
    guidance: float = 0.0
    """The paper's scale s in e + s (e - e_alone); 0 is off."""
    interval: tuple[float, float] = (0.0, 1.0)
    """The lowest and the highest noise level t at which there is guidance (arXiv 2404.07724)."""
    absent: Absent = "fresh"
    """ABSENT noise is drawn anew at every evaluation ("fresh", as published) or once per leg."""
    empty: Latent | None = None
    """The empty prompt's latent: if set, t2i is pushed away from it, not from ABSENT text."""
    final_denoise: bool = False
    """Whether the last noise, of level 0.001, is removed with one more evaluation."""

    def walk(self, mode: Mode, known: Latents) -> Latents:
        """`known` with all that the mode samples: what one leg samples, the next is given."""
        for number, leg in enumerate(mode.legs):
            known = self.sample(leg, known, number)
        return known

    def sample(
        self, leg: Leg, known: Latents, number: int = 0, start: Latents | None = None
    ) -> Latents:
        """`known` with the modalities that the leg samples filled in.

        `number`, the place of the leg in the walk, keys its noise; `start`, if given, replaces the
        noise that it begins from.
        """
        evaluations = count()

        def clean(z: Latents, t: float) -> Latents:
            return self.clean(leg, z, known, t, number, next(evaluations))

        times = self.steps[leg] if self.steps else self.times
        z = self.solver(clean, start or self.noise.latents(number, "start"), times, self.schedule)
        if self.final_denoise:
            z = clean(z, times[-1])
        for modality in leg.which(Role.SAMPLED):
            known = known.put(modality, z[modality])
        return known

    def clean(
        self, leg: Leg, z: Latents, known: Latents, t: float, number: int, evaluation: int
    ) -> Latents:
        """The clean data that z is predicted to come from."""
        noise = self.guided(leg, z, known, t, number, evaluation)
        return (1 / self.schedule.alpha(t)) * (z - self.schedule.sigma(t) * noise)

    def guided(
        self, leg: Leg, z: Latents, known: Latents, t: float, number: int, evaluation: int
    ) -> Latents:
        """The noise at z, each sampled modality's pushed away from what it is without the other."""
        sampled = leg.which(Role.SAMPLED)
        guided = self.guidance and self.interval[0] <= t <= self.interval[1]
        legs = dict.fromkeys([leg, *map(leg.alone, sampled)]) if guided else [leg]
        together, *apart = self.predict(
            [self.point(each, leg, z, known, t, number, evaluation) for each in legs]
        )
        noise = together
        # `apart` is empty without guidance, and where a leg is alone already.
        for m, bare in zip(sampled, apart, strict=False):
            noise = noise.put(m, together[m] + self.guidance * (together[m] - bare[m]))
        return noise

    def point(
        self,
        each: Leg,
        leg: Leg,
        z: Latents,
        known: Latents,
        t: float,
        number: int,
        evaluation: int,
    ) -> Point:
        """The network's input for `each`: z and t from the solver, unless a role overrules them."""
        spot, levels = z, Levels(t, t)
        for modality in each.which(Role.GIVEN):
            spot, levels = spot.put(modality, known[modality]), levels.put(modality, 0.0)
        for modality in each.which(Role.ABSENT):
            latent, level = self._nothing(modality, leg, number, evaluation)
            spot, levels = spot.put(modality, latent), levels.put(modality, level)
        return spot, levels

    def _nothing(
        self, modality: Modality, leg: Leg, number: int, evaluation: int
    ) -> tuple[Latent, float]:
        """What stands for an absent modality, and its level."""
        if self.empty is not None and leg[modality] is Role.GIVEN and modality == "text":
            return self.empty, 0.0
        drawn = evaluation if self.absent == "fresh" else 0
        return self.noise.latent(modality, number, "absent", drawn), 1.0


def as_solver(solver: object) -> Solver[Latents]:
    """A row of SOLVERS, typed for latents."""
    return cast("Solver[Latents]", solver)
