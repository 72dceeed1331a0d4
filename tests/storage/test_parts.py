"""Parts built without memory and filled are the parts as anybody else would build them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.storage import make
from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.model_config import ModelConfig
from unidiff_cli.registry import MODELS, tiny_config
from unidiff_cli.storage.checkpoint import Part
from unidiff_cli.storage.layout import PARTS
from unidiff_cli.storage.open import open_checkpoint
from unidiff_cli.storage.parts import build, expected, fill, hollow
from unidiff_cli.storage.save import tensors_of
from unidiff_cli.storage.stored import whole

CPU = torch.device("cpu")
EVERY: tuple[Part, ...] = (*PARTS, "encode_prefix")


def inputs(part: Part, config: ModelConfig) -> tuple[torch.Tensor, ...]:
    """Something that the part's forward takes."""
    uvit, size = config.uvit, config.uvit["size"]
    noise = torch.Generator().manual_seed(1)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=noise)

    text = draw(2, uvit["text_tokens"], uvit["text_dim"])
    return {
        "uvit": (
            draw(2, uvit["channels"], size, size),
            draw(2, 1, uvit["clip_dim"]),
            text,
            torch.tensor([10.5, 999.0]),
            torch.tensor([0.0, 500.25]),
        ),
        "vae": (draw(2, 3, config.size, config.size),),
        "clip_text": (torch.randint(500, (2, uvit["text_tokens"]), generator=noise),),
        "clip_image": (draw(2, 3, 32, 32),),
        "captioner": (text, torch.randint(250, (2, 5), generator=noise)),
        "encode_prefix": (draw(2, 3, config.clip_text["hidden_size"]),),
    }[part]


def flat(answer: Any) -> list[torch.Tensor]:
    if isinstance(answer, torch.Tensor):
        return [answer]
    values = answer.values() if isinstance(answer, dict) else answer
    return [tensor for value in values for tensor in flat(value)]


def left_on_meta(module: nn.Module) -> list[str]:
    tensors = [*module.named_parameters(), *module.named_buffers()]
    return [name for name, tensor in tensors if tensor.is_meta]


@pytest.mark.parametrize(
    ("part", "config"),
    [
        *((part, tiny_config()) for part in EVERY),
        ("clip_image", replace(tiny_config(), clip_image=make.RESNET)),
    ],
    ids=(*EVERY, "resnet"),
)
def test_filled_is_as_built(part: Part, config: ModelConfig) -> None:
    torch.manual_seed(0)
    # Without gradients on both sides: torch's matmul takes another path where one is wanted.
    normal = build(part, config).eval().requires_grad_(False)
    filled = fill(part, hollow(part, config), tensors_of(part, normal), CPU, torch.float32)
    assert left_on_meta(filled) == []
    assert not filled.training
    assert not any(p.requires_grad for p in filled.parameters())
    assert dict(normal.named_buffers()).keys() == dict(filled.named_buffers()).keys()
    for name, buffer in normal.named_buffers():
        assert torch.equal(buffer, filled.get_buffer(name)), name
    given = inputs(part, config)
    with torch.no_grad():
        torch.manual_seed(2)
        ours = flat(filled(*given))
        torch.manual_seed(2)
        theirs = flat(normal(*given))
    assert len(ours) == len(theirs) > 0
    for a, b in zip(ours, theirs, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("part", EVERY)
def test_hollow_holds_nothing(part: Part) -> None:
    """Large parameters are on meta, and building them draws nothing from the global stream."""
    torch.manual_seed(3)
    before = torch.get_rng_state()
    module = hollow(part, MODELS["unidiffuser-v1"].config)
    assert torch.equal(torch.get_rng_state(), before)
    real = [p for p in module.parameters() if not p.is_meta]
    assert sum(p.numel() for p in real) < 2_000_000
    assert all(p.is_meta for p in module.parameters() if p.ndim >= 4 or p.numel() > 2_000_000)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_dtype(dtype: torch.dtype) -> None:
    checkpoint = open_checkpoint("tiny")
    for part in EVERY:
        module = checkpoint.module(part, CPU, dtype)
        assert {p.dtype for p in module.parameters()} == {dtype}
        assert left_on_meta(module) == []


def test_words_are_tied() -> None:
    captioner: Any = open_checkpoint("tiny").module("captioner", CPU, torch.float32)
    assert captioner.gpt.lm_head.weight is captioner.gpt.transformer.wte.weight


def test_prefix_alone_is_the_captioners() -> None:
    checkpoint = open_checkpoint("tiny")
    captioner: Any = checkpoint.module("captioner", CPU, torch.float32)
    alone: Any = checkpoint.module("encode_prefix", CPU, torch.float32)
    assert isinstance(alone, nn.Linear)
    assert torch.equal(alone.weight, captioner.encode_prefix.weight)
    assert torch.equal(alone.bias, captioner.encode_prefix.bias)


@pytest.mark.parametrize(
    ("version", "keys", "parameters"), [("v0", 416, 952_504_912), ("v1", 418, 952_509_520)]
)
def test_uvit_keys_are_the_published_ones(version: str, keys: int, parameters: int) -> None:
    frozen = json.loads((Path(__file__).parent / f"keys/uvit_{version}.json").read_text())
    module = hollow("uvit", MODELS[f"unidiffuser-{version}"].config)
    assert {name: list(tensor.shape) for name, tensor in module.state_dict().items()} == frozen
    assert len(frozen) == keys
    assert sum(p.numel() for p in module.parameters()) == parameters


def test_sizes_of_the_other_published_parts() -> None:
    config = MODELS["unidiffuser-v1"].config
    assert config is not None
    counted = {part: hollow(part, config) for part in PARTS}
    sizes = {p: sum(w.numel() for w in m.parameters()) for p, m in counted.items()}
    assert sizes["vae"] == 83_653_863
    assert len(expected("vae", counted["vae"])) == 248
    assert sizes["captioner"] == 124_539_712
    assert sizes["clip_text"] == 123_060_480
    assert sizes["clip_image"] == 87_849_216


class TestMisfits:
    """Every key is accounted for; what is wrong is named."""

    def parts(self) -> tuple[nn.Module, dict[str, Any]]:
        module = hollow("uvit", tiny_config())
        return module, dict(open_checkpoint("tiny").tensors("uvit"))  # type: ignore[attr-defined]

    def refuse(self, module: nn.Module, tensors: dict[str, Any]) -> str:
        with pytest.raises(ModelUnavailable) as caught:
            fill("uvit", module, tensors, CPU, torch.float32)
        return caught.value.message

    def test_missing(self) -> None:
        module, tensors = self.parts()
        del tensors["mid_block.norm2.bias"]
        assert "1 missing: mid_block.norm2.bias" in self.refuse(module, tensors)

    def test_unknown(self) -> None:
        module, tensors = self.parts()
        for index in range(5):
            tensors[f"more.{index}"] = whole(f"more.{index}", torch.zeros(1))
        said = self.refuse(module, tensors)
        assert "5 unknown: more.0, more.1, more.2, ..." in said
        assert "more.3" not in said

    def test_misshaped(self) -> None:
        module, tensors = self.parts()
        tensors["text_out.bias"] = whole("text_out.bias", torch.zeros(3))
        said = self.refuse(module, tensors)
        assert "1 of another shape: text_out.bias (3 instead of 8)" in said

    @pytest.mark.parametrize(
        ("part", "sizes"),
        [("uvit", {"channels": -1}), ("clip_image", {"hidden_size": "32"})],
    )
    def test_sizes_that_a_library_refuses(self, part: Part, sizes: dict[str, Any]) -> None:
        config = tiny_config()
        broken = ModelConfig(**{**vars(config), part: {**getattr(config, part), **sizes}})
        with pytest.raises(ModelUnavailable, match=f"describes no {part}") as caught:
            hollow(part, broken)
        assert "\n" not in caught.value.message

    def test_senseless_config(self) -> None:
        config = tiny_config()
        broken = ModelConfig(
            **{**vars(config), "uvit": {**config.uvit, "depth": 3}, "vae": {"colour": "red"}}
        )
        for part in ("uvit", "vae"):
            with pytest.raises(ModelUnavailable, match=f"describes no {part}"):
                hollow(part, broken)  # type: ignore[arg-type]
