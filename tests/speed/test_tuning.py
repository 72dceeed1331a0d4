"""What is learned of trajectories whose solution is known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from unidiff_cli.core.schedule import stable_diffusion
from unidiff_cli.core.solver import dpmpp_2m, dpmpp_3m, log_snr_times
from unidiff_cli.core.tuned import tuned
from unidiff_cli.speed.tuning import (
    Trajectories,
    best_places,
    felt_at,
    fitted,
    learned,
    nudged,
    products,
    solved,
)

SCHEDULE = stable_diffusion()
SAMPLES, NUMBERS, FINE = 6, 20, 24
MEANS = torch.randn(3, NUMBERS, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def predict(x: Tensor, t: float) -> Tensor:
    """What is clean behind x, where clean data are three points: the best prediction there is."""
    alpha, sigma = SCHEDULE.alpha(t), SCHEDULE.sigma(t)
    distances = (x[:, None] - alpha * MEANS).square().sum(-1)
    return (-distances / (2 * sigma**2 + 0.05)).softmax(-1) @ MEANS


@pytest.fixture(scope="module")
def walks() -> Trajectories:
    draw = torch.Generator().manual_seed(2)
    x = torch.randn(SAMPLES, NUMBERS, generator=draw, dtype=torch.float64)
    points, clean = [], []

    def seen(z: Tensor, t: float) -> Tensor:
        points.append(z)
        clean.append(predict(z, t))
        return clean[-1]

    times = log_snr_times(FINE, SCHEDULE)
    points.append(dpmpp_3m(seen, x, times, SCHEDULE))
    return Trajectories(times, torch.stack(points, 1), torch.stack(clean, 1), SCHEDULE)


def test_columns_that_suffice_are_found() -> None:
    columns = torch.randn(50, 3, dtype=torch.float64)
    weights = torch.tensor([2.0, -1.0, 0.5], dtype=torch.float64)
    found = solved(columns.T @ columns, columns.T @ (columns @ weights))
    assert torch.allclose(found, weights, atol=1e-4)


def test_a_walk_is_known_between_its_points(walks: Trajectories) -> None:
    assert walks.at(walks.times[5]).equal(walks.points[:, 5])
    assert walks.at(walks.times[5] * (1 - 1e-15)).equal(walks.points[:, 5])
    assert walks.at(0.0).equal(walks.end)
    middle = SCHEDULE.time(0.5 * sum(map(SCHEDULE.log_snr, walks.times[5:7])))
    truth = dpmpp_3m(predict, walks.points[:, 5], [walks.times[5], middle], SCHEDULE)
    assert (walks.at(middle) - truth).norm() < 0.02 * truth.norm()


def test_steps_lie_where_they_cost_least(walks: Trajectories) -> None:
    inner, even = products(walks), [1.0] * (FINE + 1)
    found = best_places(inner, even, [1, 3, 5])
    assert found[1] == [0, FINE]
    for count, places in found.items():
        assert len(places) == count + 1
        assert places == sorted(set(places))
    # Where only the end counts, steps crowd there; where errors are felt early, they begin early.
    late = best_places(inner, [0.001] * FINE + [1.0], [4])[4]
    early = best_places(inner, [10.0] * (FINE // 2) + [1.0] * (FINE // 2 + 1), [4])[4]
    assert sum(early) < sum(late)


def test_it_beats_the_formula_in_walks_that_it_did_not_learn_from(walks: Trajectories) -> None:
    learn, count = 4, 5
    places = best_places(products(walks.rows(slice(learn))), [1.0] * (FINE + 1), [count])[count]
    times = nudged(predict, walks.rows(slice(3)), [walks.times[place] for place in places])
    steps, errors = learned(predict, walks, learn, times)
    end = tuned(predict, walks.points[:, 0], steps, SCHEDULE)
    assert torch.allclose(walks.errors(end), errors)
    assert steps.error == pytest.approx(float(errors[learn:].mean()))
    formula = dpmpp_2m(predict, walks.points[:, 0], log_snr_times(count, SCHEDULE), SCHEDULE)
    assert errors[learn:].mean() < 0.5 * walks.errors(formula)[learn:].mean()


def test_nudging_is_never_worse_than_where_it_began(walks: Trajectories) -> None:
    times = log_snr_times(4, SCHEDULE)
    _, end = fitted(predict, walks, SAMPLES, times)
    _, nearer = fitted(predict, walks, SAMPLES, nudged(predict, walks, times))
    assert walks.errors(nearer).mean() <= walks.errors(end).mean()


def test_what_was_begun_is_kept(walks: Trajectories) -> None:
    times = log_snr_times(4, SCHEDULE)
    stands, end = fitted(predict, walks, SAMPLES, times)
    asked: list[float] = []

    def counting(x: Tensor, t: float) -> Tensor:
        asked.append(t)
        return predict(x, t)

    again, there = fitted(counting, walks, SAMPLES, times, stands[:3])
    assert torch.allclose(end, there)
    assert [stand.weights for stand in again] == [pytest.approx(s.weights) for s in stands]
    assert asked == [times[3]]


def test_how_an_error_is_felt_is_told_at_every_point(walks: Trajectories) -> None:
    felt = felt_at(walks, [3, 6, 9], lambda x, place: place / FINE * x)
    assert len(felt) == FINE + 1
    assert felt[0] == felt[3] == pytest.approx(0.125)
    assert felt[6] == pytest.approx(0.25)
    assert felt[7] == pytest.approx(0.25 + 0.125 / 3)
    assert felt[-1] == 1
