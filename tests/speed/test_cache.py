"""The cache of the U-ViT's middle: what it computes, what it keeps, when it forgets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch
from PIL import Image

from unidiff_cli import Request, UniDiffuser
from unidiff_cli.core.modes import MODES
from unidiff_cli.core.sampler import Levels, Sampler
from unidiff_cli.errors import UsageError
from unidiff_cli.files.pictures import psnr
from unidiff_cli.nets.uvit import Noises
from unidiff_cli.request import Output
from unidiff_cli.speed.cache import PLANS, Kept, Plan, SkipCache
from unidiff_cli.walks.chain import chain
from unidiff_cli.walks.interpolate import interpolate

STEPS = 6
ALWAYS = Plan(99, 1e9)


@pytest.fixture(scope="module")
def model() -> UniDiffuser:
    return UniDiffuser.load("tiny", device="cpu", dtype="fp32")


@pytest.fixture
def photo(tmp_path: Path) -> str:
    Image.effect_noise((50, 40), 80).convert("RGB").save(tmp_path / "photo.png")
    return str(tmp_path / "photo.png")


WHOLE = [name for name, mode in MODES.items() if "image" in mode.yields and not mode.revises]
"""Modes that draw from noise to the end: of an edit few evaluations are left to compare."""


def ask(mode: str, photo: str, **options: Any) -> Request:
    """A request of any mode with what it needs."""
    given = {"text": {"prompt": "a red fox"}, "image": {"image": photo}, None: {}}
    settings = {"seed": 5, "steps": STEPS, "guidance": 1.0}
    return Request(mode=mode, **{**settings, **given[MODES[mode].needs], **options})


def counted(model: UniDiffuser) -> tuple[UniDiffuser, list[SkipCache | None]]:
    """The model, and the caches of its samplers as they come."""
    caches: list[SkipCache | None] = []

    def watch(sampler: Sampler) -> Sampler:
        caches.append(vars(sampler.predict)["cache"])
        return sampler

    return replace(model, watch=watch), caches


def same(first: Output, second: Output) -> bool:
    """Whether two samples are equal to the last bit."""
    if first.image is None or second.image is None:
        return first.text == second.text and first.image is second.image
    return first.text == second.text and first.image.tobytes() == second.image.tobytes()


@pytest.mark.parametrize("mode", MODES)
def test_a_threshold_of_zero_is_no_cache_at_all(
    model: UniDiffuser, photo: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PLANS, "max", Plan(1, 0.0))
    watched, caches = counted(model)
    plain, kept = (watched.run(ask(mode, photo, fast=fast)).outputs[0] for fast in ("off", "max"))
    assert same(plain, kept)
    off, on = caches
    assert off is None
    assert on is not None
    assert on.reused == 0 < on.evaluations


def test_safe_is_exact_where_picture_and_words_are_sampled_together(
    model: UniDiffuser, photo: str
) -> None:
    watched, caches = counted(model)
    plain, safe = (
        watched.run(ask("joint", photo, fast=fast)).outputs[0] for fast in ("off", "safe")
    )
    assert same(plain, safe)
    assert caches == [None, None]


def levels_of(mode: str) -> tuple[str, ...]:
    """The levels that leave something out in a mode."""
    return ("max",) if mode == "joint" else ("safe", "max")


@pytest.mark.parametrize("mode", MODES)
def test_the_middle_is_reused(model: UniDiffuser, photo: str, mode: str) -> None:
    watched, caches = counted(model)
    made = {
        fast: watched.run(ask(mode, photo, fast=fast)).outputs[0]
        for fast in ("off", *levels_of(mode))
    }
    used = [cache for cache in caches if cache is not None]
    reused = [cache.reused for cache in used]
    assert len(used) == len(levels_of(mode))
    assert 0 < reused[0] <= reused[-1] < used[0].evaluations == used[-1].evaluations
    assert made["off"].image is None or not same(made["off"], made["max"])


@pytest.mark.parametrize("mode", WHOLE)
def test_what_is_drawn_on_is_nearer_than_no_middle(
    model: UniDiffuser, photo: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over some seeds, since with random weights single pictures jump, differently on each CPU."""

    def pictures(fast: str) -> list[Image.Image | None]:
        requests = [ask(mode, photo, fast=fast, seed=seed) for seed in range(6)]
        return [model.run(request).outputs[0].image for request in requests]

    def nearness(fast: str) -> float:
        pairs = zip(plain, pictures(fast), strict=True)
        return fmean(psnr(a, b) for a, b in pairs if a is not None and b is not None)

    plain = pictures("off")
    near = {fast: nearness(fast) for fast in levels_of(mode)}
    monkeypatch.setattr(Kept, "at", lambda self, time: torch.zeros_like(self.middle))
    for fast, decibels in near.items():
        assert decibels > nearness(fast) + 3


@pytest.mark.parametrize("mode", MODES)
def test_a_sample_does_not_depend_on_its_batch(model: UniDiffuser, photo: str, mode: str) -> None:
    request = ask(mode, photo, fast="max", count=3)
    together = [r.outputs[0] for r in model.stream([request], batch_size=3)]
    alone = [model.run(ask(mode, photo, fast="max", seed=5 + k)).outputs[0] for k in range(3)]
    assert all(map(same, together, alone))


def test_rows_decide_for_themselves_in_one_batch(model: UniDiffuser, photo: str) -> None:
    """As on a GPU, where all samples go through the network together."""

    def in_one(sampler: Sampler) -> Sampler:
        object.__setattr__(sampler.predict, "sample_by_sample", False)
        return sampler

    requests = [ask("joint", photo, fast="max", seed=seed) for seed in (1, 2, 3)]
    watched, caches = counted(model)
    alone = [watched.run(request).outputs[0].image for request in requests]
    counts = [each.reused for each in caches if each is not None]
    together, shared = counted(model)
    joined = replace(
        together,
        watch=lambda sampler: in_one(together.watch(sampler)),  # type: ignore[misc]
    )
    for result, expected in zip(joined.stream(requests, batch_size=3), alone, strict=True):
        found = result.outputs[0].image
        assert found is not None
        assert expected is not None
        assert psnr(found, expected) > 45
    (one,) = shared
    assert one is not None
    assert one.reused == sum(counts)


def levels(image: float, text: float) -> Levels:
    return Levels(image, text)


def test_another_walk_knows_nothing_of_this_one(model: UniDiffuser) -> None:
    skip = SkipCache(model.parts.module("uvit", torch.float32), ALWAYS)
    inputs = network_inputs(skip)

    def asked(*at: float) -> bool:
        """Whether the middle was computed at these levels."""
        before = skip.reused
        skip.begin(levels(*at))
        found = skip([(0, 0)], [levels(*at)], *inputs)
        assert isinstance(found, Noises)
        return skip.reused == before

    assert asked(1.0, 0.0)
    assert not asked(0.9, 0.0)
    assert not asked(0.1, 0.0)
    # A leg that is sampled once more, another leg, and a walk of one step taken twice.
    assert asked(1.0, 0.0)
    assert not asked(0.5, 0.0)
    assert asked(0.0, 1.0)
    assert not asked(0.0, 0.9)
    assert asked(1.0, 0.0)
    assert asked(1.0, 0.0)


def test_points_and_samples_have_a_memory_each(model: UniDiffuser) -> None:
    skip = SkipCache(model.parts.module("uvit", torch.float32), ALWAYS)
    inputs = network_inputs(skip)
    skip.begin(levels(1.0, 0.0))
    skip([(0, 0)], [levels(1.0, 0.0)], *inputs)
    skip.begin(levels(0.9, 0.0))
    for place in ((0, 1), (1, 0)):
        skip([place], [levels(0.9, 0.0)], *inputs)
    assert skip.reused == 0
    skip([(0, 0)], [levels(0.9, 0.0)], *inputs)
    assert skip.reused == 1


def network_inputs(skip: SkipCache) -> list[torch.Tensor]:
    """One row of noise."""
    config = skip.net.config
    torch.manual_seed(0)
    return [
        torch.randn(1, config.channels, config.size, config.size),
        torch.randn(1, 1, config.clip_dim),
        torch.randn(1, config.text_tokens, config.text_dim),
        torch.tensor([500.0]),
        torch.tensor([0.0]),
    ]


def test_the_middle_is_drawn_on_in_a_line_and_not_for_long(model: UniDiffuser) -> None:
    skip = SkipCache(model.parts.module("uvit", torch.float32), Plan(2, 1e9))
    inputs = network_inputs(skip)
    times = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
    computed, seen = [], []
    skip.net.mid_block.register_forward_hook(lambda *_: computed.append(time))
    skip.net.out_blocks[-1].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    for time in times:
        skip.begin(levels(time, 0.0))
        noisy = [time * inputs[0], *inputs[1:3], torch.tensor([1000 * time]), inputs[4]]
        skip([(0, 0)], [levels(time, 0.0)], *noisy)
    assert computed == [1.0, 0.7]
    # The first two have nothing to draw a line through; then it is never longer than the last.
    assert torch.equal(seen[1], seen[0])
    assert torch.equal(seen[2], seen[0])
    slope = (seen[3] - seen[0]) / (0.7 - 1.0)
    torch.testing.assert_close(seen[4], seen[3] + (0.6 - 0.7) * slope)
    torch.testing.assert_close(seen[5], seen[3] + (0.5 - 0.7) * slope)


def test_outer_blocks_are_computed_every_time(model: UniDiffuser) -> None:
    skip = SkipCache(model.parts.module("uvit", torch.float32), ALWAYS)
    calls: list[str] = []
    for name, block in skip.net.named_modules():
        if name.split(".")[0] in ("in_blocks", "mid_block", "out_blocks") and name.count(".") < 2:
            block.register_forward_hook(lambda *_, name=name: calls.append(name))
    inputs = network_inputs(skip)
    for t in (1.0, 0.9):
        calls.clear()
        skip.begin(levels(t, 0.0))
        skip([(0, 0)], [levels(t, 0.0)], *inputs)
    depth = len(skip.net.in_blocks)
    assert calls == ["in_blocks.0", f"out_blocks.{depth - 1}"]


def test_walks_are_faster_too_and_the_ode_between_pictures_is_exact(
    model: UniDiffuser, photo: str
) -> None:
    watched, caches = counted(model)
    assert len(list(chain(watched, ask("t2i", photo, fast="max"), 2))) == 5
    (walk,) = caches
    assert walk is not None
    assert walk.reused > 0
    caches.clear()
    ends = [ask("i2t", photo, fast=fast, steps=2, guidance=0.0) for fast in ("max", "off")]
    near, plain = ([*interpolate(watched, end, end, 2, 4)] for end in ends)
    assert [stage.fidelity for stage in near] == [stage.fidelity for stage in plain]


def test_a_level_has_a_name(photo: str) -> None:
    assert ask("i", photo).fast == "off"
    assert "fast" in ask("i", photo).to_json()
    with pytest.raises(UsageError, match="no fast 'fastest'"):
        ask("i", photo, fast="fastest")
