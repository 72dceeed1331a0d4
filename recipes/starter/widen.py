"""Give a trained autoencoder more latent channels; what it has learned stays as it is.

    python recipes/starter/widen.py VAE CHANNELS OUT

VAE is the folder of a run of vae.toml. OUT gets its weights for CHANNELS latent channels, of which
the new ones say and change almost nothing yet: it is the `start` of vae-wide.toml.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from safetensors.torch import load_file, save_file
from torch import Tensor

QUIET = 0.05  # of the size of fresh weights: enough to tell the new channels apart
LOG_VARIANCE = -3.0  # of the new channels, so that the decoder is not disturbed at first


def moments(channels: int, new: int) -> Tensor:
    """Where the means and log variances of `channels` stand among those of `new` ones."""
    each = torch.arange(channels)
    return torch.cat([each, new + each])


def widened(tensors: dict[str, Tensor], fresh: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of the narrow autoencoder in the sizes of the fresh, wider one."""
    own = tensors["post_quant_conv.bias"].shape[0]
    wide = fresh["post_quant_conv.bias"].shape[0]
    old = moments(own, wide)
    out = {name: tensor.clone() for name, tensor in tensors.items()}

    weight, bias = (QUIET * fresh[f"encoder.conv_out.{name}"] for name in ("weight", "bias"))
    weight[old], bias[old] = tensors["encoder.conv_out.weight"], tensors["encoder.conv_out.bias"]
    out["encoder.conv_out.weight"], out["encoder.conv_out.bias"] = weight, bias

    weight = torch.eye(2 * wide)[:, :, None, None]
    weight[old[:, None], old] = tensors["quant_conv.weight"]
    bias = torch.cat([torch.zeros(wide), torch.full((wide,), LOG_VARIANCE)])
    bias[old] = tensors["quant_conv.bias"]
    out["quant_conv.weight"], out["quant_conv.bias"] = weight, bias

    weight, bias = torch.eye(wide)[:, :, None, None], torch.zeros(wide)
    weight[:own, :own], bias[:own] = (
        tensors["post_quant_conv.weight"],
        tensors["post_quant_conv.bias"],
    )
    out["post_quant_conv.weight"], out["post_quant_conv.bias"] = weight, bias

    weight = QUIET * fresh["decoder.conv_in.weight"]
    weight[:, :own] = tensors["decoder.conv_in.weight"]
    out["decoder.conv_in.weight"] = weight
    return out


def main() -> None:
    """Write the wider weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vae", type=Path)
    parser.add_argument("channels", type=int)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    sizes = json.loads((arguments.vae / "vae.json").read_text(encoding="utf-8"))
    torch.manual_seed(0)
    wide = AutoencoderKL(**{**sizes, "latent_channels": arguments.channels})
    tensors = widened(load_file(arguments.vae / "vae.safetensors"), wide.state_dict())
    wide.load_state_dict(tensors)
    save_file({name: each.contiguous() for name, each in tensors.items()}, arguments.out)


if __name__ == "__main__":
    main()
