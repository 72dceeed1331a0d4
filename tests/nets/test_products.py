"""What is chosen for a CPU agrees with PyTorch's plain functions, and is chosen by rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unidiff_cli.nets import products

ZEN5 = {"cpu_name": "AMD EPYC", "avx512_bf16": True}
XEON = {"cpu_name": "Intel Xeon", "avx512_bf16": True, "amx_bf16": True}
OLD = {"cpu_name": "Intel Core", "avx2": True}

Pretend = Any
"""Takes what a CPU can do; from then on the CPU is that one."""


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pretend]:
    def be(features: dict[str, Any]) -> None:
        products.onednn.cache_clear()
        monkeypatch.setattr(products, "features", lambda: features)

    yield be
    products.onednn.cache_clear()


@pytest.mark.parametrize(
    ("cpu", "bf16", "fp32"), [(ZEN5, True, True), (XEON, True, False), (OLD, False, False)]
)
def test_the_library_is_chosen_by_the_processor(
    pretend: Pretend, cpu: dict[str, Any], bf16: bool, fp32: bool
) -> None:
    pretend(cpu)
    assert products.multiplies_bf16() is bf16
    assert products.onednn(torch.bfloat16) is bf16
    assert products.onednn(torch.float32) is fp32
    assert not products.onednn(torch.float16)


@pytest.mark.parametrize(("dtype", "off"), [(torch.float32, 1e-6), (torch.bfloat16, 2**-7)])
@pytest.mark.parametrize("gelu", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_onednn_gives_what_pytorch_gives(
    pretend: Pretend, dtype: torch.dtype, off: float, gelu: bool, bias: bool
) -> None:
    layer = nn.Linear(96, 40, bias=bias).to(dtype).requires_grad_(False)
    x = torch.randn(2, 35, 96, generator=torch.Generator().manual_seed(1)).to(dtype)
    with torch.inference_mode():
        pretend(OLD)
        plain = products.linear(x, layer, gelu=gelu)
        pretend(ZEN5)
        fused = products.linear(x, layer, gelu=gelu)
    assert (F.gelu(layer(x)) if gelu else layer(x)).equal(plain)
    assert (fused - plain).abs().max() <= off * plain.abs().max()


def test_only_a_plain_layer_is_taken_apart(pretend: Pretend) -> None:
    class Adapted(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:
            return super().forward(input) + 1

    pretend(ZEN5)
    layer, x = Adapted(8, 8), torch.randn(3, 8)
    with torch.no_grad():
        assert products.linear(x, layer).equal(layer(x))


def test_gradients_are_pytorchs(pretend: Pretend) -> None:
    pretend(ZEN5)
    layer = nn.Linear(8, 8)
    products.linear(torch.randn(3, 8), layer, gelu=True).sum().backward()
    assert layer.weight.grad is not None


def qkv(tokens: int) -> tuple[Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(2)
    q, k, v = torch.randn(3, 2, 3, tokens, 16, generator=draw).to(torch.bfloat16)
    return q, k, v


def test_attention_by_head(pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> None:
    q, k, v = qkv(products.LONG)
    exact = F.scaled_dot_product_attention(q.float(), k.float(), v.float())
    pretend(ZEN5)
    monkeypatch.setattr(F, "scaled_dot_product_attention", None)
    mixed = products.attend(q, k, v)
    assert mixed.shape == exact.shape
    assert (mixed - exact).abs().max() < 0.02 * exact.abs().max()
    assert products.attend(q[1:], k[1:], v[1:]).equal(mixed[1:])


def test_attention_by_head_only_where_the_fused_one_is_slower(pretend: Pretend) -> None:
    long, short = qkv(products.LONG)[0], qkv(83)[0]
    pretend(ZEN5)
    assert products.by_head(long)
    assert not products.by_head(short)
    assert not products.by_head(long.float())
    for cpu in (XEON, OLD):
        pretend(cpu)
        assert not products.by_head(long)


def test_few_rows_have_the_same_bits_in_any_batch() -> None:
    """At the published size of GPT-2's head, where MKL's bits depend on the batch."""
    draw = torch.Generator().manual_seed(3)
    x, weight = (torch.randn(shape, generator=draw) for shape in ((9, 8, 768), (50_257, 768)))
    alone = products.few(x[:1], weight)
    torch.testing.assert_close(alone, F.linear(x[:1], weight), atol=1e-3, rtol=1e-5)
    for batch in (2, 5, 9):
        assert torch.equal(products.few(x[:batch], weight)[:1], alone), batch
