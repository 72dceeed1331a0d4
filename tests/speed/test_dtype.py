"""Which numbers a run computes with, and in which order they lie."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from unidiff_cli.engine.pipeline import UniDiffuser
from unidiff_cli.errors import UsageError
from unidiff_cli.speed import dtype as speed
from unidiff_cli.speed.dtype import WIDE, arranged, choose_device, choose_dtype

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("able", "width", "chosen"),
    [
        (True, WIDE, torch.bfloat16),
        (True, WIDE - 1, torch.float32),
        (False, 1536, torch.float32),
    ],
)
def test_bfloat16_where_it_pays(
    monkeypatch: pytest.MonkeyPatch, able: bool, width: int, chosen: torch.dtype
) -> None:
    monkeypatch.setattr(speed, "multiplies_bf16", lambda: able)
    assert choose_dtype("auto", CPU, width) is chosen
    assert choose_dtype("bf16", CPU, width) is torch.bfloat16
    assert choose_dtype("fp32", CPU, width) is torch.float32


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(UsageError, match="int3"):
        choose_dtype("int3", CPU)


def test_a_card_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cuda:1") == torch.device("cuda:1")
    for name in ("cuda:2", "cuda:9"):
        with pytest.raises(UsageError, match=f"offers no {name}"):
            choose_device(name)


def test_the_width_is_that_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "multiplies_bf16", lambda: True)
    assert UniDiffuser.load("tiny", device="cpu").dtype is torch.float32
    monkeypatch.setattr(speed, "WIDE", 1)
    assert UniDiffuser.load("tiny", device="cpu").dtype is torch.bfloat16


@pytest.mark.parametrize(
    ("capability", "chosen"), [((7, 5), torch.float16), ((8, 0), torch.bfloat16)]
)
def test_a_card_that_only_emulates_bfloat16_has_float16(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], chosen: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert choose_dtype("auto", torch.device("cuda")) is chosen


def test_half_the_bits_have_their_channels_last() -> None:
    parts = UniDiffuser.load("tiny", device="cpu").parts
    half, whole = (parts.module("vae", dtype) for dtype in (torch.bfloat16, torch.float32))
    assert layout(half) is torch.channels_last
    assert layout(whole) is torch.contiguous_format


def test_the_order_of_channels_changes_no_picture() -> None:
    parts = UniDiffuser.load("tiny", device="cpu").parts
    z = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1)).to(torch.bfloat16)
    plain = parts.checkpoint.module("vae", CPU, torch.bfloat16)
    with torch.inference_mode():
        before: Tensor = plain.decode(z).sample.float()  # type: ignore[operator]
        after: Tensor = arranged("vae", plain, CPU, torch.bfloat16).decode(z).sample.float()  # type: ignore[operator]
    assert (before - after).abs().max() < 0.05 * before.abs().max()


def layout(module: torch.nn.Module) -> torch.memory_format:
    """How the widest of the kernels lies."""
    kernel = max((p for p in module.parameters() if p.ndim == 4), key=lambda p: p.numel())
    last = kernel.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last and not kernel.is_contiguous() else torch.contiguous_format
