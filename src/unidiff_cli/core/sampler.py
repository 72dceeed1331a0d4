"""The sampler: it walks a mode's legs across the square of noise levels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Literal, cast

from unidiff_cli.core.harmony import harmonised
from unidiff_cli.core.latents import Latent, Latents, inside
from unidiff_cli.core.modes import Leg, Mode, Role
from unidiff_cli.core.noise import Noise
from unidiff_cli.core.pair import Modality, Pair
from unidiff_cli.core.schedule import Schedule
from unidiff_cli.core.solver import LAST_TIME, Solver, times_from

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
    negative: Latent | None = None
    """Words that a leg which is given text is pushed away from, instead of from ABSENT text."""
    others: Sequence[tuple[float, Latent]] = ()
    """More words for a leg that is given text: each adds its own guidance, times its weight
    (arXiv 2206.01714)."""
    mask: Latent | None = None
    """Where a picture may change, as booleans; elsewhere it stays what is known."""
    repetitions: int = 0
    """How many times more the steps of a masked leg are made (arXiv 2201.09865)."""
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
        times = self.steps[leg] if self.steps else times_from(leg.first, self.times)
        if len(times) == 1:
            return known  # it begins where it ends
        solver = self.solver
        if self._masks(leg) and self.repetitions:
            solver = harmonised(
                solver, self.repetitions, lambda k: self.noise.latents(number, "again", k)
            )

        def clean(z: Latents, t: float) -> Latents:
            guess = self.clean(leg, z, known, t, number, next(evaluations))
            return self._keep(leg, guess, known)

        z = solver(clean, start or self.start(leg, known, number), times, self.schedule)
        if self.final_denoise:
            z = clean(z, times[-1])
        for modality in leg.which(Role.SAMPLED):
            known = known.put(modality, z[modality])
        return known

    def start(self, leg: Leg, known: Latents, number: int) -> Latents:
        """What the leg begins with: noise, or what is known with noise of its first level."""
        noise = self.noise.latents(number, "start")
        if leg.first == 1 and not self._masks(leg):
            return noise
        noised = self.schedule.alpha(leg.first) * known + self.schedule.sigma(leg.first) * noise
        return self._keep(leg, noise if leg.first == 1 else noised, noised)

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
        sampled, reads = leg.which(Role.SAMPLED), leg.text is Role.GIVEN
        scale = self.guidance if self.interval[0] <= t <= self.interval[1] else 0.0
        others = self.others if reads else ()
        asked = [(leg, known), *((leg, known.put("text", words)) for _, words in others)]
        if scale or others:
            asked += self._opposites(leg, known)
        together, *rest = self.predict(
            [self.point(each, z, held, t, number, evaluation) for each, held in asked]
        )
        more, apart = rest[: len(others)], rest[len(others) :]
        noise = together
        # `apart` is empty without guidance, and where a leg is alone already.
        for m, bare in zip(sampled, apart, strict=False):
            pushed = together[m] + scale * (together[m] - bare[m])
            for (weight, _), other in zip(others, more, strict=True):
                pushed = pushed + (weight * (1 + scale)) * (other[m] - bare[m])
            noise = noise.put(m, pushed)
        return noise

    def point(
        self, leg: Leg, z: Latents, known: Latents, t: float, number: int, evaluation: int
    ) -> Point:
        """The network's input for a leg: z and t from the solver, unless a role overrules them."""
        spot, levels = z, Levels(t, t)
        for modality in leg.which(Role.GIVEN):
            latent = known[modality]
            if leg.level:
                latent = self._veiled(
                    latent, self._nothing(modality, number, evaluation), leg.level
                )
            spot, levels = spot.put(modality, latent), levels.put(modality, leg.level)
        for modality in leg.which(Role.ABSENT):
            nothing = self._nothing(modality, number, evaluation)
            spot, levels = spot.put(modality, nothing), levels.put(modality, 1.0)
        return spot, levels

    def _opposites(self, leg: Leg, known: Latents) -> list[tuple[Leg, Latents]]:
        """For each modality that the leg samples, where guidance pushes off; none if it is alone.

        That is the opposite edge of the square or, with negative words, the leg itself with these.
        """
        if self.negative is not None and leg.text is Role.GIVEN:
            return [(leg, known.put("text", self.negative))]
        alone = [leg.alone(modality) for modality in leg.which(Role.SAMPLED)]
        return [] if alone == [leg] else [(each, known) for each in alone]

    def _nothing(self, modality: Modality, number: int, evaluation: int) -> Latent:
        """The noise that stands for an absent modality, and that veils a given one."""
        drawn = evaluation if self.absent == "fresh" else 0
        return self.noise.latent(modality, number, "absent", drawn)

    def _veiled(self, latent: Latent, noise: Latent, level: float) -> Latent:
        """What is given, at a level; at 1 nothing of it is left, though alpha(1) is not quite 0."""
        if level == 1:
            return noise
        t = max(level, LAST_TIME)  # before the schedule's first knot there is no sigma
        return self.schedule.alpha(t) * latent + self.schedule.sigma(t) * noise

    def _masks(self, leg: Leg) -> bool:
        return self.mask is not None and leg.image is Role.SAMPLED

    def _keep(self, leg: Leg, new: Latents, old: Latents) -> Latents:
        """`new`, with the picture of `old` outside the mask.

        There the clean picture is known, and every solver is exact for a prediction that does not
        change: so at each level it comes to the original with the noise that it began with.
        """
        if self.mask is None or not self._masks(leg):
            return new
        return new.put("image", inside(self.mask, new.image, old.image))


def as_solver(solver: object) -> Solver[Latents]:
    """A row of SOLVERS, typed for latents."""
    return cast("Solver[Latents]", solver)
