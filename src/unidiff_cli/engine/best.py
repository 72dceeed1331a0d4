"""The best of several samples: the one whose picture fits its words best, as the model sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from unidiff_cli.core.noise import stream
from unidiff_cli.engine.gain import gain
from unidiff_cli.engine.model import Answer
from unidiff_cli.engine.samples import seed_of
from unidiff_cli.errors import UnidiffError
from unidiff_cli.request import MAX_SEED, Output, Request

if TYPE_CHECKING:
    from unidiff_cli.engine.pipeline import UniDiffuser


def best_of(
    model: UniDiffuser, request: Request, make: Callable[[list[Request]], list[Answer]]
) -> Answer:
    """The sample that fits best of as many as are asked for, or an error if none came out."""
    some, made = candidates(request), []
    size = model.usual_batch(request)
    for start in range(0, len(some), size):
        made += make(some[start : start + size])
    model.progress.stage("choosing the best")
    scored = [
        (replace(output, fit=fit(model, request, output)), dtype)
        for output, dtype in made
        if not isinstance(output, UnidiffError)
    ]
    return max(scored, key=lambda answer: answer[0].fit or 0.0) if scored else made[0]


def candidates(request: Request) -> list[Request]:
    """The requests for each of them; the first is the one without a choice.

    The seeds of the others are drawn from its own: neighbours share no candidate.
    """
    seed, count = seed_of(request), request.best_of or 1
    others = (int(stream(seed, "best", k).integers(MAX_SEED)) for k in range(1, count))
    return [replace(request, seed=each, best_of=None) for each in (seed, *others)]


def fit(model: UniDiffuser, request: Request, output: Output) -> float:
    """How well the picture fits its words: those of the prompt, or those that came with it."""
    words = output.text if request.prompt is None else request.prompt
    assert words is not None
    assert output.image is not None
    return gain(model, output.image, words)
