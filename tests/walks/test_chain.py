"""Back and forth between picture and words, on the model of random weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from tests.walks.conftest import FOX, rings, same
from unidiff_cli.core.sampler import Sampler
from unidiff_cli.engine.pipeline import UniDiffuser
from unidiff_cli.errors import OutOfMemory, UsageError
from unidiff_cli.request import Request
from unidiff_cli.walks.chain import chain
from unidiff_cli.walks.walker import DRAW, Walker


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


class TestTrouble:
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
