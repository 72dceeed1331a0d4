"""How well words fit a picture, by the model itself and nobody else.

The pointwise mutual information of a picture x and words y is log p(x | y) - log p(x). To a
diffusion model each of the two is an integral over noise levels of how well it tells the noise in
x (Diffusion Classifier, arXiv 2303.16203), so their difference is

    integral of |noise - prediction with the text ABSENT|^2 - |... GIVEN|^2 over log-SNR

Only the words differ from one candidate to the next: all share the levels, the noise and the
prediction without text, so that few draws tell them apart. Whose noise and which levels were
measured on the bundled model (docs/paths.md): the errors in the picture's CLIP part, which is of
what it shows, tell far more than those in its VAE part, which is of how it looks, or in the words.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, variance
from typing import TYPE_CHECKING, Any, Self

from unidiff_cli.core.latents import Latent, Latents, concatenate
from unidiff_cli.core.noise import Noise
from unidiff_cli.core.sampler import Levels, Predictor
from unidiff_cli.core.schedule import Schedule, stable_diffusion

if TYPE_CHECKING:
    from PIL import Image

    from unidiff_cli.engine.pipeline import UniDiffuser

LEVELS = (0.7, 0.85)
"""Noise levels at which errors are compared."""
DRAWS = 2
"""Of noise, at each level."""
BATCH = 16
"""Candidates that go through the network together."""
FLOOR = 8
"""So many candidates get every draw, whatever they seem to be."""


@dataclass(frozen=True)
class Fit:
    """How well a text fits a picture."""

    text: str
    score: float
    """By how much the words lessen the squared error, averaged over levels and draws."""
    error: float | None
    """Its standard error, from one draw of noise to another; None for a single draw."""
    evaluations: int
    """How often the network was asked about it: less often where it was out of reach early."""

    def to_json(self) -> dict[str, Any]:
        """JSON values, in five digits."""
        error = None if self.error is None else float(f"{self.error:.5g}")
        return {**vars(self), "score": float(f"{self.score:.5g}"), "error": error}


@dataclass(frozen=True)
class Scorer:
    """A network made ready to say how well each of some texts fits a picture."""

    predict: Predictor
    noise: Noise
    """Of one sample; the same numbers for all texts, and for all pictures."""
    texts: Sequence[str]
    latents: Latent
    """Of the texts, a row each."""
    read: Callable[[Image.Image], Latent]
    """The image latent of a picture."""
    schedule: Schedule = field(default_factory=stable_diffusion)

    @classmethod
    def of(cls, model: UniDiffuser, texts: Sequence[str], seed: int = 0) -> Self:
        """The scorer of a loaded model for pictures of its own size."""
        side, (images, words) = model.config.size, model.parts.codecs(model.dtype)
        noise = model.parts.noise([seed], side, side)
        data = "internal" if model.config.data_types else None
        return cls(
            # Pictures are what is counted here, not evaluations.
            predict=replace(model.predictor(model.dtype, data), evaluated=lambda samples: None),
            noise=noise,
            texts=texts,
            latents=words.encode(texts),
            read=lambda picture: images.encode([picture], side, side, noise),
        )

    def __call__(self, image: Image.Image, keep: int = 1, draws: int = DRAWS) -> list[Fit]:
        """The texts for an RGB picture, the best first.

        After each draw the best quarter goes on, but at least FLOOR and `keep` of them.
        """
        picture = self.read(image)
        alive = list(range(len(self.texts)))
        gains: list[Gains] = [{} for _ in alive]
        for draw in range(draws):
            for level in LEVELS:
                found = self.gains(picture, alive, level, draw)
                for k, gain in zip(alive, found, strict=True):
                    gains[k].setdefault(level, []).append(gain)
                alive.sort(key=lambda k: -score_of(gains[k]))
                alive = alive[: max(keep, FLOOR, math.ceil(len(alive) / 4))]
        asked = [sum(map(len, each.values())) for each in gains]
        error = standard_error([gains[k] for k in alive])
        fits = [
            Fit(text, score_of(each), error and error * math.sqrt(asked[alive[0]] / n), n)
            for text, each, n in zip(self.texts, gains, asked, strict=True)
        ]
        return sorted(fits, key=lambda fit: (-fit.evaluations, -fit.score))

    def gains(self, picture: Latent, some: Sequence[int], level: float, draw: int) -> list[float]:
        """By how much each of some texts lessens the squared error in the noise of a picture."""
        number = LEVELS.index(level) * 1000 + draw
        noise = self.noise.latent("image", 0, "score", number)
        nothing = self.noise.latent("text", 0, "absent", number)
        z = self.schedule.alpha(level) * picture + self.schedule.sigma(level) * noise
        (without,) = self._errors(z, nothing, noise, Levels(level, 1.0))
        errors: list[float] = []
        for start in range(0, len(some), BATCH):
            rows = [self.latents[slice(k, k + 1)] for k in some[start : start + BATCH]]
            errors += self._errors(z, concatenate(rows), noise, Levels(level, 0.0))
        return [without - error for error in errors]

    def _errors(self, z: Latent, words: Latent, noise: Latent, levels: Levels) -> list[float]:
        """|noise - prediction|^2 in the CLIP part of one picture, for each row of words."""
        point = Latents(concatenate([z] * len(words)), words), levels
        (found,) = self.predict([point])
        wrong = found.image.parts[1] - noise.parts[1]
        errors: list[float] = wrong.double().pow(2).flatten(1).sum(1).tolist()
        return errors


Gains = dict[float, list[float]]
"""What words were found to gain, by level: a number for each draw."""


def score_of(gains: Gains) -> float:
    """The mean over the draws of each level, and over the levels that were looked at."""
    return fmean(map(fmean, gains.values()))


def standard_error(every: Sequence[Gains]) -> float | None:
    """That of a score with all draws, by how much these differ, pooled over some texts.

    None where there is a single draw of each level.
    """
    levels = [[each[level] for each in every] for level in every[0]]
    if len(levels[0][0]) < 2:
        return None
    spread = [fmean(map(variance, draws)) / len(draws[0]) for draws in levels]
    return math.sqrt(sum(spread)) / len(levels)
