"""What the contenders of benchmarks/speed.py do, at the published size on random weights."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from unidiff_cli.nets.uvit import UViT, UViTConfig
from unidiff_cli.speed.dtype import DTYPES

Work = Callable[[], object]


def prepare(
    by: str, work: str, dtype: str, device: str = "cpu", samples: int = 1, side: int = 64
) -> Work:
    """An "evaluation" under guidance or a "caption", by "ours" or by diffusers' classes.

    `side` is that of the latent, an eighth of the picture's.
    """
    own, format = by == "ours", DTYPES[dtype]
    if work == "caption":
        return torch.inference_mode()(our_caption(format) if own else their_caption())
    point = points(format if not own else torch.float32, device, samples, side)
    guided = our_guided(ours(format, device), *point) if own else their_guided(format, *point)
    return torch.inference_mode()(guided)


def filled(build: Callable[[], nn.Module], dtype: torch.dtype, device: str) -> nn.Module:
    """A network of random weights, made without its own slow initialisation."""
    with torch.device("meta"):
        hollow = build()
    net = hollow.to(dtype).to_empty(device=device).eval().requires_grad_(False)
    torch.manual_seed(1)
    for tensor in (*net.parameters(), *net.buffers()):
        if tensor.is_floating_point():
            tensor.normal_(0, 0.02)
    for module in net.modules():
        if isinstance(module, nn.LayerNorm):
            module.weight.fill_(1)
    return net


def ours(dtype: torch.dtype, device: str = "cpu") -> UViT:
    """The published U-ViT."""
    net = filled(lambda: UViT(UViTConfig()), dtype, device)
    assert isinstance(net, UViT)
    return net


def theirs(dtype: torch.dtype, device: str) -> nn.Module:
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
    return filled(lambda: UniDiffuserModel(**sizes), dtype, device)


def points(
    dtype: torch.dtype, device: str = "cpu", samples: int = 1, side: int = 64
) -> tuple[Tensor, Tensor, Tensor]:
    """Latents of samples: image (B, 4, side, side), its CLIP embedding, text."""
    draw = torch.Generator().manual_seed(2)
    shapes = ((samples, 4, side, side), (samples, 1, 512), (samples, 77, 64))
    image, clip, text = (torch.randn(shape, generator=draw).to(device, dtype) for shape in shapes)
    return image, clip, text


def our_guided(net: UViT, image: Tensor, clip: Tensor, text: Tensor) -> Work:
    """One guided evaluation: both points of every sample in a batch."""
    latents = [part.repeat(2, *(1,) * (part.dim() - 1)) for part in (image, clip, text)]
    times = torch.tensor([0.0, 1000.0], device=image.device).repeat_interleave(len(image))
    return lambda: net(*latents, torch.full_like(times, 500.0), times)


def their_guided(dtype: torch.dtype, image: Tensor, clip: Tensor, text: Tensor) -> Work:
    """The same by diffusers' pipeline itself, without its scheduler."""
    from diffusers import UniDiffuserPipeline as Pipeline

    device = image.device.type
    pipe = SimpleNamespace(vae_scale_factor=8, num_channels_latents=4)
    pipe.unet, pipe.image_encoder_projection_dim = theirs(dtype, device), 512
    pipe._split = lambda x, height, width: Pipeline._split(pipe, x, height, width)
    pipe._combine = lambda vae, clip: Pipeline._combine(pipe, vae, clip)
    x = pipe._combine(image, clip)
    time = torch.tensor(500, device=device)
    about = ("text2img", x, time, text, image, clip, 1000, 1, 8.0, None, device)
    side = 8 * image.shape[-1]
    return lambda: Pipeline._get_noise_pred(pipe, *about, side, side)


def our_caption(dtype: torch.dtype) -> Work:
    """The beam search behind one text latent, 67 tokens."""
    from unidiff_cli.codecs.captions import decode_captions
    from unidiff_cli.nets.captioner import Captioner
    from unidiff_cli.registry import published
    from unidiff_cli.storage.tiny import caption_bytes

    gpt2 = published("unidiffuser-v1", data_types=2).gpt2
    net = Captioner(gpt2, 768, 64).to(dtype).eval().requires_grad_(False)
    latent, tokenizer = torch.randn(1, 77, 64), caption_bytes()
    return lambda: decode_captions(net, latent, tokenizer)


def their_caption() -> Work:
    """The same by diffusers' decoder, in its default float32."""
    from diffusers import UniDiffuserTextDecoder

    from unidiff_cli.registry import published

    size = published("unidiffuser-v1", data_types=2).gpt2["vocab_size"]
    net = UniDiffuserTextDecoder(77, 768, 64, vocab_size=size).eval()
    latent = torch.randn(1, 77, 64)
    return lambda: net.generate_captions(latent, size - 1, "cpu")
