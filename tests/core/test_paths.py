"""Paths that begin anywhere, before a predictor that records: first levels, veils, words, masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from tests.core.test_sampler import STEPS, TIMES, Recorder, known, same, sampler
from tests.core.test_solver import Gaussian
from unidiff_cli.core.harmony import JUMP, harmonised, noisier
from unidiff_cli.core.latents import Latent, Latents, inside
from unidiff_cli.core.modes import MODES, Leg, Role
from unidiff_cli.core.pair import Pair
from unidiff_cli.core.sampler import Point
from unidiff_cli.core.schedule import stable_diffusion
from unidiff_cli.core.solver import SOLVERS, times_from, uniform_times

S, G, A = Role.SAMPLED, Role.GIVEN, Role.ABSENT
SCHEDULE = stable_diffusion()
CLEAN = Pair(0.0, 0.0)
WORDS = known((60, 61)).text


def close(a: Latent, b: Latent) -> None:
    for one, other in zip(a.parts, b.parts, strict=True):
        torch.testing.assert_close(one, other)


def test_the_times_of_a_path_are_those_from_its_first_level_on() -> None:
    times = uniform_times(4)
    assert times_from(1.0, times) == times
    assert times_from(0.6, times) == [0.6, *times[2:]]
    assert times_from(times[2], times) == times[2:]
    assert times_from(0.001, times) == [0.001]
    assert times_from(0.0, times) == [0.0]


def test_an_edit_begins_with_the_picture_noised_to_its_first_level() -> None:
    recorder, given = Recorder(), known()
    made = sampler(recorder)
    made.walk(MODES["edit"].along({"image", "text"}, 0.5, CLEAN), given)
    times = [0.5, *(t for t in TIMES if t < 0.5)]
    assert recorder.levels == [[(t, 0), (t, 1)] for t in times]
    noise = made.noise.latent("image", 0, "start")
    expected = SCHEDULE.alpha(0.5) * given.image + SCHEDULE.sigma(0.5) * noise
    assert same(recorder.asked[0][0][0].image, expected)


def test_without_words_an_edit_reads_the_picture_first() -> None:
    recorder = Recorder()
    sampler(recorder).walk(MODES["edit"].along({"image"}, 0.5, CLEAN), known())
    times = [0.5, *(t for t in TIMES if t < 0.5)]
    drawn = [[(t, 0), (t, 1)] for t in times]
    assert recorder.levels == [[(0, t), (1, t)] for t in TIMES] + drawn


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("strength", [0.0, 0.001])
def test_strength_0_changes_nothing(solver: str, strength: float) -> None:
    walk = MODES["edit"].along({"image", "text"}, strength, CLEAN)
    recorder, given = Recorder(), known()
    made = sampler(recorder, solver=SOLVERS[solver], final_denoise=True).walk(walk, given)
    assert same(made, given)
    assert not recorder.asked


def test_strength_1_is_the_mode_that_begins_in_the_corner() -> None:
    for given, mode in (({"image", "text"}, "t2i"), ({"image"}, "i2t2i")):
        edit = MODES["edit"].along(given, 1.0, CLEAN)
        assert same(sampler().walk(edit, known()), sampler().walk(MODES[mode], known()))


@pytest.mark.parametrize("steps", range(1, 9))
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_takes_whatever_is_left_of_the_times(solver: str, steps: int) -> None:
    times = times_from(0.55, uniform_times(steps))
    clean = Gaussian(SCHEDULE)
    SOLVERS[solver](clean, 0.3, times, SCHEDULE)
    assert clean.asked == times[:-1]


@pytest.mark.parametrize(("mode", "modality"), [("t2i", "text"), ("i2t", "image")])
def test_what_is_given_is_veiled_and_the_network_is_told(mode: str, modality: str) -> None:
    recorder, given = Recorder(), known()
    made = sampler(recorder)
    levels = Pair(0.3, 0.3)
    made.walk(MODES[mode].along({modality}, None, levels), given)  # type: ignore[arg-type]
    for number, points in enumerate(recorder.asked):
        noise = made.noise.latent(modality, 0, "absent", number)  # type: ignore[arg-type]
        veiled = SCHEDULE.alpha(0.3) * given[modality] + SCHEDULE.sigma(0.3) * noise  # type: ignore[index]
        assert same(points[0][0][modality], veiled)  # type: ignore[index]
        assert points[0][1][modality] == 0.3  # type: ignore[index]
        assert points[1][1][modality] == 1.0  # type: ignore[index]


@pytest.mark.parametrize(("mode", "alone"), [("t2i", "i"), ("i2t", "t")])
def test_level_1_is_the_mode_without_the_condition(mode: str, alone: str) -> None:
    walk = MODES[mode].along((), None, Pair(1.0, 1.0))
    (modality,) = MODES[mode].yields
    made, free = (sampler().walk(each, known())[modality] for each in (walk, MODES[alone]))
    assert same(made, free)


def test_level_0_is_the_mode_and_the_least_level_is_near_it() -> None:
    plain = sampler().walk(MODES["t2i"], known()).image
    for level in (0.0, 1e-9):
        walk = MODES["t2i"].along((), None, Pair(0.0, level))
        made = sampler().walk(walk, known()).image
        assert same(made, plain) == (level == 0)
        assert float((made.parts[0] - plain.parts[0]).abs().max()) < 0.5


def number(points: Sequence[Point]) -> list[Latents]:
    """A network whose noise is the mean of the words it is given, plus 10 t_text."""
    return [
        z.map(lambda latent, z=z, t=t: latent.map(lambda p: torch.full_like(p, mean(z) + 10 * t)))  # type: ignore[misc]
        for z, levels in points
        for t in [levels.text]
    ]


def mean(z: Latents) -> float:
    return float(z.text.parts[0].mean())


def filled(value: float) -> Latent:
    return known().text.map(lambda p: torch.full_like(p, value))


def image_number(made: Latents) -> float:
    return float(made.image.parts[0].flatten()[0])


def test_guidance_pushes_off_the_negative_words() -> None:
    given = known().put("text", filled(3.0))
    guided = sampler(number, guidance=2.0, negative=filled(1.0)).guided(
        Leg(S, G), given, given, 0.6, 0, 0
    )
    assert image_number(guided) == pytest.approx(3 + 2 * (3 - 1))
    recorder = Recorder()
    sampler(recorder, negative=WORDS).walk(MODES["t2i"].along((), None, Pair(0.0, 0.4)), known())
    first = recorder.asked[0]
    assert [levels.text for _, levels in first] == [0.4, 0.4]  # both are veiled, alike
    apart = first[0][0].text - first[1][0].text
    close(apart, SCHEDULE.alpha(0.4) * (known().text - WORDS))


def test_more_words_add_their_own_guidance() -> None:
    given = known().put("text", filled(3.0))
    others = ((0.5, filled(4.0)), (-1.0, filled(2.0)))
    made = sampler(number, guidance=2.0, others=others, negative=filled(1.0))
    guided = made.guided(Leg(S, G), given, given, 0.6, 0, 0)
    assert image_number(guided) == pytest.approx(
        3 + 2 * (3 - 1) + 3 * 0.5 * (4 - 1) - 3 * 1.0 * (2 - 1)
    )
    # Outside of guidance they still count, each once.
    free = replace(made, interval=(0.0, 0.1)).guided(Leg(S, G), given, given, 0.6, 0, 0)
    assert image_number(free) == pytest.approx(3 + 0.5 * (4 - 1) - (2 - 1))
    recorder = Recorder()
    sampler(recorder, others=others).walk(MODES["t2i"], known())
    assert recorder.levels == [[(t, 0), (t, 0), (t, 0), (t, 1)] for t in TIMES]
    recorder = Recorder()
    sampler(recorder, others=others, negative=WORDS).walk(MODES["i2t"], known())
    assert recorder.levels == [[(0, t), (1, t)] for t in TIMES]  # nothing to a leg without words


def half() -> Latent:
    """Where a picture may change: its left half, and all of its meaning."""
    vae = torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    vae[..., :2] = True
    return Latent((vae, torch.ones(1, 1, 1, dtype=torch.bool)))


@pytest.mark.parametrize("first", [1.0, 0.5])
@pytest.mark.parametrize("solver", SOLVERS)
def test_outside_the_mask_every_evaluation_sees_the_noised_original(
    solver: str, first: float
) -> None:
    recorder, given = Recorder(), known()
    made = sampler(recorder, solver=SOLVERS[solver], mask=half())
    walk = MODES["edit"].along({"image", "text"}, first, CLEAN)
    result = made.walk(walk, given)
    noise = made.noise.latent("image", 0, "start")
    for points in recorder.asked:
        z, levels = points[0]
        t = levels.image
        expected = SCHEDULE.alpha(t) * given.image + SCHEDULE.sigma(t) * noise
        torch.testing.assert_close(z.image.parts[0][..., 2:], expected.parts[0][..., 2:])
    free = sampler(solver=SOLVERS[solver]).walk(walk, given).image.parts[0]
    outside = result.image.parts[0][..., 2:]
    torch.testing.assert_close(outside, given.image.parts[0][..., 2:], atol=0.1, rtol=0)
    assert not torch.allclose(free[..., 2:], outside, atol=0.1)
    begun = recorder.asked[0][0][0].image.parts[0][..., :2]
    mixed = SCHEDULE.alpha(first) * given.image + SCHEDULE.sigma(first) * noise
    assert torch.equal(begun, (noise if first == 1 else mixed).parts[0][..., :2])


def test_a_mask_of_everything_is_no_mask_and_words_know_of_none() -> None:
    everything = half().map(torch.ones_like)
    for mode in ("t2i", "i2t2i"):
        masked = sampler(mask=everything).walk(MODES[mode], known())
        assert same(masked, sampler().walk(MODES[mode], known()))
    assert same(
        sampler(mask=half(), repetitions=2).walk(MODES["i2t"], known()),
        sampler().walk(MODES["i2t"], known()),
    )


def test_repetitions_go_up_and_down_again_with_new_noise() -> None:
    recorder, given = Recorder(), known()
    steps = 2 * JUMP
    times = uniform_times(steps)
    made = sampler(recorder, mask=half(), repetitions=2, times=times, guidance=0.0)
    result = made.walk(MODES["t2i"], given)
    asked = [levels[0][0] for levels in recorder.levels]
    assert asked == [*times[:JUMP] * 3, *times[JUMP:-1] * 3]
    right = [points[0][0].image.parts[0][..., 2:] for points in recorder.asked[: 3 * JUMP : JUMP]]
    assert not torch.allclose(right[0], right[1])
    assert not torch.allclose(right[1], right[2])
    expected = given.image.parts[0][..., 2:]
    torch.testing.assert_close(result.image.parts[0][..., 2:], expected, atol=0.1, rtol=0)


@pytest.mark.parametrize("solver", SOLVERS)
def test_repetitions_leave_a_distribution_what_it_is(solver: str) -> None:
    """Noise that is added is the noise that was taken away: deviations stay those of the ODE."""
    times = uniform_times(40)
    zero = harmonised(SOLVERS[solver], 1, lambda k: 0.0)
    clean = Gaussian(SCHEDULE)
    zero(clean, 0.3, times, SCHEDULE)
    assert len(clean.asked) == 2 * 40
    low, high = 0.2, 0.7
    kept = SCHEDULE.alpha(high) / SCHEDULE.alpha(low)
    unit = noisier(0.0, low, high, 1.0, SCHEDULE)
    assert (kept * SCHEDULE.sigma(low)) ** 2 + unit**2 == pytest.approx(SCHEDULE.sigma(high) ** 2)


def test_inside_takes_each_from_its_side() -> None:
    new, old = known().image, known((60, 61)).image
    mixed = inside(half(), new, old)
    assert torch.equal(mixed.parts[0][..., :2], new.parts[0][..., :2])
    assert torch.equal(mixed.parts[0][..., 2:], old.parts[0][..., 2:])
    assert torch.equal(mixed.parts[1], new.parts[1])
    assert len(TIMES) == STEPS
