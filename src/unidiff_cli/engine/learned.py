"""A request that asks for the model's own solver, held against what the model has."""

from __future__ import annotations

from dataclasses import replace

from unidiff_cli.core.tuned import LEGS, NAME, Tuned
from unidiff_cli.errors import UsageError
from unidiff_cli.request import Request


def with_learned(request: Request, tuned: Tuned | None, model: str) -> Request:
    """The request with the solver named by its digest, and a number of steps that it was learned
    for: the largest, where none is asked for. A UsageError where the model has no such solver.
    """
    if tuned is None:
        raise UsageError(
            "usage.tuned-solver",
            f"{model} has no tuned solver.",
            f"Learn one: unidiff tune {model}",
        )
    if request.solver not in (None, NAME, tuned.name):
        raise UsageError(
            "usage.tuned-solver",
            f"This was made with the solver {request.solver}; {model} has {tuned.name} by now.",
            "Choose one: --solver tuned, or unipc with --times log-snr, which comes near.",
        )
    if request.times is not None:
        raise UsageError(
            "usage.not-together", "A tuned solver has times of its own.", "Leave out --times."
        )
    mode, counts = request.mode, tuned.counts(request.walk.legs)
    steps = request.steps or (counts or [0])[-1]
    if steps not in counts:
        has = f"{', '.join(map(str, counts))} steps in {mode}, not {steps}" if counts else ""
        raise UsageError(
            "usage.tuned-solver",
            f"The tuned solver of {model} " + (f"has {has}." if has else f"is not for {mode}."),
            f"Learn it: unidiff tune {model} --modes {','.join(needed(request))} "
            f"--steps {steps or 8}",
        )
    return replace(request, solver=tuned.name, steps=steps)


def needed(request: Request) -> list[str]:
    """The modes whose legs a request walks, as `unidiff tune` names them."""
    return [name for name, leg in LEGS.items() if leg in request.walk.legs]
