"""Linear maps in 8 bits: exact sums, near the plain map, and each token for itself."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from unidiff_cli.engine.pipeline import UniDiffuser
from unidiff_cli.errors import UsageError
from unidiff_cli.nets.int8 import ROWS, Int8Linear, hadamard, to_int8, turned
from unidiff_cli.nets.products import linear, multiplies_int8
from unidiff_cli.nets.uvit import UViT, UViTConfig
from unidiff_cli.request import Request
from unidiff_cli.speed import dtype as speed

here = pytest.mark.skipif(not multiplies_int8(), reason="this CPU does not multiply 8 bits")


def numbers(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3))


def layer(inputs: int = 96, outputs: int = 40) -> nn.Linear:
    made = nn.Linear(inputs, outputs).requires_grad_(False)
    made.weight.copy_(numbers(outputs, inputs) / inputs**0.5)
    return made


@here
def test_sums_are_those_of_whole_numbers() -> None:
    plain, turn, x = layer(), hadamard(96), numbers(7, 96)
    weight, turned_x = turned(plain.weight, turn), turned(x, turn)
    steps, weights = turned_x.abs().amax(1) / 127, weight.abs().amax(1) / 127
    left, right = (turned_x / steps[:, None]).round(), (weight / weights[:, None]).round()
    sums = left.long() @ right.long().T
    expected = sums.float() * weights * steps[:, None] + plain.bias
    with torch.inference_mode():
        found = Int8Linear(plain)(x)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("width", "together"), [(96, 16), (24, 8), (7, 1)])
def test_turning_changes_no_product(width: int, together: int) -> None:
    turn = hadamard(width)
    assert len(turn) == together
    assert torch.allclose(turn @ turn, torch.eye(together), atol=1e-6)
    a, b = numbers(5, width), numbers(3, width)
    torch.testing.assert_close(turned(a, turn) @ turned(b, turn).T, a @ b.T)


@here
def test_an_outlier_does_not_coarsen_its_token() -> None:
    plain, x = layer(512, 256), numbers(30, 512)
    x[:, 100] = 60.0
    with torch.inference_mode():
        true = plain(x)
        off = (Int8Linear(plain)(x) - true).norm() / true.norm()
    assert off < 0.035  # 0.055 with the values as they are


@here
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("gelu", [False, True])
def test_it_is_the_plain_map_but_for_rounding(dtype: torch.dtype, gelu: bool) -> None:
    plain, x = layer(512, 256).to(dtype), numbers(2, 35, 512).to(dtype)
    with torch.inference_mode():
        found = linear(x, Int8Linear(plain), gelu=gelu)
        true = linear(x.float(), plain.float(), gelu=gelu)
    assert found.dtype is dtype
    assert found.shape == true.shape
    assert 0.002 < (found.float() - true).norm() / true.norm() < 0.02


@here
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_token_does_not_depend_on_the_others(dtype: torch.dtype) -> None:
    small, x = Int8Linear(layer().to(dtype)), numbers(2 * ROWS + 3, 96).to(dtype)
    with torch.inference_mode():
        together = small(x, gelu=True)
        for row in (0, ROWS - 1, ROWS, 2 * ROWS + 2):
            assert small(x[row : row + 1], gelu=True).equal(together[row : row + 1])


@here
def test_a_token_of_zeros_gives_the_bias() -> None:
    small = Int8Linear(layer())
    assert small.bias is not None
    with torch.inference_mode():
        assert small(torch.zeros(1, 96)).equal(small.bias[None])


def test_only_the_blocks_are_in_8_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    if not multiplies_int8():
        pytest.skip("this CPU does not multiply 8 bits")
    net = UViT(UViTConfig(size=8, dim=32, depth=4, heads=4, text_tokens=5)).requires_grad_(False)
    net.initialise()
    maps = {
        name: type(each)
        for name, each in to_int8(net).named_modules()
        if isinstance(each, (nn.Linear, Int8Linear))
    }
    inside = {name for name, kind in maps.items() if kind is Int8Linear}
    assert len(inside) == 5 * 4 + 2  # and a long skip for each of the two out-blocks
    assert set(maps) - inside == {"text_embed", "clip_img_embed", *_heads(maps)}


def _heads(maps: dict[str, type]) -> set[str]:
    return {name for name in maps if name.endswith("_out") or name == "decoder_pred"}


@here
def test_a_sample_is_the_same_in_every_batch() -> None:
    model = UniDiffuser.load("tiny", device="cpu", dtype="int8")
    asked = Request(mode="joint", count=3, seed=5, steps=2)
    one, all_at_once = (list(model.stream([asked], batch_size=size)) for size in (1, 3))
    for first, second in zip(one, all_at_once, strict=True):
        assert first.made_with["dtype"] == "int8"
        assert first.outputs[0].image.tobytes() == second.outputs[0].image.tobytes()  # type: ignore[union-attr]
        assert first.outputs[0].text == second.outputs[0].text


def test_it_is_refused_where_it_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "multiplies_int8", lambda: False)
    with pytest.raises(UsageError, match="AVX-512 VNNI"):
        UniDiffuser.load("tiny", device="cpu", dtype="int8")
    monkeypatch.setattr(speed, "multiplies_int8", lambda: True)
    with pytest.raises(UsageError, match="AVX-512 VNNI"):
        speed.choose_dtype("int8", torch.device("cuda"))
    with pytest.raises(UsageError, match="--memory min"):
        UniDiffuser.load("tiny", device="cpu", dtype="int8", memory="min")
