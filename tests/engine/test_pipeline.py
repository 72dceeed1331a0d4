"""The pipeline on the random model: batches, seeds, failures, rescue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

from unidiff_cli import Request, UniDiffuser
from unidiff_cli.core.latents import Latents
from unidiff_cli.core.modes import MODES
from unidiff_cli.engine.parts import Parts
from unidiff_cli.engine.predictor import UViTPredictor
from unidiff_cli.errors import DegenerateResult, InputError, OutOfMemory, UsageError
from unidiff_cli.model_config import Sampling
from unidiff_cli.nets.captioner import Trees
from unidiff_cli.progress import Silence
from unidiff_cli.request import Output
from unidiff_cli.storage.tiny import RandomSource


@pytest.fixture(scope="module")
def model() -> UniDiffuser:
    return UniDiffuser.load("tiny", device="cpu", dtype="fp32")


@pytest.fixture
def photo(tmp_path: Path) -> str:
    picture = Image.effect_noise((50, 40), 80).convert("RGB")
    picture.save(tmp_path / "photo.png")
    return str(tmp_path / "photo.png")


def ask(mode: str, photo: str, **options: Any) -> Request:
    """A request of any mode with what it needs."""
    given = {"text": {"prompt": "a red fox"}, "image": {"image": photo}, None: {}}
    return Request(mode=mode, **{"seed": 5, **given[MODES[mode].needs], **options})


def same(first: Output, second: Output) -> bool:
    """Whether two samples are equal to the last bit."""
    if (first.seed, first.text) != (second.seed, second.text):
        return False
    if first.image is None or second.image is None:
        return first.image is second.image
    return first.image.tobytes() == second.image.tobytes()


@pytest.mark.parametrize("mode", MODES)
def test_sample_k_of_any_batch_is_seed_plus_k_alone(
    model: UniDiffuser, photo: str, mode: str
) -> None:
    request = ask(mode, photo, count=5)
    (first, *_) = alone = [
        output for k in range(5) for output in model.run(ask(mode, photo, seed=5 + k)).outputs
    ]
    assert (first.image is not None) == ("image" in MODES[mode].yields)
    assert (first.text is not None) == ("text" in MODES[mode].yields)
    for batch_size in (1, 2, 3, 5):
        together = [r.outputs[0] for r in model.stream([request], batch_size=batch_size)]
        assert all(map(same, together, alone)), f"batch size {batch_size}"
    different = [o.text if o.image is None else o.image.tobytes() for o in alone]
    assert len(set(different)) > 1


def test_prompts_of_one_batch_do_not_touch_each_other(model: UniDiffuser, photo: str) -> None:
    prompts = ["a red fox", "an owl", "a much longer prompt with a great many words in it"]
    requests = [ask("t2i", photo, prompt=prompt, seed=9) for prompt in prompts]
    together = list(model.stream(requests, batch_size=3))
    for request, result in zip(requests, together, strict=True):
        assert same(model.run(request).outputs[0], result.outputs[0])
    pictures = {result.outputs[0].image.tobytes() for result in together if result.outputs[0].image}
    assert len(pictures) == 3


def test_what_a_request_leaves_open_is_the_models_choice(model: UniDiffuser) -> None:
    resolved = model.resolve(Request(mode="i"))
    sampling = model.parts.config.sampling
    assert (resolved.solver, resolved.steps) == (sampling.solver, sampling.steps)
    assert resolved.times == sampling.times == "uniform"
    assert resolved.guidance == sampling.guidance
    assert resolved.size == (32, 32)
    assert resolved.v1_data == "internal"
    assert resolved.seed is not None
    assert model.resolve(resolved) == resolved
    other = model.resolve(Request(mode="i"))
    assert other.seed != resolved.seed, "a seed that is not given is drawn anew"


def test_a_mode_may_have_defaults_of_its_own(model: UniDiffuser) -> None:
    rows = {"t2i": {"solver": "unipc", "steps": 2}, "i2t": {"guidance": 1.5}}
    sampling = replace(model.config.sampling, modes=rows)
    checkpoint = replace(
        model.parts.checkpoint, source=RandomSource(replace(model.config, sampling=sampling))
    )
    other = replace(model, parts=replace(model.parts, checkpoint=checkpoint))
    usual = model.resolve(Request(mode="i", seed=0))

    def choices(request: Request) -> tuple[object, ...]:
        found = other.resolve(request)
        return found.solver, found.steps, found.times, found.guidance

    plain = (usual.solver, usual.steps, usual.times, usual.guidance)
    assert choices(Request(mode="t2i", prompt="")) == ("unipc", 2, *plain[2:])
    assert choices(Request(mode="t2i", prompt="", steps=9)) == ("unipc", 9, *plain[2:])
    assert choices(Request(mode="i2t", image="-")) == (*plain[:3], 1.5)
    assert choices(Request(mode="joint")) == plain


@pytest.mark.parametrize("size", [1, 3])
def test_a_pair_made_in_turn_is_what_two_commands_make(model: UniDiffuser, size: int) -> None:
    for order, first, second in (("text-first", "t", "t2i"), ("image-first", "i", "i2t")):
        asked = Request(mode="joint", order=order, seed=5, count=3)
        for result in model.stream([asked], batch_size=size):
            (pair,), seed = result.outputs, result.request.seed
            (one,) = model.run(Request(mode=first, seed=seed)).outputs
            given = {"t": {"prompt": one.text}, "i": {"image": one.image}}[first]
            (other,) = model.run(Request(mode=second, seed=seed, **given)).outputs
            assert pair.text == (one.text or other.text)
            made = one.image or other.image
            assert pair.image is not None
            assert made is not None
            assert pair.image.tobytes() == made.tobytes()


def test_a_pair_whose_first_part_fails_has_its_error(
    model: UniDiffuser, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sample = DegenerateResult("result.degenerate", "nothing"), UniDiffuser._sample

    def fails(self: UniDiffuser, batch: list[Request], dtype: torch.dtype) -> list[Any]:
        made = sample(self, batch, dtype)
        return [broken, *made[1:]] if batch[0].mode == "t" else made

    monkeypatch.setattr(UniDiffuser, "_sample", fails)
    asked = Request(mode="joint", order="text-first", seed=5, count=2)
    bad, good = model.stream([asked], batch_size=2)
    assert bad.error is broken
    assert good.error is None
    assert good.outputs[0].text


def test_a_mode_that_makes_one_thing_has_no_order() -> None:
    with pytest.raises(UsageError, match="t2i makes one"):
        Request(mode="t2i", prompt="a fox", order="text-first")
    with pytest.raises(UsageError, match="joint is not"):
        Request(mode="joint", order="text-first", negative="snow")
    with pytest.raises(UsageError, match="no order 'sideways'"):
        Request(mode="joint", order="sideways")


def test_the_order_is_the_models_choice_and_its_defaults_are_of_that_order() -> None:
    rows = {"joint": {"order": "text-first", "steps": 6, "solver": "unipc"}}
    usual = Sampling(solver="ddim", steps=20, modes=rows)
    assert [
        (found.order, found.steps, found.solver)
        for found in (usual.of("joint"), usual.of("joint", "text-first"))
    ] == [("text-first", 6, "unipc")] * 2
    other = usual.of("joint", "together")
    assert (other.order, other.steps, other.solver) == ("together", 20, "ddim")
    plain = Sampling()
    assert (plain.of("joint").order, plain.of("joint", "image-first").order) == (
        "together",
        "image-first",
    )


def test_settings_change_the_picture(model: UniDiffuser, photo: str) -> None:
    plain = model.run(ask("t2i", photo, steps=6)).images[0].tobytes()
    for change in (
        {"guidance": 0.0},
        {"guidance_interval": (0.2, 0.6)},
        {"solver": "ddim"},
        {"times": "log-snr"},
        {"absent": "fixed"},
        {"unconditional": "empty"},
        {"final_denoise": True},
        {"v1_data": "web"},
        {"steps": 7},
    ):
        assert model.run(ask("t2i", photo, **{"steps": 6, **change})).images[0].tobytes() != plain


def test_any_size_that_16_divides(model: UniDiffuser, photo: str) -> None:
    assert model.run(ask("t2i", photo, size=(48, 16))).images[0].size == (48, 16)
    assert model.run(ask("i2t2i", photo, size=(16, 64))).images[0].size == (16, 64)
    with pytest.raises(UsageError, match="multiples of 16"):
        ask("t2i", photo, size=(40, 16))


def test_a_bad_picture_spoils_nothing_else(model: UniDiffuser, photo: str, tmp_path: Path) -> None:
    cut = tmp_path / "cut.png"
    cut.write_bytes(Path(photo).read_bytes()[:-200])
    requests = [ask("i2t", path) for path in (photo, str(cut), str(tmp_path / "none.png"), photo)]
    results = list(model.stream(requests, batch_size=4))
    assert [type(result.error) for result in results] == [
        type(None),
        InputError,
        InputError,
        type(None),
    ]
    assert same(results[0].outputs[0], results[3].outputs[0])
    with pytest.raises(InputError, match="cut"):
        model.run(requests[1])


def full_above(rows: int) -> Callable[..., list[Latents]]:
    """A predictor whose memory holds so many samples and no more."""
    plain = UViTPredictor.__call__

    def call(self: UViTPredictor, points: Any) -> list[Latents]:
        if len(points[0][0]) > rows:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 1 EB")
        return plain(self, points)

    return call


def test_a_full_memory_halves_the_batch(
    model: UniDiffuser, photo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = ask("joint", photo, count=5)
    roomy = [result.outputs[0] for result in model.stream([request], batch_size=5)]
    monkeypatch.setattr(UViTPredictor, "__call__", full_above(2))
    tight = [result.outputs[0] for result in model.stream([request], batch_size=5)]
    assert all(map(same, roomy, tight))
    monkeypatch.setattr(UViTPredictor, "__call__", full_above(0))
    with pytest.raises(OutOfMemory, match="does not fit"):
        model.run(ask("joint", photo))


def broken_below(dtype: torch.dtype) -> Callable[..., list[Latents]]:
    """A predictor whose numbers overflow in every format but this one."""
    plain = UViTPredictor.__call__

    def call(self: UViTPredictor, points: Any) -> list[Latents]:
        noises = plain(self, points)
        if next(self.net.parameters()).dtype is not dtype:
            noises = [float("nan") * noise for noise in noises]
        return noises

    return call


def test_overflow_is_tried_again_in_float32(
    photo: str, model: UniDiffuser, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = UniDiffuser.load("tiny", device="cpu", dtype="bf16")
    assert half.run(ask("t", photo, steps=2)).made_with["dtype"] == "bf16"
    monkeypatch.setattr(UViTPredictor, "__call__", broken_below(torch.float32))
    rescued = half.run(ask("joint", photo, steps=2))
    assert rescued.made_with["dtype"] == "fp32"
    assert same(rescued.outputs[0], model.run(ask("joint", photo, steps=2)).outputs[0])
    assert {format for _, format in half.parts.loaded} <= {half.dtype, None}
    monkeypatch.setattr(UViTPredictor, "__call__", broken_below(torch.float64))
    with pytest.raises(DegenerateResult, match="not finite"):
        half.run(ask("joint", photo, steps=2))


def test_captions_are_decoded_in_float32(photo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    formats = []
    plain = Trees.root

    def root(self: Trees, latent: torch.Tensor) -> torch.Tensor:
        formats.append(self.captioner.dtype)
        return plain(self, latent)

    monkeypatch.setattr(Trees, "root", root)
    half = UniDiffuser.load("tiny", device="cpu", dtype="bf16")
    assert half.run(ask("i2t", photo, steps=2)).made_with["dtype"] == "bf16"
    assert formats == [torch.float32]


def test_a_vae_that_overflows_is_asked_in_float32_alone(
    photo: str, model: UniDiffuser, monkeypatch: pytest.MonkeyPatch
) -> None:
    from unidiff_cli.codecs.image import ImageCodec

    for name in ("_decode_one", "_posterior"):
        plain = getattr(ImageCodec, name)

        def broken(self: Any, vae: Any, x: torch.Tensor, plain: Any = plain) -> torch.Tensor:
            return plain(self, vae, x) * (1 if vae.dtype is torch.float32 else float("inf"))

        monkeypatch.setattr(ImageCodec, name, broken)
    half = UniDiffuser.load("tiny", device="cpu", dtype="bf16")
    asked: list[int] = []
    plainly = UViTPredictor.__call__
    monkeypatch.setattr(
        UViTPredictor, "__call__", lambda *given: asked.append(1) or plainly(*given)
    )
    result = half.run(ask("i2t2i", photo, steps=2))
    assert result.made_with["dtype"] == "bf16"
    assert len(asked) == 4  # nothing was sampled twice
    assert result.images[0].getextrema() != ((0, 0),) * 3


def test_a_picture_of_one_colour_is_no_result(
    model: UniDiffuser, photo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from unidiff_cli.codecs import image

    black = torch.full((3, 32, 32), -1.0)
    monkeypatch.setattr(image.ImageCodec, "_decode_one", lambda self, vae, z: black)
    with pytest.raises(DegenerateResult, match="single colour"):
        model.run(ask("t2i", photo))


def test_only_what_a_mode_needs_is_loaded(photo: str) -> None:
    fresh = UniDiffuser.load("tiny", device="cpu")
    fresh.run(ask("t2i", photo, steps=1))
    loaded = {name for name, _ in fresh.parts.loaded}
    assert loaded == {"uvit", "vae", "clip_text", "encode_prefix", "clip"}
    fresh = UniDiffuser.load("tiny", device="cpu")
    fresh.run(ask("i2t", photo, steps=1))
    loaded = {name for name, _ in fresh.parts.loaded}
    assert loaded == {"uvit", "vae", "clip_image", "captioner", "caption"}


def test_v1_data_belongs_to_v1(photo: str, model: UniDiffuser) -> None:
    config = replace(model.parts.config, uvit={**model.parts.config.uvit, "data_types": 0})
    checkpoint = SimpleNamespace(name="plain", revision="", config=config)
    plain = replace(model, parts=Parts(checkpoint, model.device, Silence()))  # type: ignore[arg-type]
    assert plain.resolve(ask("t2i", photo)).v1_data is None
    with pytest.raises(UsageError, match="kinds of training data"):
        plain.resolve(ask("t2i", photo, v1_data="web"))


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_has_at_least_one_sample(model: UniDiffuser, size: int) -> None:
    with pytest.raises(UsageError, match="batch-size is a whole number from 1"):
        next(model.stream([Request(mode="t", count=2)], batch_size=size))
