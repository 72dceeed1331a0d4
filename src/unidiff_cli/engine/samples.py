"""The samples of a request: which they are, which go together, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from unidiff_cli.core.modes import Role
from unidiff_cli.core.schedule import stable_diffusion
from unidiff_cli.core.solver import TIMES, times_from
from unidiff_cli.request import Request


def split(request: Request) -> Iterator[Request]:
    """The samples of a request, as requests of one: sample k has seed + k."""
    for k in range(request.count):
        yield replace(request, count=1, seed=seed_of(request) + k)


def shape(request: Request) -> tuple[Any, ...]:
    """What samples must share to go through the network together."""
    settings = request.settings()
    del settings["seed"]
    return (
        request.mode,
        request.prompt is None,
        request.mask is None,
        repr(sorted(settings.items())),
    )


def evaluations(request: Request) -> int:
    """How often the network is asked for one sample; the score of the best not counted."""
    times = TIMES[request.times or "log-snr"](request.steps or 0, stable_diffusion())
    asked = 0
    for leg in request.walk.legs:
        steps = len(times_from(leg.first, times)) - 1
        if leg.image is Role.SAMPLED and request.masked:
            steps *= 1 + (request.harmonise or 0)
        asked += steps + (request.final_denoise and steps > 0)
    return asked * (request.best_of or 1)


def seed_of(request: Request) -> int:
    """The seed of a request that has one."""
    assert request.seed is not None
    return request.seed
