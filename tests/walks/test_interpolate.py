"""Between two inputs, there and back, on the model of random weights."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.walks.conftest import FOX, fractal, rings, same
from unidiff_cli.core.sampler import as_solver
from unidiff_cli.core.schedule import stable_diffusion
from unidiff_cli.core.solver import ddim, invert_ddim, log_snr_times
from unidiff_cli.engine.pipeline import UniDiffuser
from unidiff_cli.errors import DegenerateResult, UsageError
from unidiff_cli.files.pictures import psnr
from unidiff_cli.request import Request
from unidiff_cli.walks import interpolate as module
from unidiff_cli.walks.interpolate import interpolate, invert
from unidiff_cli.walks.walker import DRAW, Walker


class TestInterpolate:
    def test_the_ends_are_the_pictures_as_the_vae_sees_them(self, model: UniDiffuser) -> None:
        # With random weights the way back is not found from every noise.
        ends = [Request(mode="i2t", image=each, seed=3) for each in (fractal(), rings())]
        stages = list(interpolate(model, *ends, count=3, ode_steps=30))
        walker = Walker.prepare(model, model.resolve(ends[0]))
        for stage, given in ((stages[0], fractal()), (stages[2], rings())):
            (seen,) = walker.images.decode(walker.read(given))
            assert stage.image is not None
            assert stage.fidelity == psnr(stage.image, seen)
            assert stage.fidelity >= 30
        middle = stages[1]
        assert middle.fidelity is None
        assert not any(same(middle, end) for end in (stages[0], stages[2]))

    def test_between_prompts_the_ends_are_the_prompts_own_pictures(
        self, model: UniDiffuser
    ) -> None:
        owl = Request(mode="t2i", prompt="an owl")
        stages = list(interpolate(model, FOX, owl, count=3))
        for stage, prompt in ((stages[0], "a red fox"), (stages[2], "an owl")):
            (alone,) = model.run(replace(FOX, prompt=prompt, absent="fixed")).images
            assert stage.image is not None
            assert psnr(stage.image, alone) > 45

    def test_it_is_the_same_every_time(self, model: UniDiffuser) -> None:
        owl = Request(mode="t2i", prompt="an owl")
        first, again = (list(interpolate(model, FOX, owl, count=2)) for _ in range(2))
        assert all(same(a, b) for a, b in zip(first, again, strict=True))

    def test_its_ends_are_of_one_kind_and_there_are_two(self, model: UniDiffuser) -> None:
        picture = Request(mode="i2t", image=rings())
        with pytest.raises(UsageError, match="two pictures or two prompts"):
            interpolate(model, FOX, picture, count=3)
        with pytest.raises(UsageError, match="number of stages"):
            interpolate(model, FOX, FOX, count=1)


class TestInversion:
    def test_floats_come_back_exactly(self) -> None:
        schedule = stable_diffusion()

        def clean(x: float, t: float) -> float:
            """The mean of a Gaussian N(0.4, 0.25) given x at t."""
            alpha, sigma = schedule.alpha(t), schedule.sigma(t)
            return (0.4 * sigma**2 + alpha * 0.25 * x) / (sigma**2 + 0.25 * alpha**2)

        times = log_snr_times(50, schedule)
        end = ddim(clean, 0.7, times, schedule)
        back = invert_ddim(clean, end, times, schedule, lambda a, b: abs(a - b) < 1e-9, 50)
        assert back == pytest.approx(0.7, abs=1e-6)

    def test_more_iterations_bring_it_closer(self) -> None:
        schedule = stable_diffusion()
        times = log_snr_times(20, schedule)

        def clean(x: float, t: float) -> float:
            return 0.5 * x

        end = ddim(clean, 0.7, times, schedule)
        errors = [
            abs(invert_ddim(clean, end, times, schedule, lambda a, b: False, most) - 0.7)
            for most in (1, 2, 4)
        ]
        assert errors[0] > 4 * errors[1] > 16 * errors[2]

    def test_it_iterates_no_more_than_it_takes(self) -> None:
        asked: list[float] = []

        def clean(x: float, t: float) -> float:
            asked.append(t)
            return 0.5 * x

        schedule = stable_diffusion()
        times = log_snr_times(20, schedule)
        invert_ddim(clean, 0.7, times, schedule, lambda a, b: abs(a - b) < 1e-3, 50)
        assert 20 < len(asked) < 5 * 20

    def test_the_network_leads_back_to_the_latents(self, model: UniDiffuser) -> None:
        asked = model.resolve(Request(mode="i2t", image=rings(), seed=1, absent="fixed"))
        walker = Walker.prepare(model, asked)
        schedule = walker.sampler.schedule
        ode = replace(
            walker.sampler,
            solver=as_solver(ddim),
            times=log_snr_times(30, schedule),
            guidance=0.0,
        )
        known = walker.noise.latents(0, "start").put("image", walker.read(rings()))
        start = invert(ode, DRAW, known)
        back = ode.sample(DRAW, known, start=start)
        for one, other in zip(known.image.parts, back.image.parts, strict=True):
            assert torch.allclose(one, other, atol=0.02)


class TestTrouble:
    def test_numbers_that_are_none_are_a_degenerate_result(
        self, model: UniDiffuser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "slerp", lambda a, b, at: a.map(lambda x: x * torch.nan))
        with pytest.raises(DegenerateResult):
            list(interpolate(model, FOX, FOX, count=2))
