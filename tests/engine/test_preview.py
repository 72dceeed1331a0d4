"""The preview: a map that fits, and a sampler that is watched and not changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from unidiff_cli.core.latents import Latent
from unidiff_cli.core.sampler import Sampler
from unidiff_cli.engine.pipeline import UniDiffuser
from unidiff_cli.engine.preview import Colours, watched
from unidiff_cli.request import Request
from unidiff_cli.walks.chain import chain


class LinearVae(torch.nn.Module):
    """A decoder that is a linear map, eight times enlarged."""

    def __init__(self) -> None:
        super().__init__()
        self.map = torch.nn.Conv2d(4, 3, 1)

    def decode(self, z: torch.Tensor) -> Any:
        large = torch.nn.functional.interpolate(self.map(z), scale_factor=8)
        return type("Decoded", (), {"sample": large})


@pytest.fixture(scope="module")
def model() -> UniDiffuser:
    return UniDiffuser.load("tiny", device="cpu", dtype="fp32")


def test_the_map_of_a_linear_decoder_is_found_exactly() -> None:
    torch.manual_seed(0)
    vae = LinearVae()
    found = Colours.fit(vae, 0.5, 4)
    with torch.inference_mode():
        assert torch.allclose(found.weight, vae.map.weight[:, :, 0, 0].T / 0.5, atol=1e-4)
        assert torch.allclose(found.bias, vae.map.bias, atol=1e-4)


def test_a_picture_has_a_pixel_for_each_place() -> None:
    colours = Colours(torch.eye(4, 3), torch.zeros(3))
    z = torch.zeros(2, 4, 5, 7)
    z[0, 0] = 1.0
    picture = colours.picture(Latent((z, torch.zeros(2, 1, 8))))
    assert picture.size == (7, 5)
    assert picture.getpixel((0, 0)) == (255, 128, 128)


@pytest.mark.parametrize(
    ("mode", "given", "seen"),
    [
        ("t2i", {"prompt": "a fox"}, 3),
        ("joint", {}, 3),
        ("i", {}, 3),
        ("t", {}, 0),
        ("t2i2t", {"prompt": "a fox"}, 3),
    ],
)
def test_it_tells_of_each_step_but_the_first_while_a_picture_is_drawn(
    model: UniDiffuser, mode: str, given: dict[str, str], seen: int
) -> None:
    guesses: list[Latent] = []

    def watch(sampler: Sampler) -> Sampler:
        return watched(sampler, guesses.append)

    request = Request(mode=mode, seed=1, steps=4, solver="ddim", **given)  # type: ignore[arg-type]
    plain, looked = model.run(request), replace(model, watch=watch).run(request)
    assert len(guesses) == seen
    assert looked.texts == plain.texts
    assert [p.tobytes() for p in looked.images] == [p.tobytes() for p in plain.images]


def test_a_chain_is_watched_too(model: UniDiffuser) -> None:
    guesses: list[Latent] = []
    looking = replace(model, watch=lambda sampler: watched(sampler, guesses.append))
    list(chain(looking, Request(mode="t2i", prompt="a fox", seed=1, steps=4), 2))
    assert len(guesses) == 6
