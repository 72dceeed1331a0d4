"""The sampler before a predictor that records: what it asks, where, and with which noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import pytest
import torch

from unidiff_cli.core.latents import Latent, Latents, concatenate
from unidiff_cli.core.modes import MODES, Leg, Role
from unidiff_cli.core.noise import Noise, generator, stream
from unidiff_cli.core.pair import Pair
from unidiff_cli.core.sampler import Point, Sampler, as_solver
from unidiff_cli.core.schedule import stable_diffusion
from unidiff_cli.core.solver import SOLVERS, uniform_times

SHAPES = Pair(((2, 4, 4), (1, 3)), ((5, 6),))
STEPS = 5
MODALITIES = ("image", "text")


@dataclass
class Recorder:
    """A predictor that keeps what it was asked, and answers by the point."""

    asked: list[list[Point]] = field(default_factory=list)

    def __call__(self, points: Sequence[Point]) -> list[Latents]:
        self.asked.append(list(points))
        return [
            0.3 * z + (0.01 * levels.image - 0.02 * levels.text) * z + 0.05 * swapped(z)
            for z, levels in points
        ]

    @property
    def levels(self) -> list[list[tuple[float, float]]]:
        return [[(levels.image, levels.text) for _, levels in points] for points in self.asked]


def swapped(z: Latents) -> Latents:
    """Each modality filled with a number of the other: so neither is ignored."""
    image, text = (z[m].parts[0].flatten(1).mean(1) for m in MODALITIES)

    def like(latent: Latent, number: torch.Tensor) -> Latent:
        return latent.map(lambda p: number.view(-1, *[1] * (p.dim() - 1)).expand_as(p))

    return Latents(like(z.image, text), like(z.text, image))


def sampler(recorder: Any = None, seeds: Sequence[int] = (3, 8), **choices: Any) -> Sampler:
    made = Sampler(
        predict=recorder or Recorder(),
        noise=Noise(seeds, SHAPES),
        schedule=stable_diffusion(),
        solver=as_solver(SOLVERS["dpm++3s"]),
        times=uniform_times(STEPS),
        guidance=7.0,
    )
    return replace(made, **choices)


def known(seeds: Sequence[int] = (3, 8)) -> Latents:
    """What stands for an encoded prompt and picture."""
    return Noise(seeds, SHAPES).latents(99, "encode")


def same(a: Latents | Latent, b: Latents | Latent) -> bool:
    if isinstance(a, Latents) and isinstance(b, Latents):
        return same(a.image, b.image) and same(a.text, b.text)
    assert isinstance(a, Latent)
    assert isinstance(b, Latent)
    return all(torch.equal(p, q) for p, q in zip(a.parts, b.parts, strict=True))


TIMES = uniform_times(STEPS)[:-1]
ASKED = {  # (image level, text level) of each point, t standing for the clock
    "t2i": [[("t", 0), ("t", 1)]],
    "i2t": [[(0, "t"), (1, "t")]],
    "joint": [[("t", "t"), ("t", 1), (1, "t")]],
    "i": [[("t", 1)]],
    "t": [[(1, "t")]],
    "i2t2i": [[(0, "t"), (1, "t")], [("t", 0), ("t", 1)]],
    "t2i2t": [[("t", 0), ("t", 1)], [(0, "t"), (1, "t")]],
}
PUBLISHED = tuple(ASKED)


def at(points: list[tuple[Any, Any]], t: float) -> list[tuple[float, float]]:
    return [tuple(t if level == "t" else float(level) for level in point) for point in points]


@pytest.mark.parametrize("mode", PUBLISHED)
def test_the_levels_asked_for_are_the_table(mode: str) -> None:
    recorder = Recorder()
    sampler(recorder).walk(MODES[mode], known())
    assert recorder.levels == [at(leg, t) for leg in ASKED[mode] for t in TIMES]


@pytest.mark.parametrize("mode", PUBLISHED)
def test_without_guidance_the_network_is_asked_once(mode: str) -> None:
    recorder = Recorder()
    sampler(recorder, guidance=0.0).walk(MODES[mode], known())
    assert recorder.levels == [at(leg[:1], t) for leg in ASKED[mode] for t in TIMES]


@pytest.mark.parametrize("mode", PUBLISHED)
def test_outside_its_interval_guidance_costs_and_changes_nothing(mode: str) -> None:
    recorder = Recorder()
    sampler(recorder, interval=(TIMES[3], TIMES[1])).walk(MODES[mode], known())
    assert recorder.levels == [
        at(leg if 1 <= n <= 3 else leg[:1], t) for leg in ASKED[mode] for n, t in enumerate(TIMES)
    ]
    nowhere, unguided, everywhere, always = (
        sampler(**choices).walk(MODES[mode], known())
        for choices in ({"interval": (0.0, 0.0)}, {"guidance": 0.0}, {"interval": (0.001, 1.0)}, {})
    )
    assert same(nowhere, unguided)
    assert same(everywhere, always)
    assert same(unguided, always) is (mode in ("i", "t"))


@pytest.mark.parametrize("mode", ["i", "t"])
def test_guidance_does_nothing_where_nothing_is_given(mode: str) -> None:
    results = [sampler(guidance=s).walk(MODES[mode], known()) for s in (0.0, 7.0)]
    assert same(*results)


@pytest.mark.parametrize(
    ("mode", "image", "text"),
    [
        # A network whose noise is 10 t_image + t_text makes each difference visible.
        ("t2i", 6.0 + 3 * (6.0 - 7.0), None),
        ("i2t", None, 0.6 + 3 * (0.6 - 10.6)),
        ("joint", 6.6 + 3 * (6.6 - 7.0), 6.6 + 3 * (6.6 - 10.6)),
        ("i", 7.0, None),
        ("t", None, 10.6),
    ],
)
def test_guidance_is_the_papers(mode: str, image: float | None, text: float | None) -> None:
    def predict(points: Sequence[Point]) -> list[Latents]:
        return [
            Latents(*(z[m].map(lambda p, n=n: torch.full_like(p, n)) for m in MODALITIES))
            for z, levels in points
            for n in [10 * levels.image + levels.text]
        ]

    (leg,) = MODES[mode].legs
    guided = sampler(predict, guidance=3.0).guided(leg, known(), known(), 0.6, 0, 0)
    for modality, expected in zip(MODALITIES, (image, text), strict=True):
        if expected is not None:
            for part in guided[modality].parts:
                torch.testing.assert_close(part, torch.full_like(part, expected))


@pytest.mark.parametrize("mode", PUBLISHED)
def test_what_is_given_never_changes(mode: str) -> None:
    recorder, given = Recorder(), known()
    result = sampler(recorder).walk(MODES[mode], given)
    number_of_calls = len(recorder.asked) // len(MODES[mode].legs)
    for number, leg in enumerate(MODES[mode].legs):
        calls = recorder.asked[number * number_of_calls : (number + 1) * number_of_calls]
        for modality in leg.which(Role.GIVEN):
            # The first leg is given what the user gave, the second what the first one sampled.
            held = given[modality] if number == 0 else calls[0][0][0][modality]
            assert all(same(points[0][0][modality], held) for points in calls)
    untouched = set(MODALITIES) - {m for leg in MODES[mode].legs for m in leg.which(Role.SAMPLED)}
    assert all(same(result[modality], given[modality]) for modality in untouched)
    changed = set(MODALITIES) - untouched
    assert not any(same(result[modality], given[modality]) for modality in changed)


@pytest.mark.parametrize(("mode", "handed"), [("i2t2i", "text"), ("t2i2t", "image")])
def test_a_variation_hands_its_latent_on(mode: str, handed: Any) -> None:
    first, second = MODES[mode].legs
    whole = sampler().walk(MODES[mode], known())
    between = sampler().sample(first, known(), 0)
    assert same(sampler().sample(second, between, 1), whole)
    assert same(between[handed], whole[handed]) is (handed in second.which(Role.GIVEN))


@pytest.mark.parametrize("mode", MODES)
def test_same_seed_same_bytes(mode: str) -> None:
    one, again, other = (
        sampler(seeds=seeds).walk(MODES[mode], known()) for seeds in ((3, 8), (3, 8), (4, 8))
    )
    assert same(one, again)
    for modality in MODES[mode].yields:
        for part, changed in zip(one[modality].parts, other[modality].parts, strict=True):
            assert (part[0] != changed[0]).any()
            assert torch.equal(part[1], changed[1])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("absent", ["fresh", "fixed"])
def test_a_sample_does_not_depend_on_its_batch(mode: str, absent: str) -> None:
    seeds = (5, 0, 12, 7)
    together = sampler(seeds=seeds, absent=absent).walk(MODES[mode], known(seeds))
    alone = [
        sampler(seeds=[seed], absent=absent).walk(MODES[mode], known([seed])) for seed in seeds
    ]
    assert same(together.image, concatenate([z.image for z in alone]))
    assert same(together.text, concatenate([z.text for z in alone]))


def test_steps_do_not_shift_another_stream() -> None:
    short, long = Recorder(), Recorder()
    sampler(short).walk(MODES["joint"], known())
    sampler(long, times=uniform_times(20)).walk(MODES["joint"], known())
    assert same(short.asked[0][0][0], long.asked[0][0][0])
    for few, many in zip(short.asked, long.asked, strict=False):
        assert same(few[1][0].text, many[1][0].text)
        assert same(few[2][0].image, many[2][0].image)


def test_every_stream_is_its_own() -> None:
    drawn = {
        key: stream(*key).bit_generator.state["state"]["key"].tobytes()
        for key in product(
            (0, 1, 11, 2**63 - 1), (0, 1), ("start", "absent"), (0, 1, 2), MODALITIES
        )
    }
    assert len(set(drawn.values())) == len(drawn)
    # 32 bits, as torch's generator has on a CPU, are too few: two of 100,000 samples would agree.
    for half in (slice(0, 8), slice(8, 16)):
        assert len({key[half] for key in drawn.values()}) == len(drawn)
    assert generator(3, "caption").initial_seed() == generator(3, "caption").initial_seed()
    noise = Noise(range(200), SHAPES).latents(0, "start")
    for part in (*noise.image.parts, *noise.text.parts):
        assert abs(part.mean()) < 5 / part.numel() ** 0.5
        assert abs(part.var() - 1) < 10 / part.numel() ** 0.5


@pytest.mark.parametrize(
    ("mode", "point", "modality"),
    [
        ("t2i", 1, "text"),
        ("i2t", 1, "image"),
        ("joint", 1, "text"),
        ("joint", 2, "image"),
        ("i", 0, "text"),
        ("t", 0, "image"),
    ],
)
def test_absent_noise_is_drawn_anew_or_once(mode: str, point: int, modality: Any) -> None:
    noise = Noise((3, 8), SHAPES)
    for absent, drawn in (("fresh", range(STEPS)), ("fixed", [0] * STEPS)):
        recorder = Recorder()
        sampler(recorder, absent=absent).walk(MODES[mode], known())
        for evaluation, points in zip(drawn, recorder.asked, strict=True):
            expected = noise.latent(modality, 0, "absent", evaluation)
            assert same(points[point][0][modality], expected)
    assert not same(noise.latent(modality, 0, "absent", 0), noise.latent(modality, 0, "absent", 1))
    assert not same(noise.latent(modality, 0, "absent", 0), noise.latent(modality, 0, "start", 0))


def test_the_empty_prompt_stands_in_for_the_text_of_t2i_alone() -> None:
    empty = known((40, 41)).text
    asked = {}
    for mode in ("t2i", "i2t", "joint", "i", "i2t2i"):
        recorder = Recorder()
        sampler(recorder, negative=empty).walk(MODES[mode], known())
        asked[mode] = recorder
    assert asked["t2i"].levels == [[(t, 0), (t, 0)] for t in TIMES]
    assert all(same(points[1][0].text, empty) for points in asked["t2i"].asked)
    for mode in ("i2t", "joint", "i"):
        assert asked[mode].levels == [at(leg, t) for leg in ASKED[mode] for t in TIMES]
    assert asked["i2t2i"].levels[STEPS:] == asked["t2i"].levels


def test_the_last_noise_is_removed_on_request() -> None:
    recorder = Recorder()
    plain = sampler().walk(MODES["i"], known())
    clean = sampler(recorder, final_denoise=True).walk(MODES["i"], known())
    assert recorder.levels == [[(t, 1)] for t in uniform_times(STEPS)]
    assert not same(plain.image, clean.image)


def test_a_start_can_be_injected() -> None:
    start = known((50, 51))
    recorder = Recorder()
    sampler(recorder).sample(Leg(Role.SAMPLED, Role.SAMPLED), known(), start=start)
    assert same(recorder.asked[0][0][0], start)
