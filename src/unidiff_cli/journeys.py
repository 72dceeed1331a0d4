"""Walks longer than a mode: back and forth between picture and words, and between two pictures.

Both are of UniDiffuser's paper (arXiv 2303.06555, section 6): blocked Gibbs sampling, and the
interpolation of two real pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import torch
from PIL import Image

from unidiff_cli.codecs.image import ImageCodec
from unidiff_cli.codecs.text import TextCodec
from unidiff_cli.core.latents import Latent, Latents
from unidiff_cli.core.modes import MODES, Leg
from unidiff_cli.core.noise import Noise
from unidiff_cli.core.pair import Modality
from unidiff_cli.core.sampler import Sampler, as_solver
from unidiff_cli.core.solver import ddim, invert_ddim, log_snr_times
from unidiff_cli.errors import UnidiffError, UsageError
from unidiff_cli.pictures import open_picture
from unidiff_cli.pipeline import UniDiffuser, decode, seed_of
from unidiff_cli.request import Output, Request

DRAW: Leg = MODES["t2i"].legs[0]
DESCRIBE: Leg = MODES["i2t"].legs[0]


@dataclass(frozen=True)
class Stage:
    """One stop of a walk: a picture or words, and whether they were given rather than made."""

    image: Image.Image | None = None
    text: str | None = None
    given: bool = False


@dataclass(frozen=True)
class Traveller:
    """A model made ready for one sample of a resolved request."""

    request: Request
    noise: Noise
    sampler: Sampler
    images: ImageCodec
    texts: TextCodec

    @classmethod
    def prepare(cls, model: UniDiffuser, request: Request) -> Traveller:
        """The codecs, the noise streams and the sampler of the request's one sample."""
        width, height = request.size or (0, 0)
        noise = model.parts.noise([seed_of(request)], width, height)
        images, texts = model.parts.codecs(model.dtype)
        return cls(request, noise, model.sampler(request, noise, model.dtype), images, texts)

    def read(self, image: Image.Image) -> Latent:
        """The image latent of a picture."""
        width, height = self.request.size or (0, 0)
        return self.images.encode([image], width, height, self.noise)

    def show(self, modality: Modality, known: Latents) -> Output:
        """What a latent decodes to; DegenerateResult when that is no result."""
        seeds, how = [seed_of(self.request)], self.request.caption
        (answer,) = decode([modality], seeds, known, self.images, self.texts, how)
        if isinstance(answer, UnidiffError):
            raise answer
        return answer


def chain(
    model: UniDiffuser,
    request: Request,
    rounds: int,
    through: Literal["latents", "words"] = "latents",
) -> Iterator[Stage]:
    """Pictures and words by turns, each made of the one before it: blocked Gibbs sampling.

    The request is a t2i or an i2t and says where the walk begins; a round is one picture and one
    caption. With `words`, what is passed on is the decoded caption, encoded again.
    """
    if request.mode not in ("t2i", "i2t"):
        raise UsageError("A chain begins with a prompt or a picture.", "See: unidiff chain --help")
    traveller = Traveller.prepare(model, model.resolve(request))
    known = traveller.noise.latents(0, "start")
    if request.prompt is not None:
        known = known.put("text", traveller.texts.encode([request.prompt]))
        yield Stage(text=request.prompt, given=True)
    elif request.image is not None:
        picture = open_picture(request.image)
        known = known.put("image", traveller.read(picture))
        yield Stage(image=picture, given=True)
    legs = [DRAW, DESCRIBE] if request.mode == "t2i" else [DESCRIBE, DRAW]
    for number in range(2 * rounds):
        leg = legs[number % 2]
        known = traveller.sampler.sample(leg, known, number)
        made = traveller.show("image" if leg is DRAW else "text", known)
        if made.text is not None and through == "words":
            known = known.put("text", traveller.texts.encode([made.text]))
        yield Stage(image=made.image, text=made.text)


def interpolate(
    model: UniDiffuser,
    first: Request,
    second: Request,
    count: int,
    inversion_steps: int = 100,
) -> Iterator[Stage]:
    """`count` stages from one request's input to the other's, the two ends included.

    Two i2t requests walk between real pictures: the text latent of each comes from i2t with the
    same noise, its image latent is inverted to noise along the deterministic ODE under that text,
    both are interpolated on the sphere, and t2i with the same ODE makes the pictures: without
    guidance the ends are the VAE's own reconstruction of the inputs. Two t2i requests walk
    between prompts, from one and the same noise.
    """
    if count < 2:
        raise UsageError(f"An interpolation has two ends, got {count} stages.", "Try -n 9.")
    asked = model.resolve(first)
    other = model.resolve(replace(second, seed=asked.seed))
    # Inversion needs an ODE that asks the network the same question both ways.
    traveller = Traveller.prepare(model, replace(asked, absent="fixed"))
    ode = replace(
        traveller.sampler,
        solver=as_solver(ddim),
        times=log_snr_times(inversion_steps, traveller.sampler.schedule),
        guidance=0.0,
    )
    ends = [_end(traveller, ode, one) for one in (asked, other)]
    walk = ode if asked.image is not None else traveller.sampler
    for k in range(count):
        noise, text = (slerp(a, b, k / (count - 1)) for a, b in zip(*ends, strict=True))
        known = walk.sample(DRAW, Latents(noise, text), start=Latents(noise, text))
        yield Stage(image=traveller.show("image", known).image)


def _end(traveller: Traveller, ode: Sampler, request: Request) -> tuple[Latent, Latent]:
    """The image noise and the text latent that make the request's input."""
    known = traveller.noise.latents(0, "start")
    if request.prompt is not None:
        return known.image, traveller.texts.encode([request.prompt])
    assert request.image is not None
    known = known.put("image", traveller.read(open_picture(request.image)))
    known = traveller.sampler.sample(DESCRIBE, known)
    return invert(ode, DRAW, known).image, known.text


def invert(sampler: Sampler, leg: Leg, known: Latents) -> Latents:
    """The start from which the sampler, solving with ddim, comes to `known` along the leg."""

    def clean(z: Latents, t: float) -> Latents:
        noise = sampler.guided(leg, z, known, t, 0, 0)
        schedule = sampler.schedule
        return (1 / schedule.alpha(t)) * (z - schedule.sigma(t) * noise)

    return invert_ddim(clean, known, sampler.times, sampler.schedule)


def slerp(first: Latent, second: Latent, at: float) -> Latent:
    """The great circle from `first` (0) to `second` (1), read at `at`, for each part of a sample.

    Lengths change evenly; where the two are parallel, the circle is the straight line.
    """
    return Latent(tuple(_slerp(a, b, at) for a, b in zip(first.parts, second.parts, strict=True)))


def _slerp(a: torch.Tensor, b: torch.Tensor, at: float) -> torch.Tensor:
    flat_a, flat_b = a.flatten(1), b.flatten(1)
    length_a, length_b = flat_a.norm(dim=1), flat_b.norm(dim=1)
    cosine = (flat_a * flat_b).sum(1) / (length_a * length_b)
    angle = torch.arccos(cosine.clamp(-1, 1))
    length = (1 - at) * length_a + at * length_b
    near = angle.sin() < 1e-4
    safe = torch.where(near, torch.ones_like(angle), angle)
    weight_a = torch.where(near, (1 - at) + 0 * angle, ((1 - at) * safe).sin() / safe.sin())
    weight_b = torch.where(near, at + 0 * angle, (at * safe).sin() / safe.sin())
    mixed = (weight_a / length_a)[:, None] * flat_a + (weight_b / length_b)[:, None] * flat_b
    return (length[:, None] * mixed).view_as(a)
