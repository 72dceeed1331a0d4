"""Edits on the random model: shapes, masks, words, levels and the best of several."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from unidiff_cli import Request, UniDiffuser
from unidiff_cli.core.latents import Latents
from unidiff_cli.core.sampler import Levels
from unidiff_cli.core.schedule import stable_diffusion
from unidiff_cli.engine.best import candidates
from unidiff_cli.engine.fit import Fit
from unidiff_cli.engine.gain import gain
from unidiff_cli.engine.model import path_of
from unidiff_cli.engine.score import DRAWS, Scorer, weighed
from unidiff_cli.errors import InputError, UnidiffError, UsageError
from unidiff_cli.files.canvas import Canvas, seam
from unidiff_cli.progress import Silence
from unidiff_cli.request import Output

SIZE = (50, 40)


@pytest.fixture(scope="module")
def model() -> UniDiffuser:
    return UniDiffuser.load("tiny", device="cpu", dtype="fp32")


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    return Image.effect_noise(SIZE, 80).convert("RGB")


def edit(photo: Image.Image, **options: Any) -> Request:
    return Request(
        mode="edit", **{"prompt": "a red fox", "image": photo, "seed": 5, "steps": 4, **options}
    )


def mask(box: tuple[int, int, int, int], size: tuple[int, int] = SIZE) -> Image.Image:
    """White in a box, its last row and column included."""
    picture = Image.new("L", size, 0)
    ImageDraw.Draw(picture).rectangle(box, fill=255)
    return picture


def pixels(picture: Image.Image | None) -> NDArray[np.uint8]:
    assert picture is not None
    return np.asarray(picture)


def made(model: UniDiffuser, request: Request) -> NDArray[np.uint8]:
    return pixels(model.run(request).images[0])


def test_an_edit_keeps_the_pictures_size_in_about_the_models_pixels(
    model: UniDiffuser, photo: Image.Image
) -> None:
    result = model.run(edit(photo))
    assert result.images[0].size == SIZE
    assert result.request.size == (32, 32)
    assert result.request.strength == 0.6
    wide = model.resolve(edit(photo.resize((200, 50))))
    assert wide.size == (64, 16)
    assert model.resolve(edit(photo, extend=(100, 0, 50, 10))).size == (64, 16)
    assert model.resolve(edit(photo, size=(16, 48))).size == (16, 48)


def test_strength_1_is_t2i_and_0_is_what_the_vae_makes_of_it(
    model: UniDiffuser, photo: Image.Image
) -> None:
    square = photo.resize((32, 32))
    drawn = made(model, Request(mode="t2i", prompt="a red fox", seed=5, steps=4))
    assert np.array_equal(made(model, edit(square, strength=1.0)), drawn)
    images, _ = model.parts.codecs(model.dtype)
    latent = images.encode([square], 32, 32, model.parts.noise([5], 32, 32))
    (seen,) = images.decode(latent)
    assert np.array_equal(made(model, edit(square, strength=0.0)), pixels(seen))
    assert not np.array_equal(made(model, edit(square, strength=0.5)), drawn)


def test_settings_are_those_of_the_path_that_is_walked(photo: Image.Image) -> None:
    assert path_of(edit(photo)) == "edit"
    assert path_of(edit(photo, strength=1.0)) == "t2i"
    assert path_of(edit(photo, prompt=None, strength=1.0)) == "i2t2i"
    assert path_of(edit(photo, prompt=None)) == "i2t2i"
    assert path_of(edit(photo, extend=(0, 0, 9, 0))) == "t2i"
    assert path_of(Request(mode="t2i", prompt="a fox", text_level=0.2)) == "t2i"


def test_without_words_the_picture_is_read_first(model: UniDiffuser, photo: Image.Image) -> None:
    square = photo.resize((32, 32))
    free = made(model, edit(square, prompt=None, strength=1.0))
    assert np.array_equal(free, made(model, Request(mode="i2t2i", image=square, seed=5, steps=4)))


@pytest.mark.parametrize(
    "options",
    [{}, {"strength": 0.5}, {"feather": 3}, {"harmonise": 1}, {"prompt": None}, {"best_of": 2}],
    ids=str,
)
def test_outside_the_mask_every_pixel_stays(
    model: UniDiffuser, photo: Image.Image, options: dict[str, Any]
) -> None:
    box = mask((20, 5, 34, 30))
    changed = made(model, edit(photo, mask=box, **options))
    outside = pixels(box) == 0
    assert np.array_equal(changed[outside], pixels(photo)[outside])
    assert not np.array_equal(changed[~outside], pixels(photo)[~outside])


def test_a_picture_is_extended_on_each_side(model: UniDiffuser, photo: Image.Image) -> None:
    left, top, right, bottom = margins = (8, 3, 0, 12)
    grown = made(model, edit(photo, extend=margins))
    assert grown.shape == (SIZE[1] + top + bottom, SIZE[0] + left + right, 3)
    assert np.array_equal(grown[top : top + SIZE[1], left:], pixels(photo))
    also = made(model, edit(photo, extend=margins, mask=mask((0, 0, 9, 9))))
    inner = also[top : top + SIZE[1], left:]
    assert np.array_equal(inner[10:], pixels(photo)[10:])
    assert not np.array_equal(inner[:10, :10], pixels(photo)[:10, :10])


def test_a_seam_is_soft_inside_the_mask_alone() -> None:
    box = mask((10, 10, 29, 29), (40, 40))
    soft = pixels(seam(box, 4))
    assert (soft[pixels(box) == 0] == 0).all()
    assert soft[20, 10:16].tolist() == [51, 102, 153, 204, 255, 255]
    assert soft[20, 20] == 255
    # At the picture's own edge there is no seam.
    assert (pixels(seam(mask((0, 0, 39, 39), (40, 40)), 4)) == 255).all()


def test_a_mask_may_be_white_or_opaque_and_of_any_size(photo: Image.Image) -> None:
    box = mask((20, 5, 34, 30))
    clear = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    clear.paste((9, 9, 9, 255), (20, 5, 35, 31))
    double = box.resize((100, 80), Image.Resampling.NEAREST)
    for one in (box, box.convert("RGB"), clear, double):
        assert np.array_equal(pixels(Canvas.of(edit(photo, mask=one)).change), pixels(box))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (Image.new("L", SIZE, 0), "nothing to change"),
        (Image.new("L", SIZE, 255), "everything to change"),
        (mask((0, 0, 5, 5), (40, 40)), "of another shape"),
        ("nowhere.png", "no file nowhere.png"),
    ],
    ids=["empty", "full", "another shape", "missing"],
)
def test_a_mask_that_is_none_is_said(
    model: UniDiffuser, photo: Image.Image, wrong: Any, sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        model.run(edit(photo, mask=wrong))


def test_words_besides_the_prompt_change_what_is_made(model: UniDiffuser) -> None:
    plain = Request(mode="t2i", prompt="a red fox", seed=5, steps=3)
    every = [
        made(model, replace(plain, **change))  # type: ignore[arg-type]
        for change in (
            {},
            {"negative": "snow"},
            {"negative": ""},
            {"also": (("snow", 0.5),)},
            {"also": (("snow", 1.0),)},
            {"text_level": 0.5},
        )
    ]
    assert len({picture.tobytes() for picture in every}) == len(every)
    empty = made(model, replace(plain, unconditional="empty"))
    assert np.array_equal(every[2], empty)
    assert np.array_equal(made(model, replace(plain, text_level=0.0)), every[0])


def test_at_level_1_nothing_is_left_of_what_is_given(
    model: UniDiffuser, photo: Image.Image
) -> None:
    free = made(model, Request(mode="i", seed=5, steps=3))
    veiled = Request(mode="t2i", prompt="a red fox", text_level=1.0, seed=5, steps=3)
    np.testing.assert_allclose(made(model, veiled).astype(int), free, atol=1)
    words = model.run(Request(mode="t", seed=5, steps=3)).texts
    blind = Request(mode="i2t", image=photo, image_level=1.0, seed=5, steps=3)
    assert model.run(blind).texts == words


@pytest.mark.parametrize("mode", ["t2i", "joint", "edit"])
def test_the_best_of_several_is_the_one_with_the_highest_score(
    model: UniDiffuser, photo: Image.Image, mode: str
) -> None:
    given = {"t2i": {"prompt": "a fox"}, "joint": {}, "edit": {"prompt": "a fox", "image": photo}}
    request = Request(mode=mode, seed=5, steps=2, best_of=3, **given[mode])  # type: ignore[arg-type]
    result = model.run(request)
    (best,) = result.outputs
    assert result.request.best_of == 3
    some = [model.run(one).outputs[0] for one in candidates(model.resolve(request))]
    assert some[0].seed == 5
    assert len({output.seed for output in some}) == 3

    def score(output: Output) -> float:
        assert output.image is not None
        picture = output.image.resize((32, 32)) if mode == "edit" else output.image
        return gain(model, picture, output.text or "a fox")

    if mode != "edit":  # there the model scores what it made at its own size
        assert best.fit == pytest.approx(max(map(score, some)))
    (chosen,) = [output for output in some if output.seed == best.seed]
    assert np.array_equal(pixels(chosen.image), pixels(best.image))
    assert all(output.fit is None for output in some)


def test_texts_are_told_in_order_and_those_out_of_reach_get_fewer_draws(
    model: UniDiffuser, photo: Image.Image
) -> None:
    texts = [f"a fox number {k}" for k in range(40)]
    scorer = Scorer.of(model, texts)
    fits = scorer(photo, draws=4)
    assert sorted(fit.text for fit in fits) == sorted(texts)
    scores = [fit.score for fit in fits]
    asked = [fit.evaluations for fit in fits]
    assert asked == sorted(asked, reverse=True)
    assert asked.count(4) == 8
    assert asked.count(1) == 30
    assert scores[:8] == sorted(scores[:8], reverse=True)
    errors = [fit.error or 0.0 for fit in fits]
    assert 0 < errors[0] < errors[-1]
    # The first are what they are alone: all candidates share their draws.
    alone: Fit = Scorer.of(model, [fits[0].text])(photo, draws=4)[0]
    assert alone.score == pytest.approx(fits[0].score, rel=1e-4)
    assert [fit.evaluations for fit in scorer(photo, keep=40)] == [DRAWS] * 40
    single = Scorer.of(model, texts[:2])(photo, draws=1)
    assert [fit.error for fit in single] == [None, None]


def test_all_of_a_picture_weighs_as_much_as_its_squares_together() -> None:
    views = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))
    long, short = weighed(views).unflatten(0, views.shape), views.pow(2).sum(1).tolist()
    assert long.pow(2).sum(1).tolist() == pytest.approx([4 * short[0], *short[1:]])
    assert torch.equal(weighed(views[:1]), views[0].double())


def test_a_score_is_its_formula(model: UniDiffuser, photo: Image.Image) -> None:
    scorer = Scorer.of(model, ["a fox"], seed=7)
    (fit,) = scorer(photo, draws=2)
    noise = model.parts.noise([7], 32, 32)
    shown = scorer.read(photo).parts[1]
    schedule = stable_diffusion()
    gains = []
    for draw in range(2):
        z, expected = noise.latent("image", 0, "score", draw), []
        absent = noise.latent("text", 0, "absent", draw)
        for words, level in ((absent, 1.0), (scorer.latents, 0.0)):
            (found,) = scorer.predict([(Latents(z, words), Levels(1.0, level))])
            clean = z.parts[1] - schedule.sigma(1.0) * found.image.parts[1]
            expected.append(clean / schedule.alpha(1.0))
        bare, said = expected
        scale = float(((shown - bare) * (said - bare)).sum() / (said - bare).pow(2).sum())
        guided = bare + scale * (said - bare)
        gain = float((shown - bare).pow(2).sum() - (shown - guided).pow(2).sum())
        gains.append(gain if scale > 0 else -gain)
    assert fit.score == pytest.approx(sum(gains) / 2, rel=1e-4, abs=1e-3)
    assert fit.error == pytest.approx(abs(gains[0] - gains[1]) / 2, rel=1e-3, abs=1e-3)
    # A prediction knows nothing of the picture: another one asks the network nothing more.
    asked = replace(scorer, predict=lambda points: pytest.fail("it is known already"))
    assert asked(photo.rotate(90), draws=2)[0].text == "a fox"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"mode": "t2i", "prompt": "a", "strength": 0.5}, "begins with a picture"),
        ({"mode": "t2i", "prompt": "a", "mask": "m.png"}, "edits none"),
        ({"mode": "t2i", "prompt": "a", "image_level": 0.5}, "has none"),
        ({"mode": "i2t", "image": "a.png", "negative": "b"}, "is not"),
        ({"mode": "i2t2i", "image": "a.png", "also": [["b", 1]]}, "has none"),
        ({"mode": "i2t", "image": "a.png", "text_level": 0.5}, "is given none"),
        ({"mode": "i", "best_of": 2}, "no such pair"),
        ({"mode": "edit", "image": "a.png", "best_of": 2}, "no such pair"),
        ({"mode": "edit", "image": "a.png", "feather": 3}, "there is none"),
        ({"mode": "edit", "image": "a.png", "prompt": "b", "image_level": 0.2}, "has none"),
        (
            {"mode": "t2i", "prompt": "a", "negative": "b", "unconditional": "empty"},
            "not from both",
        ),
        ({"mode": "t2i", "prompt": "a", "text_level": 0.2, "fast": "max"}, "which level falls"),
        ({"mode": "t2i", "prompt": "a", "text_level": 1.5}, "from 0 to 1"),
        ({"mode": "t2i", "prompt": "a", "also": [["b"]]}, "words and a weight"),
        ({"mode": "t2i", "prompt": "a", "also": [["b", None]]}, "words and a weight"),
        ({"mode": "t2i", "prompt": "a", "also": []}, "1 to 8 prompts"),
        ({"mode": "t2i", "prompt": "a", "negative": 3}, "is text"),
        ({"mode": "edit", "image": "a.png", "extend": [0, 0, 0, 0]}, "adds nothing"),
        ({"mode": "edit", "image": "a.png", "extend": [1, 2]}, "four numbers"),
        ({"mode": "edit", "prompt": "a"}, "needs a picture"),
    ],
)
def test_what_means_nothing_is_a_sentence(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        Request.from_json(values)


def test_a_request_goes_through_json() -> None:
    request = Request.from_json(
        {
            "mode": "edit",
            "image": "a.png",
            "mask": "m.png",
            "prompt": "a fox",
            "negative": "b",
            "also": [["c", 0.5]],
            "extend": [1, 0, 0, 0],
            "strength": 0.5,
            "text_level": 0.1,
            "best_of": 3,
            "feather": 2,
            "harmonise": 1,
        }
    )
    assert request.also == (("c", 0.5),)
    assert Request.from_json(request.to_json()) == request
    assert request.words == ("a fox", "c", "b")


def test_progress_counts_what_is_evaluated(model: UniDiffuser, photo: Image.Image) -> None:
    class Counter(Silence):
        total = done = 0

        def begin(self, samples: int, evaluations: int) -> None:
            self.total = evaluations

        def evaluated(self, samples: int) -> None:
            self.done += samples

    for options in (
        {},
        {"prompt": None},
        {"strength": 0.0},
        {"final_denoise": True},
        {"mask": mask((0, 0, 9, 9)), "harmonise": 2},
        {"best_of": 2},
    ):
        counter = Counter()
        found = replace(model, progress=counter).run(edit(photo, **options))
        assert not isinstance(found, UnidiffError)
        assert counter.done == counter.total > 0 or options == {"strength": 0.0}
