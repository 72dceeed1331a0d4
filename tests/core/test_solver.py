"""The solvers in plain floats, on a Gaussian whose ODE has a closed solution."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from unidiff_cli.core import solver
from unidiff_cli.core.schedule import Schedule, stable_diffusion
from unidiff_cli.core.solver import SOLVERS, TIMES, advance, uniform_times

MEAN, VARIANCE = 0.5, 0.09


class Smooth(Schedule):
    """A schedule without knots, for orders of convergence."""

    def log_alpha(self, t: float) -> float:
        return -2.25 * t**2 - 0.2 * t


SMOOTH = Smooth(())


@dataclass
class Gaussian:
    """The posterior mean of Gaussian data, and the times that it was asked at."""

    schedule: Schedule
    asked: list[float] = field(default_factory=list)

    def __call__(self, x: float, t: float) -> float:
        self.asked.append(t)
        alpha, sigma = self.schedule.alpha(t), self.schedule.sigma(t)
        noise = sigma * (x - alpha * MEAN) / (alpha**2 * VARIANCE + sigma**2)
        return (x - sigma * noise) / alpha

    def deviation(self, t: float) -> float:
        return math.hypot(self.schedule.alpha(t) * math.sqrt(VARIANCE), self.schedule.sigma(t))

    def exact(self, x: float, start: float, stop: float) -> float:
        """The end of the ODE's path from x: it keeps its distance from the mean, in deviations."""
        off = (x - self.schedule.alpha(start) * MEAN) / self.deviation(start)
        return self.schedule.alpha(stop) * MEAN + off * self.deviation(stop)


@pytest.mark.parametrize(("name", "even"), [("uniform", False), ("log-snr", True)])
def test_times_are_even_in_what_their_name_says(name: str, even: bool) -> None:
    schedule = stable_diffusion()
    times = TIMES[name](12, schedule)
    assert len(times) == 13
    assert (times[0], times[-1]) == pytest.approx((1.0, 0.001))
    levels = [schedule.log_snr(t) if even else t for t in times]
    steps = [stop - start for start, stop in pairwise(levels)]
    assert steps == pytest.approx([steps[0]] * 12, rel=1e-6)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (5, 0.7476370),
        (10, 0.7109149),
        (20, 0.8084993),
        (25, 0.7579371),
        (30, 0.7618530),
        (50, 0.7992625),
    ],
)
def test_the_published_solver(steps: int, expected: float) -> None:
    schedule = stable_diffusion()
    found = solver.dpmpp_3s(Gaussian(schedule), 1.0, uniform_times(steps), schedule)
    assert found == pytest.approx(expected, abs=1e-6)


def test_the_exact_path_of_the_gaussian() -> None:
    schedule = stable_diffusion()
    gaussian = Gaussian(schedule)
    assert gaussian.exact(1.0, 1.0, 0.001) == pytest.approx(0.7914093, abs=1e-6)
    fine = solver.dpmpp_2m(gaussian, 1.0, uniform_times(4000), schedule)
    assert fine == pytest.approx(0.7914093, abs=1e-4)


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 6, 20, 49, 50, 51])
def test_evaluations_are_steps_at_the_times_of_the_grid(name: str, steps: int) -> None:
    schedule = stable_diffusion()
    gaussian, times = Gaussian(schedule), uniform_times(steps)
    assert math.isfinite(SOLVERS[name](gaussian, 1.0, times, schedule))
    assert gaussian.asked == times[:-1]


def test_the_published_times() -> None:
    fifty, twenty = uniform_times(50), uniform_times(20)
    network = [1000 * t for t in fifty]
    assert network[:3] == pytest.approx([1000, 980.02, 960.04])
    assert network[-3:] == pytest.approx([40.96, 20.98, 1])
    assert [1000 * t for t in twenty[:5]] == pytest.approx([1000, 950.05, 900.1, 850.15, 800.2])


@pytest.mark.parametrize(
    ("steps", "orders"),
    [
        (1, [1]),
        (2, [2]),
        (3, [2, 1]),
        (4, [3, 1]),
        (5, [3, 2]),
        (6, [3, 2, 1]),
        (20, [3] * 6 + [2]),
        (25, [3] * 8 + [1]),
        (30, [3] * 9 + [2, 1]),
        (48, [3] * 15 + [2, 1]),
        (50, [3] * 16 + [2]),
    ],
)
def test_the_orders_of_the_remainder(steps: int, orders: list[int]) -> None:
    groups = solver._singlestep_groups(steps)
    assert [order for _, order in groups] == orders
    assert [first for first, _ in groups] == [sum(orders[:n]) for n in range(len(orders))]


def error(name: str, times: Sequence[float]) -> float:
    gaussian = Gaussian(SMOOTH)
    found = SOLVERS[name](gaussian, 1.7, times, SMOOTH)
    return abs(float(found) - gaussian.exact(1.7, times[0], times[-1]))


def order(name: str, gentle: float, steps: int = 96) -> float:
    """The power of the step in the error, from twice as many steps.

    `gentle` is the length of two more steps at each end, where multistep methods and the
    published remainder are of low order: short ones leave the order of the steps between.
    """
    high, low = 0.9, 0.2

    def times(steps: int) -> list[float]:
        first, last = high - 2 * gentle, low + 2 * gentle
        inner = [first + (last - first) * n / steps for n in range(steps + 1)]
        if not gentle:
            return inner
        return [high, high - gentle, *inner, low + gentle, low]

    return math.log2(error(name, times(steps)) / error(name, times(2 * steps)))


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("ddim", 0.97, 1.03),
        ("dpm++2m", 1.97, 2.03),
        ("dpm++3m", 2.8, 3.2),
        ("dpm++3s", 2.9, 3.2),
        ("unipc", 2.75, 3.2),
    ],
)
def test_orders_of_convergence(name: str, low: float, high: float) -> None:
    assert low < order(name, gentle=3e-5) < high


@pytest.mark.parametrize("name", ["dpm++2m", "dpm++3m", "dpm++3s", "unipc"])
def test_the_low_order_ends_make_whole_runs_second_order(name: str) -> None:
    assert order(name, gentle=0.0) == pytest.approx(2, abs=0.05)


def test_singlestep_steps_of_third_order_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        solver, "_singlestep_groups", lambda steps: [(n, 3) for n in range(0, steps, 3)]
    )
    assert order("dpm++3s", gentle=0.0) > 2.9


@pytest.mark.parametrize("degree", [0, 1, 2])
@pytest.mark.parametrize(("start", "stop"), [(0.9, 0.3), (0.5, 0.49), (0.3, 0.29999)])
def test_advance_is_exact_for_polynomials(degree: int, start: float, stop: float) -> None:
    here, there = SMOOTH.log_snr(start), SMOOTH.log_snr(stop)

    def polynomial(log_snr: float) -> float:
        return float(sum((k + 1) * (log_snr - here) ** k for k in range(degree + 1)))

    nodes = [here, here - 0.37, here - 0.81][: degree + 1]
    x = advance(0.3, start, stop, [(node, polynomial(node)) for node in nodes], SMOOTH)
    # The integral of e^l (l - here)^k, by Simpson's rule.
    parts, width = 2000, (there - here) / 2000
    values = [math.exp(here + n * width) * polynomial(here + n * width) for n in range(parts + 1)]
    integral = (
        width / 3 * (values[0] + values[-1] + 4 * sum(values[1::2]) + 2 * sum(values[2:-1:2]))
    )
    exact = SMOOTH.sigma(stop) / SMOOTH.sigma(start) * 0.3 + SMOOTH.sigma(stop) * integral
    assert x == pytest.approx(exact, rel=1e-11)


def test_moments_agree_where_series_and_recursion_meet() -> None:
    for h in (0.5, 0.3, 0.1):
        direct = [-math.expm1(-h)]
        for k in (1, 2):
            direct.append(1 - k / h * direct[-1])
        assert solver._moments(3, h) == pytest.approx(direct, rel=1e-11)


def test_the_published_3m_takes_half_of_the_second_order_term() -> None:
    """It integrates the line exactly and the parabola's own term by half: so it is of order 2."""
    for h in (0.05, 0.3, 1.2):
        published = -(math.expm1(-h) + h) / h**2 + 0.5
        assert published == pytest.approx(solver._moments(3, h)[2] / 2, rel=1e-9)


@pytest.mark.parametrize("half", [False, True])
def test_half_of_that_term_costs_an_order(half: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = solver._moments

    def halved(count: int, h: float) -> list[float]:
        moments = whole(count, h)
        return [*moments[:2], moments[2] / 2] if half and count == 3 else moments

    monkeypatch.setattr(solver, "_moments", halved)
    expected = 2 if half else 3
    assert order("dpm++3m", gentle=3e-5) == pytest.approx(expected, abs=0.25)


def test_the_core_solves_without_torch() -> None:
    program = (
        "import sys; from unidiff_cli.core import modes, pair, schedule, solver; "
        "s = schedule.stable_diffusion(); "
        "solver.dpmpp_3s(lambda x, t: x, 1.0, solver.uniform_times(5), s); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
