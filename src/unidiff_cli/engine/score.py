"""How well words fit a picture, by the model itself and nobody else.

The pointwise mutual information of a picture x and words y is log p(x | y) - log p(x). To a
diffusion model each of the two is an integral over noise levels of its errors in denoising x
(Diffusion Classifier, arXiv 2303.16203), so their difference is the mean of

    |x - a|^2 - |x - (a + g (b - a))|^2

where a is predicted with the text ABSENT, b with it GIVEN, and g is a scale of guidance. 1 is the
classifier of the paper. Here g is what lessens the error most, as pictures show a thing more or
less strongly than the words let expect: then it is the square of x - a along b - a. Where x lies
the other way, g would be negative, and the square counts against the words.

All candidates share the draws of noise, so that few tell them apart. Scale, level and part were
measured on the bundled model (docs/paths.md). It is the CLIP part, which is of what a picture
shows; errors in the VAE part, of how it looks, or in the words tell far less. And it is level 1,
where sampling begins: below it the noisy picture itself says what it shows. There a prediction
knows nothing of the picture, and is made once for any number of them. Of several views the whole
picture weighs as much as its squares together: these tell several things apart, that knows
drawings that the model has not seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, variance
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor
from torch.nn.functional import normalize

from unidiff_cli.core.latents import Latent, Latents, concatenate
from unidiff_cli.core.noise import Noise
from unidiff_cli.core.sampler import Levels, Predictor
from unidiff_cli.core.schedule import stable_diffusion
from unidiff_cli.core.solver import FIRST_TIME
from unidiff_cli.engine.fit import Fit

if TYPE_CHECKING:
    from PIL import Image

    from unidiff_cli.engine.pipeline import UniDiffuser

DRAWS = 2
"""Of noise."""
BATCH = 16
"""Candidates that go through the network together."""
FLOOR = 8
"""So many candidates get every draw, whatever they seem to be."""
NOTHING = -1
"""The place of the prediction without words."""


@dataclass(frozen=True)
class Scorer:
    """A network made ready to say how well each of some texts fits any picture."""

    predict: Predictor
    noise: Noise
    """Of one sample; the same numbers for all texts, and for all pictures."""
    texts: Sequence[str]
    latents: Latent
    """Of the texts, a row each."""
    read: Callable[[Image.Image], Latent]
    """The image latent of a picture."""
    known: dict[tuple[int, int], Tensor] = field(default_factory=dict)
    """Predictions of the embeddings of a picture's views, `weighed`, by draw and text."""

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

    def __call__(self, picture: Image.Image, keep: int = 1, draws: int = DRAWS) -> list[Fit]:
        """The texts for an RGB picture, the best first.

        After each draw the best quarter goes on, but at least FLOOR and `keep` of them.
        """
        shown = weighed(self.read(picture).parts[1][0])
        alive = list(range(len(self.texts)))
        gains: list[list[float]] = [[] for _ in alive]
        for draw in range(draws):
            found = self.predictions([NOTHING, *alive], draw)
            bare, *said = found
            for k, each in zip(alive, said, strict=True):
                along = float((shown - bare) @ normalize(each - bare, dim=0))
                gains[k].append(along * abs(along))
            alive.sort(key=lambda k: -fmean(gains[k]))
            alive = alive[: max(keep, FLOOR, math.ceil(len(alive) / 4))]
        spread = None if draws == 1 else math.sqrt(fmean(variance(gains[k]) for k in alive))
        fits = [
            Fit(text, fmean(each), spread and spread / math.sqrt(len(each)), len(each))
            for text, each in zip(self.texts, gains, strict=True)
        ]
        return sorted(fits, key=lambda fit: (-fit.evaluations, -fit.score))

    def predictions(self, some: Sequence[int], draw: int) -> list[Tensor]:
        """What some texts let the model expect of a picture's CLIP part, each (V * D), weighed."""
        new = [k for k in some if (draw, k) not in self.known]
        if NOTHING in new:
            new.remove(NOTHING)
            self._expect([NOTHING], self.noise.latent("text", 0, "absent", draw), 1.0, draw)
        for start in range(0, len(new), BATCH):
            rows = new[start : start + BATCH]
            words = concatenate([self.latents[slice(k, k + 1)] for k in rows])
            self._expect(rows, words, 0.0, draw)
        return [self.known[draw, k] for k in some]

    def _expect(self, rows: Sequence[int], words: Latent, level: float, draw: int) -> None:
        """Remember the predictions of one batch, from pure noise and the words at their level."""
        schedule, noise = stable_diffusion(), self.noise.latent("image", 0, "score", draw)
        z = concatenate([noise] * len(rows))
        (found,) = self.predict([(Latents(z, words), Levels(FIRST_TIME, level))])
        alpha, sigma = schedule.alpha(FIRST_TIME), schedule.sigma(FIRST_TIME)
        clean = (1 / alpha) * (z - sigma * found.image)
        views = map(weighed, clean.parts[1])
        self.known.update({(draw, k): each for k, each in zip(rows, views, strict=True)})


def weighed(embeddings: Tensor) -> Tensor:
    """(V, D) of a picture's views as one vector, the whole as heavy as all of its squares."""
    squares = len(embeddings) - 1
    weights = embeddings.new_tensor([max(1, squares), *[1] * squares], dtype=torch.float64)
    return (weights.sqrt()[:, None] * embeddings).flatten()
