"""A solver of a model's own: its steps, its file, its name."""

from __future__ import annotations

import copy
import json
import math
from itertools import pairwise
from typing import Any

import pytest

from unidiff_cli.core.modes import MODES
from unidiff_cli.core.schedule import stable_diffusion
from unidiff_cli.core.solver import dpmpp_3m, log_snr_times
from unidiff_cli.core.tuned import LEGS, Steps, Tuned, is_tuned, tuned

SCHEDULE = stable_diffusion()
STEPS = Steps((1.0, 0.5, 0.1, 0.001), ((0.9, 0.1), (0.5, 0.4, 0.1), (0.1, 0.8, 0.2, -0.1)), 0.25)
SOLVER = Tuned({"t2i": {3: STEPS}, "joint": {3: STEPS}}, {"seed": 7})


def test_a_step_is_the_weighted_sum_of_x_and_the_last_three_predictions() -> None:
    predicted = iter([2.0, 3.0, 5.0])
    seen: list[tuple[float, float]] = []

    def clean(x: float, t: float) -> float:
        seen.append((x, t))
        return next(predicted)

    first = 0.9 * 1 + 0.1 * 2
    second = 0.5 * first + 0.4 * 3 + 0.1 * 2
    third = 0.1 * second + 0.8 * 5 + 0.2 * 3 - 0.1 * 2
    assert tuned(clean, 1.0, STEPS, SCHEDULE) == pytest.approx(third)
    assert seen == [(1.0, 1.0), (pytest.approx(first), 0.5), (pytest.approx(second), 0.1)]


def test_with_a_formulas_weights_it_is_the_formula() -> None:
    """The step of first order, written as weights, is DPM-Solver++ of first order."""
    times = log_snr_times(1, SCHEDULE)
    (start, stop), alpha, sigma = times, SCHEDULE.alpha, SCHEDULE.sigma
    h = SCHEDULE.log_snr(stop) - SCHEDULE.log_snr(start)
    steps = Steps(tuple(times), ((sigma(stop) / sigma(start), -alpha(stop) * math.expm1(-h)),))

    def clean(x: float, t: float) -> float:
        return 0.3 * x + t

    assert tuned(clean, 0.7, steps, SCHEDULE) == pytest.approx(
        dpmpp_3m(clean, 0.7, times, SCHEDULE)
    )


def test_the_file_is_read_as_it_was_written() -> None:
    again = Tuned.from_json(json.loads(json.dumps(SOLVER.to_json())))
    assert again == SOLVER
    assert again.digest == SOLVER.digest
    assert is_tuned(again.name)


def test_the_digest_changes_with_any_number_but_not_with_what_it_was_learned_from() -> None:
    assert Tuned(SOLVER.legs, {}).digest == SOLVER.digest
    nearly = Steps((1.0, 0.5, math.nextafter(0.1, 1), 0.001), STEPS.weights, 0.25)
    assert SOLVER.with_steps("t2i", nearly).digest != SOLVER.digest


@pytest.mark.parametrize("solver", ["tuned", "tuned:0123456789ab"])
def test_its_names(solver: str) -> None:
    assert is_tuned(solver)


@pytest.mark.parametrize("solver", [None, "ddim", "tuned:", "tuned:0123456789AB", "tuned:1"])
def test_other_names(solver: str | None) -> None:
    assert not is_tuned(solver)


def test_every_leg_of_every_mode_can_be_learned() -> None:
    assert set(LEGS) == {"t2i", "i2t", "joint", "i", "t"}
    legs = {leg for mode in MODES.values() for leg in mode.legs if leg.first == 1}
    assert legs == set(LEGS.values())
    assert SOLVER.counts(MODES["t2i"].legs) == [3]
    assert SOLVER.counts(MODES["i2t2i"].legs) == []  # it reads the picture first


def set_at(values: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(values)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("format",), "other"),
        (("legs",), []),
        (("legs", "t2i", "3", "times"), [1.0, 0.1, 0.5, 0.001]),
        (("legs", "t2i", "3", "times"), [1.0, 0.001]),
        (("legs", "t2i", "3", "times"), [2.0, 0.5, 0.1, 0.001]),
        (("legs", "t2i", "3", "weights", 0), [0.9]),
        (("legs", "t2i", "3", "weights", 2, 1), math.nan),
        (("legs", "t2i", "3", "weights", 2, 1), None),
        (("legs", "t2i"), {"4": SOLVER.to_json()["legs"]["t2i"]["3"]}),
    ],
)
def test_another_file_is_no_solver(path: tuple[Any, ...], value: Any) -> None:
    values = json.loads(json.dumps(SOLVER.to_json()))
    with pytest.raises(ValueError, match=r"."):
        Tuned.from_json(set_at(values, path, value))


def test_steps_are_a_sequence_of_times() -> None:
    assert list(STEPS) == [1.0, 0.5, 0.1, 0.001]
    assert STEPS[-1] == 0.001
    assert len(list(pairwise(STEPS))) == len(STEPS.weights)
