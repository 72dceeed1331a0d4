"""From one picture to another, or between two prompts (arXiv 2303.06555, section 6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from PIL import Image

from unidiff_cli.core.latents import Latent, Latents, slerp
from unidiff_cli.core.modes import Leg, Role
from unidiff_cli.core.sampler import Sampler, as_solver
from unidiff_cli.core.solver import ddim, invert_ddim, log_snr_times
from unidiff_cli.engine.pipeline import UniDiffuser
from unidiff_cli.engine.samples import evaluations
from unidiff_cli.errors import UsageError
from unidiff_cli.files.pictures import open_picture, psnr
from unidiff_cli.request import Request, check_whole
from unidiff_cli.walks.asked import MOST_STAGES, Stage
from unidiff_cli.walks.walker import DESCRIBE, DRAW, Walker, guarded

ODE_STEPS = 50
"""Of the ODE between two pictures, there and back."""
MOST_ITERATIONS = 20
"""Of the fixed point of a step of the inversion; a trained network needs a few."""
USUAL_ITERATIONS = 4
STILL = 1e-4
"""A change of the latents, against their own size, that an inversion takes for none."""


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
            "usage.two-wanted",
            "An interpolation has two pictures or two prompts as its ends.",
            "See: unidiff interpolate --help",
        )
    check_whole("the number of stages", count, 2, MOST_STAGES)
    check_whole("ode-steps", ode_steps, 2, MOST_STAGES)
    # The ODE has to ask the network the same question both ways.
    asked = replace(model.resolve(first), absent="fixed")
    other = replace(model.resolve(replace(second, seed=asked.seed)), absent="fixed")
    return guarded(model, _interpolate(model, asked, other, count, ode_steps))


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
    walker = Walker.prepare(model, asked)
    # A cache would answer differently on the way back, and the ends would not be met.
    exact = model.sampler(replace(asked, fast="off"), walker.noise, model.dtype)
    ode = replace(
        exact,
        solver=as_solver(ddim),
        times=log_snr_times(ode_steps, walker.sampler.schedule),
        steps={},
        guidance=0.0,
        final_denoise=False,
    )
    walk, steps = walker.sampler, evaluations(asked)
    if asked.image is not None:
        walk = ode if model.watch is None else model.watch(ode)
        model.progress.stage("finding the noise of both ends")
        model.progress.begin(2, 2 * (steps + USUAL_ITERATIONS * ode_steps))
        steps = ode_steps
    ends = [_end(walker, ode, one) for one in (asked, other)]
    model.progress.stage("walking")
    model.progress.begin(count, count * steps)
    for k in range(count):
        at = k / (count - 1)
        noise, text = slerp(ends[0].noise, ends[1].noise, at), slerp(ends[0].text, ends[1].text, at)
        start = Latents(noise, text)
        made = walker.show("image", walk.sample(DRAW, start, start=start)).image
        model.progress.finished(1)
        end = ends[0] if k == 0 else ends[1] if k == count - 1 else None
        wanted = end.picture if end else None
        yield Stage(image=made, fidelity=psnr(made, wanted) if made and wanted else None)


def _end(walker: Walker, ode: Sampler, request: Request) -> _End:
    """The image noise and the text latent that make the request's input."""
    known = walker.noise.latents(0, "start")
    if request.prompt is not None:
        return _End(known.image, walker.texts.encode([request.prompt]), None)
    assert request.image is not None
    known = known.put("image", walker.read(open_picture(request.image)))
    known = walker.sampler.sample(DESCRIBE, known)
    (picture,) = walker.images.decode(known.image)
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
