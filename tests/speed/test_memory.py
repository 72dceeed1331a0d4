"""`--memory low` and `min`: what is held at a time, and that the results stay."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from PIL import Image, ImageDraw
from safetensors.torch import load_file, save_file

from unidiff_cli import Request, UniDiffuser
from unidiff_cli.core.modes import MODES
from unidiff_cli.engine.parts import STAGES, Parts
from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.files.pictures import psnr
from unidiff_cli.registry import STARTER_FOLDER
from unidiff_cli.storage.checkpoint import Part

BOTH: tuple[Any, ...] = ("auto", "low")


def ask(mode: str, **options: Any) -> Request:
    """A request of any mode with what it needs."""
    photo = Image.radial_gradient("L").convert("RGB")
    given = {"text": {"prompt": "a red fox"}, "image": {"image": photo}, None: {}}
    return Request(mode=mode, seed=5, steps=4, **given[MODES[mode].needs], **options)


def load(memory: Any) -> UniDiffuser:
    return UniDiffuser.load("tiny", device="cpu", dtype="fp32", memory=memory)


def test_every_part_is_at_work_in_one_stage() -> None:
    assert sorted(part for stage in STAGES for part in stage) == sorted(get_args(Part))


@pytest.mark.parametrize("mode", MODES)
def test_parts_of_one_stage_are_held_at_a_time(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[set[str]] = []
    module = Parts.module

    def watched(parts: Parts, part: Any, dtype: torch.dtype) -> Any:
        found = module(parts, part, dtype)
        held.append({name for name, number_format in parts.loaded if number_format is not None})
        return found

    monkeypatch.setattr(Parts, "module", watched)
    load("low").run(ask(mode))
    assert held
    assert all(any(names <= stage for stage in STAGES) for names in held)
    held.clear()
    load("auto").run(ask(mode))
    assert len(held[-1]) > 1  # all that was needed is still there


@pytest.mark.parametrize("fast", ["off", "max"])
@pytest.mark.parametrize("mode", MODES)
def test_the_results_are_those_of_plenty(mode: str, fast: str) -> None:
    few, many = (load(memory).run(ask(mode, fast=fast)).outputs[0] for memory in ("low", "auto"))
    assert few.text == many.text
    if few.image is not None:
        assert many.image is not None
        assert psnr(few.image, many.image) > 45


def test_the_network_sees_one_point_of_one_sample_at_a_time() -> None:
    sizes = []
    model = load("low")
    net = model.parts.module("uvit", torch.float32)
    net.register_forward_pre_hook(lambda _, arguments: sizes.append(len(arguments[0])))
    request = model.resolve(ask("joint", guidance=2.0))
    noise = model.parts.noise([5], *(request.size or (0, 0)))
    model.sampler(request, noise, torch.float32).walk(request.walk, noise.latents(0, "start"))
    assert sizes == [1] * 4 * 3  # four steps of joint, each at three points
    assert model.usual_batch(request) == 1


@pytest.mark.parametrize("fast", ["off", "max"])
def test_min_is_low_to_the_bit(fast: str) -> None:
    one, other = (load(memory).run(ask("joint", fast=fast)).outputs[0] for memory in ("min", "low"))
    assert one.text == other.text
    assert one.image is not None
    assert other.image is not None
    assert one.image.tobytes() == other.image.tobytes()


def test_min_holds_one_block_at_a_time() -> None:
    model = load("min")
    net = model.parts.module("uvit", torch.float32)
    blocks = [*net.in_blocks, net.mid_block, *net.out_blocks]
    held: list[int] = []

    def look(*_: object) -> None:
        real = [any(not p.is_meta for p in block.parameters()) for block in blocks]
        held.append(sum(real))

    for block in blocks:
        block.attn.register_forward_hook(look)
    request = model.resolve(ask("i"))
    noise = model.parts.noise([5], *(request.size or (0, 0)))
    model.sampler(request, noise, torch.float32).walk(request.walk, noise.latents(0, "start"))
    assert held == [1] * len(held)
    assert len(held) == 4 * len(blocks)
    assert all(p.is_meta for block in blocks for p in block.parameters())


def test_min_says_what_does_not_fit_before_it_samples(tmp_path: Path) -> None:
    folder = shutil.copytree(STARTER_FOLDER, tmp_path / "mine")
    whole = load_file(folder / "uvit.safetensors")
    save_file({n: t for n, t in whole.items() if "mid" not in n}, folder / "uvit.safetensors")
    with pytest.raises(
        ModelUnavailable, match=r"The weights do not fit the uvit: .* missing: mid_"
    ):
        UniDiffuser.load(str(folder), device="cpu", memory="min").run(ask("i"))


@pytest.mark.parametrize("memory", ["low", "min"])
def test_a_side_that_is_longer_than_a_tile_is_cut_and_no_other(memory: str) -> None:
    model = load(memory)
    vae = model.parts.module("vae", torch.float32)
    sides: list[tuple[int, ...]] = []
    for half in (vae.encoder, vae.decoder):
        half.register_forward_pre_hook(lambda _, given: sides.append(tuple(given[0].shape[2:])))
    images, _ = model.parts.codecs(torch.float32)
    photo = Image.radial_gradient("L").convert("RGB")
    for width, height, tiles in ((64, 32, 3), (48, 16, 2), (56, 32, 2), (32, 32, 1), (40, 64, 6)):
        sides.clear()
        latent = images.encode([photo], width, height, model.parts.noise([5], width, height))
        assert [picture.size for picture in images.decode(latent)] == [(width, height)]
        seen = min(32, height), min(32, width)
        assert sides == [seen] * tiles + [(seen[0] // 8, seen[1] // 8)] * tiles


def test_pictures_of_tiles_are_nearly_those_made_as_a_whole() -> None:
    """As diffusers cuts, both sides as soon as one is too long, the wide ones had 39 dB."""
    models = [UniDiffuser.load("starter", device="cpu", dtype="fp32", memory=m) for m in BOTH]
    for size, least in (((192, 128), 42), ((128, 224), 40), ((256, 256), 36)):
        drawing = Image.new("RGB", size, (255, 255, 255))
        ImageDraw.Draw(drawing).ellipse((20, 30, 110, 120), (226, 58, 54), (22, 22, 26), 8)
        shown = []
        for model in models:
            images, _ = model.parts.codecs(torch.float32)
            shown += images.decode(images.encode([drawing], *size, model.parts.noise([5], *size)))
        assert least < psnr(*shown) < 60  # not the same, or there were no tiles


def test_a_result_says_how_much_memory_it_was_made_with() -> None:
    assert [load(each).run(ask("t")).made_with["memory"] for each in ("low", "auto")] == [
        "low",
        "auto",
    ]
