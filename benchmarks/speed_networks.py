"""The two networks of benchmarks/speed.py at the published size, on random weights."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from unidiff_cli.nets.uvit import UViT, UViTConfig

Work = Callable[[], object]


def filled(build: Callable[[], nn.Module], dtype: torch.dtype) -> nn.Module:
    """A network of random weights, made without its own slow initialisation."""
    with torch.device("meta"):
        hollow = build()
    net = hollow.to(dtype).to_empty(device="cpu").eval().requires_grad_(False)
    draw = torch.Generator().manual_seed(1)
    for tensor in (*net.parameters(), *net.buffers()):
        if tensor.is_floating_point():
            tensor.normal_(0, 0.02, generator=draw)
    for module in net.modules():
        if isinstance(module, nn.LayerNorm):
            module.weight.fill_(1)
    return net


def ours(dtype: torch.dtype) -> UViT:
    """The published U-ViT."""
    net = filled(lambda: UViT(UViTConfig()), dtype)
    assert isinstance(net, UViT)
    return net


def theirs(dtype: torch.dtype) -> nn.Module:
    """diffusers' network of the same shapes."""
    from diffusers import UniDiffuserModel

    sizes: dict[str, Any] = {
        "text_dim": 64,
        "clip_img_dim": 512,
        "num_text_tokens": 77,
        "num_attention_heads": 24,
        "attention_head_dim": 64,
        "num_layers": 30,
        "in_channels": 4,
        "out_channels": 4,
        "sample_size": 64,
        "patch_size": 2,
        "num_embeds_ada_norm": 1000,
        "activation_fn": "gelu",
        "block_type": "unidiffuser",
        "pre_layer_norm": False,
        "use_timestep_embedding": False,
        "use_patch_pos_embed": False,
        "ff_final_dropout": True,
        "use_data_type_embedding": True,
    }
    return filled(lambda: UniDiffuserModel(**sizes), dtype)


def points(dtype: torch.dtype, side: int = 64) -> tuple[Tensor, Tensor, Tensor]:
    """The latents of the two points of guidance."""
    draw = torch.Generator().manual_seed(2)
    shapes = ((2, 4, side, side), (2, 1, 512), (2, 77, 64))
    image, clip, text = (torch.randn(shape, generator=draw).to(dtype) for shape in shapes)
    return image, clip, text


def our_guided(dtype: torch.dtype, net: UViT | None = None, side: int = 64) -> Work:
    """One guided evaluation: both points in a batch."""
    net = net or ours(dtype)
    times = torch.tensor([500.0, 500.0]), torch.tensor([0.0, 1000.0])
    latents = points(torch.float32, side)
    return torch.inference_mode()(lambda: net(*latents, *times))


def their_guided(dtype: torch.dtype) -> Work:
    """The same by diffusers' pipeline itself, without its scheduler."""
    from diffusers import UniDiffuserPipeline as Pipeline

    image, clip, text = (part[:1] for part in points(dtype))
    pipe = SimpleNamespace(unet=theirs(dtype), vae_scale_factor=8, num_channels_latents=4)
    pipe.image_encoder_projection_dim = 512
    pipe._split = lambda x, height, width: Pipeline._split(pipe, x, height, width)
    pipe._combine = lambda vae, clip: Pipeline._combine(pipe, vae, clip)
    x = pipe._combine(image, clip)
    about = ("text2img", x, torch.tensor(500), text, image, clip, 1000, 1, 8.0, None, "cpu")
    return torch.inference_mode()(lambda: Pipeline._get_noise_pred(pipe, *about, 512, 512))
