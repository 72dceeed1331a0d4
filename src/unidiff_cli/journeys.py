"""Walks longer than a mode: back and forth between picture and words, and between two pictures.

Both are of UniDiffuser's paper (arXiv 2303.06555, section 6): blocked Gibbs sampling, and the
interpolation of two real pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from PIL import Image

from unidiff_cli.codecs.image import ImageCodec
from unidiff_cli.codecs.text import TextCodec
from unidiff_cli.core.latents import Latent, Latents, slerp
from unidiff_cli.core.modes import MODES, Leg, Role
from unidiff_cli.core.noise import Noise
from unidiff_cli.core.pair import Modality
from unidiff_cli.core.sampler import Sampler, as_solver
from unidiff_cli.core.solver import ddim, invert_ddim, log_snr_times
from unidiff_cli.engine.pipeline import UniDiffuser, decode
from unidiff_cli.engine.rescue import no_room
from unidiff_cli.engine.samples import evaluations, seed_of
from unidiff_cli.errors import UnidiffError, UsageError
from unidiff_cli.files.pictures import open_picture, psnr
from unidiff_cli.request import Output, Request, check_whole
from unidiff_cli.speed.memory import is_out_of_memory, release

DRAW: Leg = MODES["t2i"].legs[0]
DESCRIBE: Leg = MODES["i2t"].legs[0]
MOST_STAGES = 10_000

ODE_STEPS = 50
"""Of the ODE between two pictures, there and back."""
MOST_ITERATIONS = 20
"""Of the fixed point of a step of the inversion; a trained network needs a few."""
USUAL_ITERATIONS = 4
STILL = 1e-4
"""A change of the latents, against their own size, that an inversion takes for none."""


@dataclass(frozen=True)
class Stage:
    """One stop of a walk: a picture or words, and whether they were given rather than made."""

    image: Image.Image | None = None
    text: str | None = None
    given: bool = False
    fidelity: float | None = None
    """PSNR in dB of an end of an interpolation against the VAE's own picture of the input."""


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
        empty = texts.encode([""]) if request.unconditional == "empty" else None
        sampler = model.sampler(request, noise, model.dtype, empty)
        return cls(request, noise, sampler, images, texts)

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
    check_whole("rounds", rounds, 1, MOST_STAGES)
    asked = model.resolve(request)
    model.progress.begin(2 * rounds, 2 * rounds * evaluations(asked))
    return _guarded(model, _chain(model, asked, rounds, through))


def _chain(
    model: UniDiffuser, asked: Request, rounds: int, through: Literal["latents", "words"]
) -> Iterator[Stage]:
    traveller = Traveller.prepare(model, asked)
    known = traveller.noise.latents(0, "start")
    if asked.prompt is not None:
        known = known.put("text", traveller.texts.encode([asked.prompt]))
        yield Stage(text=asked.prompt, given=True)
    elif asked.image is not None:
        picture = open_picture(asked.image)
        known = known.put("image", traveller.read(picture))
        yield Stage(image=picture, given=True)
    legs = [DRAW, DESCRIBE] if asked.prompt is not None else [DESCRIBE, DRAW]
    for number in range(2 * rounds):
        leg = legs[number % 2]
        model.progress.stage("drawing" if leg is DRAW else "describing")
        known = traveller.sampler.sample(leg, known, number)
        made = traveller.show("image" if leg is DRAW else "text", known)
        if made.text is not None and through == "words":
            known = known.put("text", traveller.texts.encode([made.text]))
        model.progress.finished(1)
        yield Stage(image=made.image, text=made.text)


def interpolate(
    model: UniDiffuser,
    first: Request,
    second: Request,
    count: int,
    ode_steps: int = ODE_STEPS,
) -> Iterator[Stage]:
    """`count` stages from one request's input to the other's, the two ends included.

    Two i2t requests walk between real pictures: the text latent of each comes from i2t with the
    same noise, its image latent is inverted to noise along the deterministic ODE under that text,
    both are interpolated on the sphere, and t2i with the same ODE makes the pictures: without
    guidance the ends are the VAE's own reconstruction of the inputs. Two t2i requests walk
    between prompts, from one and the same noise, as their settings say.
    """
    if {first.mode, second.mode} not in ({"i2t"}, {"t2i"}):
        raise UsageError(
            "An interpolation has two pictures or two prompts as its ends.",
            "See: unidiff interpolate --help",
        )
    check_whole("the number of stages", count, 2, MOST_STAGES)
    check_whole("ode-steps", ode_steps, 2, MOST_STAGES)
    # The ODE has to ask the network the same question both ways.
    asked = replace(model.resolve(first), absent="fixed")
    other = replace(model.resolve(replace(second, seed=asked.seed)), absent="fixed")
    return _guarded(model, _interpolate(model, asked, other, count, ode_steps))


@dataclass(frozen=True)
class _End:
    """Where a walk between two inputs begins or ends."""

    noise: Latent
    text: Latent
    picture: Image.Image | None
    """What the VAE makes of the input."""


def _interpolate(
    model: UniDiffuser, asked: Request, other: Request, count: int, ode_steps: int
) -> Iterator[Stage]:
    traveller = Traveller.prepare(model, asked)
    # A cache would answer differently on the way back, and the ends would not be met.
    exact = model.sampler(replace(asked, fast="off"), traveller.noise, model.dtype)
    ode = replace(
        exact,
        solver=as_solver(ddim),
        times=log_snr_times(ode_steps, traveller.sampler.schedule),
        guidance=0.0,
        final_denoise=False,
    )
    walk, steps = traveller.sampler, evaluations(asked)
    if asked.image is not None:
        walk = ode if model.watch is None else model.watch(ode)
        model.progress.stage("finding the noise of both ends")
        model.progress.begin(2, 2 * (steps + USUAL_ITERATIONS * ode_steps))
        steps = ode_steps
    ends = [_end(traveller, ode, one) for one in (asked, other)]
    model.progress.stage("walking")
    model.progress.begin(count, count * steps)
    for k in range(count):
        at = k / (count - 1)
        noise, text = slerp(ends[0].noise, ends[1].noise, at), slerp(ends[0].text, ends[1].text, at)
        start = Latents(noise, text)
        made = traveller.show("image", walk.sample(DRAW, start, start=start)).image
        model.progress.finished(1)
        end = ends[0] if k == 0 else ends[1] if k == count - 1 else None
        wanted = end.picture if end else None
        yield Stage(image=made, fidelity=psnr(made, wanted) if made and wanted else None)


def _end(traveller: Traveller, ode: Sampler, request: Request) -> _End:
    """The image noise and the text latent that make the request's input."""
    known = traveller.noise.latents(0, "start")
    if request.prompt is not None:
        return _End(known.image, traveller.texts.encode([request.prompt]), None)
    assert request.image is not None
    known = known.put("image", traveller.read(open_picture(request.image)))
    known = traveller.sampler.sample(DESCRIBE, known)
    (picture,) = traveller.images.decode(known.image)
    return _End(invert(ode, DRAW, known).image, known.text, picture)


def invert(sampler: Sampler, leg: Leg, known: Latents) -> Latents:
    """The start from which the sampler, solving with ddim, comes to `known` along the leg."""

    def clean(z: Latents, t: float) -> Latents:
        return sampler.clean(leg, z, known, t, 0, 0)

    def still(before: Latents, after: Latents) -> bool:
        """Whether the modalities that the leg samples did not move any more."""
        sampled = leg.which(Role.SAMPLED)
        pairs = [p for m in sampled for p in zip(before[m].parts, after[m].parts, strict=True)]
        return all(float((b - a).norm()) <= STILL * float(b.norm()) for a, b in pairs)

    return invert_ddim(clean, known, sampler.times, sampler.schedule, still, MOST_ITERATIONS)


def _guarded(model: UniDiffuser, stages: Iterator[Stage]) -> Iterator[Stage]:
    """The stages; a full memory ends them with OutOfMemory."""
    full = False
    try:
        yield from stages
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        full = True
    # Outside the except clause, where the traceback no longer holds what filled the memory.
    if full:
        release(model.device)
        raise no_room(model.device)
