"""What sampling makes of the latents of scenes: pairs for a decoder that is to forgive it.

A scene's latent gets noise of some level, and the sampler takes it away again, under the scene's
caption: what comes out should be the latent that it was, and is off as samples are.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.lib.format import open_memmap
from PIL import Image

from unidiff_cli import UniDiffuser
from unidiff_cli.core.latents import Latents
from unidiff_cli.core.modes import MODES
from unidiff_cli.core.noise import stream
from unidiff_cli.core.sampler import Sampler
from unidiff_cli.request import Request
from unidiff_cli.train.pairs import Pairs
from unidiff_cli.train.report import Report

BATCH = 8
LEVELS = (0.3, 0.85)
"""Below, little is left to take away; above, it may become another picture."""
STEPS = 14
"""Of a whole walk: some of them lie below a level."""


def make(model: Path, scenes: Path, out: Path, count: int, report: Report) -> None:
    """The first `count` scenes with latents.npy, (N, C, h, w) and unscaled, written last."""
    pairs, diffuser = Pairs.open(scenes), UniDiffuser.load(str(model))
    out.mkdir(parents=True, exist_ok=True)
    np.save(out / "pictures.npy", pairs.pictures[:count])
    rows = "".join(json.dumps(row) + "\n" for row in pairs.rows[:count])
    (out / "captions.jsonl").write_text(rows, encoding="utf-8")
    config = diffuser.parts.config
    side = config.size // diffuser.parts.factor
    shape = (len(pairs.rows[:count]), int(config.uvit["channels"]), side, side)
    half = out / "latents.half.npy"
    latents = open_memmap(half, mode="w+", dtype=np.float32, shape=shape)
    for first in range(0, len(latents), BATCH):
        numbers = range(first, min(first + BATCH, len(latents)))
        latents[first : numbers.stop] = sampled(diffuser, pairs, numbers).numpy()
        if first % (16 * BATCH) == 0:
            report.note(f"sampled: {first} of {len(latents)}")
    latents.flush()
    half.rename(out / "latents.npy")


@torch.no_grad()
def sampled(diffuser: UniDiffuser, pairs: Pairs, numbers: range) -> torch.Tensor:
    """(B, C, h, w): what becomes of the latents of some pairs, from one level for all of them."""
    size = diffuser.parts.config.size
    noise = diffuser.parts.noise(list(numbers), size, size)
    images, texts = diffuser.parts.codecs(torch.float32)
    shots = [Image.fromarray(pairs.pictures[number]) for number in numbers]
    clean = images.encode(shots, size, size, noise)
    text = texts.encode([pairs.captions(number)[0] for number in numbers])
    asked = diffuser.resolve(Request(mode="t2i", prompt="", seed=0, steps=STEPS))
    walk = diffuser.sampler(asked, noise, diffuser.dtype)
    level = float(stream(numbers.start, "level").uniform(*LEVELS))
    start = noise.latents(0, "start")
    mixed = walk.schedule.alpha(level) * clean + walk.schedule.sigma(level) * start.image
    (leg,) = MODES["t2i"].legs
    made = below(walk, level).sample(leg, Latents(clean, text), 0, start.put("image", mixed))
    return made.image.parts[0] / diffuser.parts.config.vae_scale


def below(walk: Sampler, level: float) -> Sampler:
    """The sampler that begins at a level."""
    return replace(walk, times=[level, *(time for time in walk.times if time < level)])
