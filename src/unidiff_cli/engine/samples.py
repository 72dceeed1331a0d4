"""The samples of a request: which they are, which go together, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from unidiff_cli.request import Request


def split(request: Request) -> Iterator[Request]:
    """The samples of a request, as requests of one: sample k has seed + k."""
    for k in range(request.count):
        yield replace(request, count=1, seed=seed_of(request) + k)


def shape(request: Request) -> tuple[Any, ...]:
    """What samples must share to go through the network together."""
    settings = request.settings()
    del settings["seed"]
    return request.mode, repr(sorted(settings.items()))


def evaluations(request: Request) -> int:
    """How often the network is asked for one sample."""
    steps = (request.steps or 0) + request.final_denoise
    return len(request.walk.legs) * steps


def seed_of(request: Request) -> int:
    """The seed of a request that has one."""
    assert request.seed is not None
    return request.seed
