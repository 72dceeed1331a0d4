"""How many evaluations a picture takes beside diffusers when both are equally near to the solution.

Counted on a trained model. diffusers' pipeline takes 50 steps of DPMSolverMultistepScheduler by
default; its error is the median over samples of the root mean square distance to the solution of
the differential equation, as a share of the solution's. Counted are the fewest evaluations with
which our default solver, with and without `--fast safe`, has at most that error.

Their scheduler steps here with our network and guidance, at the right times: that its pipeline
tells the network a time that is one too small is not held against it.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from solvers import errors, starting
from torch import Tensor

from unidiff_cli import Request, UniDiffuser
from unidiff_cli.core.latents import Latent, Latents
from unidiff_cli.core.sampler import Sampler, as_solver
from unidiff_cli.core.schedule import Schedule
from unidiff_cli.core.solver import SOLVERS, TIMES, log_snr_times, uniform_times
from unidiff_cli.core.tuned import tuned
from unidiff_cli.nets.uvit import UViTConfig
from unidiff_cli.speed.cache import OUTER_SHARE, Fast, SkipCache, skip_cache

THEIR_STEPS = 50
REFERENCE, REFERENCE_STEPS = "dpm++3m", 400
WALK = Request(mode="t2i", prompt="").walk


def flat(latents: Latents) -> Tensor:
    """The numbers of a picture's latents, (B, N)."""
    return torch.cat([part.flatten(1) for part in latents.image.parts], 1)


def shaped(numbers: Tensor, like: Latents) -> Latents:
    """The picture's latents of these numbers; the text is that of `like`."""
    parts = like.image.parts
    pieces = numbers.split([part[0].numel() for part in parts], 1)
    image = Latent(tuple(piece.view_as(part) for piece, part in zip(pieces, parts, strict=True)))
    return like.put("image", image)


def theirs(
    clean: Callable[[Latents, float], Latents],
    start: Latents,
    times: Sequence[float],
    schedule: Schedule,
) -> Latents:
    """diffusers' scheduler as its pipeline has it by default, stepping with our predictions.

    Of `times` only their number is used. It ends in what is predicted to be clean.
    """
    from diffusers import DPMSolverMultistepScheduler

    scheduler: Any = DPMSolverMultistepScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        solver_order=3,
        prediction_type="sample",
    )
    scheduler.set_timesteps(len(times) - 1)
    numbers = flat(start)
    for step in scheduler.timesteps:
        latents = shaped(numbers, start)
        found = flat(clean(latents, (int(step) + 1) / 1000))
        numbers = scheduler.step(found, step, numbers).prev_sample
    return shaped(numbers, start)


def error(found: Latent, true: Latent) -> float:
    """The median over the samples of the relative root mean square error."""
    return statistics.median(errors(found, true).tolist())


def fewest(errors: Callable[[int], float], limit: float, most: int) -> int:
    """The fewest evaluations with at most this error; errors fall, but for noise, as they rise."""
    low, high = 4, most
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if errors(middle) <= limit else (middle + 1, high)
    return low


def measure(model: UniDiffuser) -> dict[str, Any]:
    """Errors and evaluations on the model."""
    sampler, known = starting(model, "t2i", None)
    clock = TIMES[model.parts.config.sampling.times]

    def walked(one: Sampler) -> Latent:
        with torch.inference_mode():
            return one.walk(WALK, known)["image"]

    def ours(steps: int, fast: Fast) -> tuple[Latent, float]:
        """What comes of so many steps, and the whole evaluations that they cost."""
        cache = skip_cache(model.parts.module("uvit", model.dtype), fast, WALK)
        predict = replace(sampler.predict, cache=cache)  # type: ignore[type-var]
        found = walked(replace(sampler, predict=predict, times=clock(steps, sampler.schedule)))
        return found, steps * (1 - skipped(cache))

    exact = replace(
        sampler,
        solver=as_solver(SOLVERS[REFERENCE]),
        times=log_snr_times(REFERENCE_STEPS, sampler.schedule),
    )
    true, true_clean = walked(exact), walked(replace(exact, final_denoise=True))
    their_end = walked(replace(sampler, solver=theirs, times=uniform_times(THEIR_STEPS)))
    limit = error(their_end, true_clean)

    def counted(fast: Fast) -> dict[str, float]:
        def off(steps: int) -> float:
            value = error(ours(steps, fast)[0], true)
            print(f"{fast}, {steps} steps: {100 * value:.2f}%", file=sys.stderr, flush=True)
            return value

        steps = fewest(off, limit, 2 * THEIR_STEPS)
        return {"steps": steps, "evaluations": ours(steps, fast)[1]}

    ways: dict[str, dict[str, float]] = {fast: counted(fast) for fast in ("off", "safe")}
    learned = {} if model.tuned is None else model.tuned.of(WALK.legs[0])
    for steps, times in sorted(learned.items()):
        if (
            error(
                walked(replace(sampler, solver=as_solver(tuned), steps={WALK.legs[0]: times})), true
            )
            <= limit
        ):
            ways["tuned"] = {"steps": steps, "evaluations": steps}
            break
    return {
        "error": limit,
        "theirs": THEIR_STEPS,
        "ours": ways,
        "samples": len(known),
        "solver": model.parts.config.sampling.solver,
    }


def skipped(cache: SkipCache | None) -> float:
    """The share of the published network's blocks that the cache saved."""
    if cache is None or not cache.evaluations:
        return 0.0
    half = UViTConfig().depth // 2
    inner = 1 + 2 * (half - half // OUTER_SHARE)
    return cache.reused / cache.evaluations * inner / (1 + 2 * half)
