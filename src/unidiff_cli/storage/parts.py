"""The parts of a model as modules: built without memory, filled straight from where they lie."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from unidiff_cli.errors import ModelUnavailable
from unidiff_cli.model_config import ModelConfig
from unidiff_cli.storage.checkpoint import Part
from unidiff_cli.storage.names import MODULES
from unidiff_cli.storage.stored import Tensors

NAMED_AT_MOST = 3


FILLS = ("normal_", "trunc_normal_", "uniform_", "kaiming_uniform_", "xavier_uniform_")
"""Ways to draw a parameter's first numbers."""


class _WithoutMemory(TorchFunctionMode):
    """torch.empty gives tensors on meta, and nothing is drawn for them: to have no numbers drawn,
    PyTorch would import its compiler. What is computed, such as buffers, is real."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        if func is torch.empty:
            given["device"] = "meta"
        if func.__name__ in FILLS:
            tensor = args[0] if args else given["tensor"]
            if tensor.is_meta:
                return tensor
        return func(*args, **given)


def build(part: Part, config: ModelConfig) -> nn.Module:
    """The part with parameters of no use yet; ModelUnavailable when its sizes make no sense."""
    try:
        return _CLASSES[part](config)
    except Exception as error:  # of sizes that make no sense the libraries raise anything
        said = " ".join(str(error).split())
        raise ModelUnavailable(
            "model.config",
            f"The model's config describes no {part} ({said}).",
            "Compare its config.json with that of a model that works.",
        ) from error


def hollow(part: Part, config: ModelConfig) -> nn.Module:
    """The part with its large parameters on `meta`; the global random state is left alone."""
    with torch.random.fork_rng(devices=[]), _WithoutMemory():
        return build(part, config)


Wanted = Mapping[str, tuple[str, tuple[int, ...]]]
"""Our name of each tensor of a module -> the module's own name of it, and its shape."""


def expected(part: Part, module: nn.Module) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The tensors that a module needs: our name -> (its own name, shape)."""
    names = MODULES[part]
    return {
        ours: (key, tuple(tensor.shape))
        for key, tensor in module.state_dict().items()
        if (ours := names.ours(key)) is not None
    }


def check(part: Part, wanted: Wanted, tensors: Tensors) -> None:
    """Nothing, or a ModelUnavailable that names what is missing, extra or of another shape."""
    missing = sorted(set(wanted) - set(tensors))
    extra = sorted(tensors[name].origin for name in set(tensors) - set(wanted))
    misshaped = [
        f"{tensors[name].origin} ({_size(tensors[name].shape)} instead of {_size(shape)})"
        for name, (_, shape) in wanted.items()
        if name in tensors and tensors[name].shape != shape
    ]
    faults = [
        f"{len(found)} {what}: {', '.join(found[:NAMED_AT_MOST])}"
        + (", ..." if len(found) > NAMED_AT_MOST else "")
        for what, found in (
            ("missing", missing),
            ("unknown", extra),
            ("of another shape", misshaped),
        )
        if found
    ]
    if faults:
        raise ModelUnavailable(
            "model.damaged",
            f"The weights do not fit the {part}: {'; '.join(faults)}.",
            "The file is damaged, or belongs to another model or version.",
        )


def fill(
    part: Part, module: nn.Module, tensors: Tensors, device: torch.device, dtype: torch.dtype
) -> nn.Module:
    """The hollow module with the tensors in it, on the device, in the dtype, for inference."""
    wanted = expected(part, module)
    check(part, wanted, tensors)
    module.load_state_dict(state(wanted, tensors, device, dtype), strict=False, assign=True)
    if part == "captioner":
        module.gpt.lm_head.weight = module.gpt.transformer.wte.weight  # type: ignore[union-attr]
    module.to(device)  # buffers
    left = [name for name, tensor in _all_tensors(module) if tensor.is_meta]
    assert not left, f"left on meta: {left}"
    return module.requires_grad_(False).eval()


def state(
    wanted: Wanted, tensors: Tensors, device: torch.device, dtype: torch.dtype
) -> dict[str, torch.Tensor]:
    """What is wanted, under the module's own names."""
    return {
        key: tensors[ours].load().to(device=device, dtype=dtype)
        for ours, (key, _) in wanted.items()
    }


def _all_tensors(module: nn.Module) -> list[tuple[str, torch.Tensor]]:
    return [*module.named_parameters(), *module.named_buffers()]


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "one number"


def _uvit(config: ModelConfig) -> nn.Module:
    from unidiff_cli.nets.uvit import UViT, UViTConfig

    return UViT(UViTConfig(**config.uvit))


def _vae(config: ModelConfig) -> nn.Module:
    from unidiff_cli.nets.autoencoder import autoencoder

    module: nn.Module = autoencoder(config.vae)
    return module


def _clip_text(config: ModelConfig) -> nn.Module:
    from transformers import CLIPTextConfig, CLIPTextModel

    module: nn.Module = CLIPTextModel(CLIPTextConfig(**config.clip_text))
    return module


def _clip_image(config: ModelConfig) -> nn.Module:
    from unidiff_cli.nets.image_tower import image_tower

    return image_tower(config.clip_image)


def _encode_prefix(config: ModelConfig) -> nn.Module:
    return nn.Linear(config.clip_text["hidden_size"], config.text_dim)


def _captioner(config: ModelConfig) -> nn.Module:
    from unidiff_cli.nets.captioner import Captioner

    return Captioner(config.gpt2, config.clip_text["hidden_size"], config.text_dim)


_CLASSES: Mapping[Part, Callable[[ModelConfig], nn.Module]] = {
    "uvit": _uvit,
    "vae": _vae,
    "clip_text": _clip_text,
    "clip_image": _clip_image,
    "encode_prefix": _encode_prefix,
    "captioner": _captioner,
}
