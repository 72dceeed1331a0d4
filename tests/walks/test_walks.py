"""Walks between picture and words, on the model of random weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from PIL import Image

from unidiff_cli.core.latents import Latent, slerp
from unidiff_cli.core.sampler import Sampler, as_solver
from unidiff_cli.core.schedule import stable_diffusion
from unidiff_cli.core.solver import ddim, invert_ddim, log_snr_times
from unidiff_cli.engine.pipeline import UniDiffuser
from unidiff_cli.errors import DegenerateResult, OutOfMemory, UsageError
from unidiff_cli.files.pictures import psnr
from unidiff_cli.request import Request
from unidiff_cli.walks import interpolate as module
from unidiff_cli.walks.asked import Stage
from unidiff_cli.walks.chain import chain
from unidiff_cli.walks.interpolate import interpolate, invert
from unidiff_cli.walks.walker import DRAW, Walker

FOX = Request(mode="t2i", prompt="a red fox", seed=3)


@pytest.fixture(scope="module")
def model() -> UniDiffuser:
    return UniDiffuser.load("tiny", device="cpu", dtype="fp32")


def fractal() -> Image.Image:
    return Image.effect_mandelbrot((64, 64), (-2, -1.5, 1, 1.5), 50).convert("RGB")


def rings() -> Image.Image:
    return Image.radial_gradient("L").resize((80, 50)).convert("RGB")


def same(stage: Stage, other: Stage) -> bool:
    pictures = [each.image.tobytes() if each.image else b"" for each in (stage, other)]
    return pictures[0] == pictures[1] and stage.text == other.text


class TestChain:
    def test_a_prompt_leads_to_pictures_and_words_by_turns(self, model: UniDiffuser) -> None:
        stages = list(chain(model, FOX, 2))
        assert [stage.image is not None for stage in stages] == [False, True, False, True, False]
        assert [stage.given for stage in stages] == [True, False, False, False, False]
        assert stages[0].text == "a red fox"

    def test_a_picture_leads_to_words_first(self, model: UniDiffuser) -> None:
        stages = list(chain(model, Request(mode="i2t", image=rings(), seed=3), 1))
        assert [stage.image is not None for stage in stages] == [True, False, True]
        assert stages[0].given

    def test_it_begins_as_the_mode_does(self, model: UniDiffuser) -> None:
        made = list(chain(model, FOX, 1))[1]
        (alone,) = model.run(FOX).images
        assert made.image is not None
        assert made.image.tobytes() == alone.tobytes()

    def test_it_is_pushed_off_what_the_mode_is_pushed_off(self, model: UniDiffuser) -> None:
        asked = replace(FOX, unconditional="empty")
        made = list(chain(model, asked, 1))[1]
        (alone,) = model.run(asked).images
        assert made.image is not None
        assert made.image.tobytes() == alone.tobytes()

    def test_through_latents_two_legs_are_the_variation_of_a_sentence(
        self, model: UniDiffuser
    ) -> None:
        (words,) = model.run(replace(FOX, mode="t2i2t")).texts
        assert list(chain(model, FOX, 1))[2].text == words

    def test_every_stage_has_noise_of_its_own(self, model: UniDiffuser) -> None:
        stages = [each for each in chain(model, FOX, 3, "words") if each.image is not None]
        assert len({stage.image.tobytes() for stage in stages if stage.image}) == 3

    def test_the_seed_fixes_all_of_it(self, model: UniDiffuser) -> None:
        first, again = list(chain(model, FOX, 2)), list(chain(model, FOX, 2))
        other = list(chain(model, replace(FOX, seed=4), 2))
        assert all(same(a, b) for a, b in zip(first, again, strict=True))
        assert not same(first[1], other[1])

    def test_through_words_the_decoded_caption_is_encoded_again(
        self, model: UniDiffuser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given: list[torch.Tensor] = []
        sample = Sampler.sample

        def recording(self: Any, leg: Any, known: Any, *rest: Any, **named: Any) -> Any:
            if leg is DRAW:
                given.append(known.text.parts[0])
            return sample(self, leg, known, *rest, **named)

        monkeypatch.setattr(Sampler, "sample", recording)
        words = [each.text for each in chain(model, FOX, 2, "words") if each.text is not None]
        texts = Walker.prepare(model, model.resolve(FOX)).texts
        for latent, said in zip(given, words[:2], strict=True):
            assert torch.equal(latent, texts.encode([said]).parts[0])
        by_words, given[:] = given[1], []
        list(chain(model, FOX, 2, "latents"))
        assert not torch.equal(given[1], by_words)

    @pytest.mark.parametrize("rounds", [0, -1])
    def test_it_has_a_round_at_least(self, model: UniDiffuser, rounds: int) -> None:
        with pytest.raises(UsageError, match="rounds"):
            chain(model, FOX, rounds)

    def test_it_begins_with_something(self, model: UniDiffuser) -> None:
        with pytest.raises(UsageError, match="prompt or a picture"):
            chain(model, Request(mode="joint"), 1)


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


class TestSlerp:
    def rows(self, seed: int) -> Latent:
        draw = torch.Generator().manual_seed(seed)
        return Latent(tuple(torch.randn(2, *s, generator=draw) for s in ((4, 4, 4), (1, 16))))

    def test_it_begins_and_ends_where_it_should(self) -> None:
        a, b = self.rows(0), self.rows(1)
        for at, end in ((0.0, a), (1.0, b)):
            for got, wanted in zip(slerp(a, b, at).parts, end.parts, strict=True):
                assert torch.allclose(got, wanted, atol=1e-5)

    def test_lengths_change_evenly_and_angles_too(self) -> None:
        a, b = self.rows(0), 2.0 * self.rows(1)
        part_a, part_b = (latent.parts[0].flatten(1) for latent in (a, b))
        middle = slerp(a, b, 0.25).parts[0].flatten(1)
        wanted = 0.75 * part_a.norm(dim=1) + 0.25 * part_b.norm(dim=1)
        assert torch.allclose(middle.norm(dim=1), wanted, atol=1e-4)
        cosine = torch.nn.functional.cosine_similarity
        whole = cosine(part_a, part_b).arccos()
        assert torch.allclose(cosine(part_a, middle).arccos(), 0.25 * whole, atol=1e-4)

    def test_rows_and_parts_do_not_see_each_other(self) -> None:
        a, b = self.rows(0), self.rows(1)
        alone = slerp(a[slice(1, 2)], b[slice(1, 2)], 0.3)
        both = slerp(a, b, 0.3)[slice(1, 2)]
        for one, other in zip(alone.parts, both.parts, strict=True):
            assert torch.allclose(one, other)

    def test_parallel_ends_are_joined_by_a_line(self) -> None:
        a = self.rows(0)
        for factor in (1.0, 3.0):
            for got, part in zip(slerp(a, factor * a, 0.5).parts, a.parts, strict=True):
                assert torch.allclose(got, (1 + factor) / 2 * part, atol=1e-4)

    def test_a_zero_is_no_accident(self) -> None:
        zero = Latent((torch.zeros(1, 4),))
        assert bool(slerp(zero, Latent((torch.ones(1, 4),)), 0.5).finite.all())


class TestTrouble:
    def test_numbers_that_are_none_are_a_degenerate_result(
        self, model: UniDiffuser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "slerp", lambda a, b, at: a.map(lambda x: x * torch.nan))
        with pytest.raises(DegenerateResult):
            list(interpolate(model, FOX, FOX, count=2))

    def test_a_full_memory_is_told_as_such(
        self, model: UniDiffuser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: Any, **__: Any) -> None:
            raise torch.OutOfMemoryError("CUDA out of memory")

        monkeypatch.setattr(Sampler, "sample", full)
        stages = chain(model, FOX, 1)
        assert next(stages).given
        with pytest.raises(OutOfMemory):
            next(stages)

    def test_other_errors_stay_what_they_are(
        self, model: UniDiffuser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: Any, **__: Any) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(Sampler, "sample", broken)
        with pytest.raises(ZeroDivisionError):
            list(chain(model, FOX, 1))
