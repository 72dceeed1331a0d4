"""The multistep solvers against diffusers' schedulers, which are given our times."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch

from tests.core.test_solver import Gaussian
from unidiff_cli.core import solver
from unidiff_cli.core.schedule import stable_diffusion
from unidiff_cli.core.solver import SOLVERS, uniform_times

# diffusers reads its own tensors by a conversion that numpy 2 announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def diffusers_end(scheduler: str, steps: int, **options: Any) -> float:
    """Where a scheduler of diffusers takes x = 1, asked for clean data at our times."""
    import diffusers

    schedule, times = stable_diffusion(), uniform_times(steps)
    made = getattr(diffusers, scheduler)(
        prediction_type="sample", final_sigmas_type="sigma_min", **options
    )
    made.set_timesteps(steps)
    sigmas = [schedule.sigma(t) / schedule.alpha(t) for t in times]
    made.sigmas = torch.tensor(sigmas, dtype=torch.float64)
    made.timesteps = torch.arange(steps)
    clean, x = Gaussian(schedule), torch.ones(1, 1, dtype=torch.float64)
    for k, t in enumerate(times[:-1]):
        predicted = torch.full_like(x, clean(x.item(), t))
        x = made.step(predicted, made.timesteps[k], x).prev_sample
    return x.item()


def our_end(name: str, steps: int) -> float:
    schedule = stable_diffusion()
    return float(SOLVERS[name](Gaussian(schedule), 1.0, uniform_times(steps), schedule))  # type: ignore[arg-type]


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 20, 50])
def test_unipc_is_theirs(steps: int) -> None:
    theirs = diffusers_end("UniPCMultistepScheduler", steps, solver_order=2, solver_type="bh2")
    assert our_end("unipc", steps) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 20, 50])
def test_2m_is_theirs(steps: int) -> None:
    theirs = diffusers_end(
        "DPMSolverMultistepScheduler", steps, solver_order=2, euler_at_final=True
    )
    # They hold the state in float32.
    assert our_end("dpm++2m", steps) == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize("steps", [10, 20, 50])
def test_ddim_is_theirs(steps: int) -> None:
    theirs = diffusers_end("DPMSolverMultistepScheduler", steps, solver_order=1)
    assert our_end("ddim", steps) == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize("steps", [10, 20, 50])
def test_3m_differs_by_half_of_the_second_order_term(
    steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = solver._moments

    def halved(count: int, h: float) -> list[float]:
        moments = whole(count, h)
        return [*moments[:2], moments[2] / 2] if count == 3 else moments

    def published(steps: int) -> float:
        """dpm++3m with their coefficient, and their second-order steps."""
        schedule, times = stable_diffusion(), uniform_times(steps)
        clean, x, known = Gaussian(schedule), 1.0, []
        for n, (start, stop) in enumerate(pairwise(times)):
            known = [(schedule.log_snr(start), clean(x, start)), *known[:2]]
            # Under 15 steps they step back to the second order before the last step.
            left = steps - n if steps < 15 or steps - n == 1 else 3
            if len(known[:left]) == 2:
                x = solver.advance_by_middle(x, start, stop, known[0], known[1], schedule)
            else:
                x = solver.advance(x, start, stop, known[:left], schedule)
        return x

    theirs = diffusers_end(
        "DPMSolverMultistepScheduler", steps, solver_order=3, euler_at_final=True
    )
    assert abs(our_end("dpm++3m", steps) - theirs) > 2e-5
    monkeypatch.setattr(solver, "_moments", halved)
    assert published(steps) == pytest.approx(theirs, abs=1e-6)
