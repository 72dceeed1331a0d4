"""How much words help to see a picture through noise: this tells samples of one text apart.

`unidiff score` compares texts for one picture by what each lets the model expect. To choose among
pictures of one text that says too little: all of them are about as it expects. Here the picture is
noised, and denoised with the words and without. If all directions of an error are alike, and how
large it is nobody knows, the log of the likelihoods' ratio is in proportion to

    log |error with the text ABSENT|^2 - log |error with it GIVEN|^2

Part and level were measured on the bundled model (docs/paths.md): the CLIP part, at level 0.7.
"""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import fmean
from typing import TYPE_CHECKING

from unidiff_cli.core.latents import Latents
from unidiff_cli.core.sampler import Levels
from unidiff_cli.core.schedule import stable_diffusion

if TYPE_CHECKING:
    from PIL import Image

    from unidiff_cli.engine.pipeline import UniDiffuser

LEVEL = 0.7
DRAWS = 2
"""Of noise, the same for all pictures."""


def gain(model: UniDiffuser, picture: Image.Image, words: str) -> float:
    """By how much words lessen the log of the squared error in an RGB picture."""
    side, (images, texts) = model.config.size, model.parts.codecs(model.dtype)
    noise = model.parts.noise([0], side, side)
    shown, said = images.encode([picture], side, side, noise), texts.encode([words])
    data = "internal" if model.config.data_types else None
    # Samples are what is counted here, not evaluations.
    predict = replace(model.predictor(model.dtype, data), evaluated=lambda samples: None)
    schedule = stable_diffusion()
    gains = []
    for draw in range(DRAWS):
        added = noise.latent("image", 0, "score", draw)
        z = schedule.alpha(LEVEL) * shown + schedule.sigma(LEVEL) * added
        nothing = noise.latent("text", 0, "absent", draw)
        points = [(Latents(z, nothing), Levels(LEVEL, 1.0)), (Latents(z, said), Levels(LEVEL, 0.0))]
        without, given = (
            float((found.image.parts[1] - added.parts[1]).double().pow(2).sum())
            for found in predict(points)
        )
        gains.append(math.log(without / given))
    return fmean(gains)
